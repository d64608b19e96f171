/** To be filled. */
#define PATCHCORE_CHAIN_APPLY_STATS_INIT { sizeof(patchcore_chain_apply_stats), 0, 0, 0, 0, 0, { 0 }, 0 }
