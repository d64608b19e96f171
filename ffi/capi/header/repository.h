/** All defaults. */
#define PATCHCORE_REPOSITORY_OPTIONS_INIT { sizeof(patchcore_repository_options), NULL, 0, NULL, 0, NULL, 0, 0 }
/** All defaults. */
#define PATCHCORE_PUBLISH_OPTIONS_INIT { sizeof(patchcore_publish_options), NULL, NULL, NULL, 0, NULL, 0, 0 }
