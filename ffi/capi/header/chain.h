/** To be filled. */
#define PATCHCORE_CHAIN_INFO_INIT { sizeof(patchcore_chain_info), NULL, 0, 0, 0, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_VERSION_INFO_INIT { sizeof(patchcore_version_info), NULL, 0, { 0 }, 0 }
/** To be filled. */
#define PATCHCORE_LINK_INFO_INIT { sizeof(patchcore_link_info), 0, 0, 0, 0, 0, 0 }
