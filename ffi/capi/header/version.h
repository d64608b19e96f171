/** The version of the library that this header belongs to. */
#define PATCHCORE_VERSION "0.1.0"
