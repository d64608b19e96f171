/** To be filled. */
#define PATCHCORE_TREE_PATCH_INFO_INIT \
    { sizeof(patchcore_tree_patch_info), 0, 0, 0, { 0 }, 0, 0, { 0 }, { 0 }, NULL, 0, NULL, 0, NULL, 0, { 0 } }
/** To be filled. */
#define PATCHCORE_TREE_CHANGE_INIT { sizeof(patchcore_tree_change), NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_PATCH_CONTENTS_INIT { sizeof(patchcore_tree_patch_contents), 0, 0, 0 }
