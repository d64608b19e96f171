/** A buffer without bytes. */
#define PATCHCORE_BUFFER_INIT { NULL, 0 }
