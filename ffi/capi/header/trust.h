/** Nobody is trusted yet: `public_keys` are to be set. */
#define PATCHCORE_TRUST_INIT { sizeof(patchcore_trust), NULL, NULL, 0, NULL, 0 }
/** All defaults. */
#define PATCHCORE_SIGN_OPTIONS_INIT { sizeof(patchcore_sign_options), NULL, 0, NULL, 0, NULL, 0, 0 }
/** To be filled. */
#define PATCHCORE_SIGNED_FILE_INIT { sizeof(patchcore_signed_file), { 0 }, { 0 } }
/** To be filled. */
#define PATCHCORE_SIGNATURE_INFO_INIT { sizeof(patchcore_signature_info), NULL, 0, NULL, 0, { 0 } }
