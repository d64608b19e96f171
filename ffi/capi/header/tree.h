/** All defaults. */
#define PATCHCORE_SCAN_OPTIONS_INIT { sizeof(patchcore_scan_options), NULL, NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_SNAPSHOT_INFO_INIT { sizeof(patchcore_snapshot_info), { 0 }, 0, 0 }
/** To be filled. */
#define PATCHCORE_TREE_ITEM_INIT { sizeof(patchcore_tree_item), NULL, 0, 0, 0, 0, { 0 }, NULL, 0 }
/** To be filled. */
#define PATCHCORE_INSTALLED_INIT { sizeof(patchcore_installed), 0, 0, { 0 }, { 0 } }
