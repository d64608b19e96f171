#include <stddef.h>
#include <stdint.h>

/** The length of a string that ends with a NUL. */
#define PATCHCORE_NUL_TERMINATED SIZE_MAX
