/** A job that nobody watches and nobody stops. */
#define PATCHCORE_JOB_INIT { sizeof(patchcore_job), NULL, NULL, NULL, NULL }
