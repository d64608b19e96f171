/** A device without callbacks: `old_size`, `read_old` and `write_new` are to be set. */
#define PATCHCORE_DEVICE_INIT { sizeof(patchcore_device), NULL, 0, NULL, NULL, NULL, NULL }
/** All defaults. */
#define PATCHCORE_APPLIER_OPTIONS_INIT { sizeof(patchcore_applier_options), 0, 0, 0, NULL, 0, NULL, 0 }
