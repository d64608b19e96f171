// What an error means to a player, and what to do.

const ADVICE = {
  ERR_PATCHCORE_CONFLICT: 'Files of the game were changed by somebody. Put them back, or take the full package.',
  ERR_PATCHCORE_NO_ROUTE: 'There is no package for this machine.',
  ERR_PATCHCORE_CORRUPT: 'The download is damaged. Please try again.',
  ERR_PATCHCORE_TARGET_MISMATCH: 'What was downloaded is not what was announced. Please try again later.',
  ERR_PATCHCORE_BAD_SIGNATURE: 'The update is not signed as it should be, and was not installed.',
  ERR_PATCHCORE_UNTRUSTED_KEY: 'The update was signed by somebody else, and was not installed.',
  ERR_PATCHCORE_UNSUPPORTED: 'The update is made for a newer launcher. Please update the launcher.',
  ERR_PATCHCORE_BUSY: 'Another launcher is updating the game.',
  ERR_PATCHCORE_NO_SPACE: 'The disk is full.',
  ERR_PATCHCORE_PERMISSION: 'The game must not be changed by this user.',
  ERR_PATCHCORE_NOT_FOUND: 'A file is missing.',
}

const OUTCOMES = {
  unchanged: 'The game is as it was.',
  rolled_back: 'The game is again as it was.',
  rollback_failed: 'The game is between two versions; start the launcher again to finish.',
}

export function advice(error) {
  const text = ADVICE[error.code] ?? 'The update failed.'
  return error.outcome ? `${text} ${OUTCOMES[error.outcome]}` : text
}
