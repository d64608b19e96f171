/** What can go wrong: one class, told apart by its code. */

import { getSystemErrorName } from 'node:util'

import type { Failure } from '../native.js'

/** Every status that is an error, with its stable number. A test compares them with the table of the core. */
export const STATUSES = {
  INVALID_ARGUMENT: 10,
  UNSUPPORTED: 11,
  CANCELLED: 12,
  CALLBACK: 13,
  BUSY: 14,
  INTERNAL: 15,
  NO_MEMORY: 16,
  IO: 20,
  NOT_FOUND: 21,
  NO_SPACE: 22,
  NETWORK: 23,
  TIMEOUT: 24,
  PERMISSION: 25,
  CORRUPT: 30,
  LIMIT: 31,
  UNSAFE_PATH: 32,
  SOURCE_MISMATCH: 40,
  TARGET_MISMATCH: 41,
  NO_ROUTE: 42,
  UNKNOWN_VERSION: 43,
  AMBIGUOUS_VERSION: 44,
  CONFLICT: 45,
  NOT_COMPOSABLE: 46,
  BAD_SIGNATURE: 50,
  UNTRUSTED_KEY: 51,
  STALE: 52,
} as const

/** The name of a status that is an error, such as `SOURCE_MISMATCH`. */
export type StatusName = keyof typeof STATUSES

/** The `code` of a {@link PatchcoreError}, such as `ERR_PATCHCORE_SOURCE_MISMATCH`. */
export type ErrorCode = `ERR_PATCHCORE_${StatusName}`

/** What became of a directory that was to be changed: nothing, all of it is back, or `recoverTree` has to try again. */
export type Outcome = 'unchanged' | 'rolled_back' | 'rollback_failed'

/** Where something went wrong, and what became of it. */
export interface ErrorPlace {
  path?: string | Buffer
  offset?: number
  /** The operating system's number. */
  systemCode?: number
  outcome?: Outcome
}

/** What went wrong, where, and what to do about it. Newer versions may have more codes. */
export class PatchcoreError extends Error {
  /** What to act on, such as `ERR_PATCHCORE_CORRUPT`. */
  readonly code: ErrorCode
  /** The number of that status, the same in every language and as the exit status of the command line. */
  readonly status: number
  /** The file that the error is about, where there is one: a Buffer where its name is no UTF-8. */
  declare readonly path?: string | Buffer
  /** The offset in that file, or in the input where that has no path, in bytes. */
  declare readonly offset?: number
  /** The number that the operating system gave, negative as in Node's own errors. */
  declare readonly errno?: number
  /** The name of that number, such as `ENOENT`. */
  declare readonly systemCode?: string
  /** What became of the directory, where one was to be changed. */
  declare readonly outcome?: Outcome

  constructor(status: StatusName, message: string, place: ErrorPlace = {}) {
    super(message)
    this.code = `ERR_PATCHCORE_${status}`
    this.status = STATUSES[status]
    const { path, offset, systemCode, outcome } = place
    if (path !== undefined) this.path = path
    if (offset !== undefined) this.offset = offset
    if (outcome !== undefined) this.outcome = outcome
    if (systemCode !== undefined) {
      // libuv negates the numbers of Unix and has numbers of its own for Windows, which are not known here.
      this.errno = process.platform === 'win32' ? systemCode : -systemCode
      const name = nameOf(this.errno)
      if (name !== undefined) this.systemCode = name
    }
  }

  /** @internal */
  static from(failure: Failure): PatchcoreError {
    return new PatchcoreError(failure.name as StatusName, failure.message, failure as ErrorPlace)
  }
}

Object.defineProperty(PatchcoreError.prototype, 'name', { value: 'PatchcoreError', configurable: true, writable: true })

/** @internal */
export function invalid(message: string): PatchcoreError {
  return new PatchcoreError('INVALID_ARGUMENT', message)
}

function nameOf(errno: number): string | undefined {
  if (process.platform === 'win32') return undefined
  const name = getSystemErrorName(errno)
  return name.startsWith('Unknown') ? undefined : name
}
