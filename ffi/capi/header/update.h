/** A document that is none yet: `url`, or `json` and `base`, are to be set. */
#define PATCHCORE_DOCUMENT_INIT { sizeof(patchcore_document), NULL, 0, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_UPDATE_OPTIONS_INIT \
    { sizeof(patchcore_update_options), NULL, NULL, 0, NULL, 0, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0, \
      NULL, 0, NULL, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_UPDATE_INFO_INIT \
    { sizeof(patchcore_update_info), 0, 0, 0, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, { 0 } }
