/** All defaults. */
#define PATCHCORE_CHAIN_CREATE_OPTIONS_INIT { sizeof(patchcore_chain_create_options), NULL, 0, NULL, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_PRUNE_STATS_INIT { sizeof(patchcore_prune_stats), 0, 0, 0, 0, 0 }
