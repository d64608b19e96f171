/** Channels: the versions of one file as static files, and the fewest bytes to the newest. */

import type { ChannelPublishStats, FileUpdateReport } from '../native.js'
import * as native from '../native.js'
import { invalid } from './errors.js'
import { type FilePath, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { applyArgument, type ApplyOptions, given, type LimitOptions, squashArgument } from './options.js'
import { keysArgument, type TrustOptions } from './trust.js'
import { placeArgument, transferArgument, type TransferOptions } from './update.js'

/** How a channel is published. */
export interface ChannelPublishOptions extends JobOptions, LimitOptions {
  /** The newest version of the chain, as a whole. */
  latest: FilePath
  /** The name of the file through all its versions; the published one, or else that of the chain, by default. */
  family?: string | undefined
  /** Where the files will be found; beside the manifest by default. */
  baseUrl?: string | URL | undefined
  /** When clients are to believe the manifest no longer: a Date, or a text such as `2030-01-31T12:00:00Z`. */
  expiresAt?: Date | string | undefined
  /** The file of the secret key that signs the manifest. */
  key?: FilePath | undefined
  /** The password of that key, where it has one. */
  password?: string | undefined
  /** Publish also a chain that does not hold the version which is published. */
  force?: boolean | undefined
  /** 1 (fastest) to 9 (smallest), for the deltas that are made. */
  level?: number | undefined
}

/** How a file is updated. */
export interface FileUpdateOptions
  extends JobOptions, TransferOptions, Pick<TrustOptions, 'publicKeys'>, Omit<ApplyOptions, 'out' | 'noClobber' | 'scratch'> {
  /** The version that the file must be: a name, or a SHA-256 or its first digits. */
  from?: string | undefined
  /** The version that is wanted; the newest by default. */
  to?: string | undefined
  /** Take the file as a whole whatever is there. */
  forceFull?: boolean | undefined
  /** The folder for what is downloaded and remembered; that of the file by default. */
  cache?: FilePath | undefined
  /** Download and verify, and leave the file as it is. The same call without this applies it, also without a network. */
  downloadOnly?: boolean | undefined
  /** Plan, and do nothing. */
  dryRun?: boolean | undefined
}

/**
 * Publishes the newest version of a file, and its chain, as static files for any web host. The manifest is written last;
 * publishing the same again changes nothing.
 */
export async function publishChannel(
  folder: FilePath,
  chain: FilePath,
  options: ChannelPublishOptions,
): Promise<ChannelPublishStats> {
  if (typeof options !== 'object' || options === null || options.latest === undefined) {
    throw invalid('publishing takes the newest version as a whole; name it with latest')
  }
  const [into, of, latest] = [pathArgument(folder), pathArgument(chain), pathArgument(options.latest)]
  const { family, baseUrl, expiresAt, key, password, force } = options
  const how = given<native.ChannelPublishOptions>({
    family,
    baseUrl: baseUrl instanceof URL ? baseUrl.href : baseUrl,
    expiresAt: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt,
    key: key === undefined ? undefined : pathArgument(key),
    password,
    force,
    squash: squashArgument(options),
  })
  return run(options, (listener) => native.publishChannel(into, of, latest, how, listener))
}

/**
 * Brings a file to the newest version of the channel at `url`, that of its manifest or of the folder that this is in, by the
 * fewest bytes: a squashed delta, just the links of the chain that it needs, or the whole file. Where there is no file, it is
 * made. STALE where the manifest has expired, or an older one is played back.
 */
export async function updateFile(
  file: FilePath,
  url: string | URL,
  options: FileUpdateOptions = {},
): Promise<FileUpdateReport> {
  const [of, from, { cache, downloadOnly, dryRun, forceFull }] = [pathArgument(file), placeArgument(url), options]
  const how = given<native.FileUpdateOptions>({
    publicKeys: keysArgument(options.publicKeys),
    from: options.from,
    to: options.to,
    forceFull,
    cache: cache === undefined ? undefined : pathArgument(cache),
    downloadOnly,
    dryRun,
    fetch: transferArgument(options),
    apply: applyArgument(options),
  })
  return run(options, (listener) => native.updateFile(of, from, how, listener))
}
