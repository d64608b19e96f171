/** To be filled. */
#define PATCHCORE_EXPLAINED_PART_INIT { sizeof(patchcore_explained_part), NULL, NULL, 0, 0, 0, 0, 0 }
/** To be filled. */
#define PATCHCORE_EXPLAINED_SEGMENT_INIT \
    { sizeof(patchcore_explained_segment), 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0 }
