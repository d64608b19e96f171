/** All defaults. */
#define PATCHCORE_TREE_DIFF_OPTIONS_INIT \
    { sizeof(patchcore_tree_diff_options), NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, \
      0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_DIFF_STATS_INIT { sizeof(patchcore_tree_diff_stats), { 0 }, { 0 }, 0, 0, 0, 0, { 0 } }
/** Outputs that are none yet: `package` and `operations` are to be set. */
#define PATCHCORE_OPERATION_OUTPUTS_INIT { sizeof(patchcore_operation_outputs), NULL, 0, NULL, 0, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_TREE_SQUASH_OPTIONS_INIT { sizeof(patchcore_tree_squash_options), 0, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_SQUASH_STATS_INIT { sizeof(patchcore_tree_squash_stats), 0, { 0 } }
