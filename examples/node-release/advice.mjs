// What an error means to a player, and what to do.

const ADVICE = {
  ERR_PATCHCORE_UNKNOWN_VERSION: 'The installed file was changed, or is not in this chain. Please download it as a whole.',
  ERR_PATCHCORE_NO_ROUTE: 'There is no way to that version. Please download it as a whole.',
  ERR_PATCHCORE_CORRUPT: 'The download is damaged. Please download it again.',
  ERR_PATCHCORE_UNSUPPORTED: 'The download is made for a newer launcher. Please update the launcher.',
  ERR_PATCHCORE_NO_SPACE: 'The disk is full. Nothing was changed.',
  ERR_PATCHCORE_PERMISSION: 'The file must not be changed by this user.',
  ERR_PATCHCORE_NOT_FOUND: 'A file is missing.',
}

export function advice(error) {
  return ADVICE[error.code] ?? 'The update failed. Nothing was changed.'
}
