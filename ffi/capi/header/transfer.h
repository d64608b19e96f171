/** All defaults. */
#define PATCHCORE_FETCH_OPTIONS_INIT { sizeof(patchcore_fetch_options), NULL, 0, 0, 0, 0, 0, 0, NULL, 0, NULL, 0 }
/** To be filled. */
#define PATCHCORE_FETCH_STATS_INIT { sizeof(patchcore_fetch_stats), { 0 }, 0, 0, 0 }
