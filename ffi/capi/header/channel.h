/** All defaults. */
#define PATCHCORE_CHANNEL_PUBLISH_OPTIONS_INIT \
    { sizeof(patchcore_channel_publish_options), NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0 }
/** To be filled. */
#define PATCHCORE_CHANNEL_PUBLISH_STATS_INIT \
    { sizeof(patchcore_channel_publish_stats), { 0 }, { 0 }, 0, 0, 0, 0, 0, 0 }
/** All defaults. */
#define PATCHCORE_FILE_UPDATE_OPTIONS_INIT \
    { sizeof(patchcore_file_update_options), NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_FILE_UPDATE_STATS_INIT \
    { sizeof(patchcore_file_update_stats), 0, 0, 0, 0, { 0 }, { 0 }, { 0 }, 0, 0, 0, 0, { 0 }, { 0 }, { 0 } }
