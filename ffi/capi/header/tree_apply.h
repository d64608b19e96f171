/** All defaults. */
#define PATCHCORE_TREE_APPLY_OPTIONS_INIT { sizeof(patchcore_tree_apply_options), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_PLAN_INFO_INIT { sizeof(patchcore_tree_plan_info), 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_CONFLICT_INIT { sizeof(patchcore_tree_conflict), NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_APPLY_STATS_INIT { sizeof(patchcore_tree_apply_stats), 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_VERIFICATION_INFO_INIT { sizeof(patchcore_tree_verification_info), 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_DIFFERENCE_INIT { sizeof(patchcore_tree_difference), NULL, 0, 0 }
