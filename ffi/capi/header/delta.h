/** All defaults. */
#define PATCHCORE_DIFF_OPTIONS_INIT { sizeof(patchcore_diff_options), 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_SQUASH_OPTIONS_INIT { sizeof(patchcore_squash_options), 0, 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_APPLY_OPTIONS_INIT { sizeof(patchcore_apply_options), 0, 0, 0, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_LIMITS_INIT { sizeof(patchcore_limits), 0 }
/** To be filled. */
#define PATCHCORE_DELTA_INFO_INIT { sizeof(patchcore_delta_info), 0, 0, { 0 }, { 0 }, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_DELTA_CONTENTS_INIT { sizeof(patchcore_delta_contents), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_APPLY_STATS_INIT { sizeof(patchcore_apply_stats), { 0 }, 0 }
