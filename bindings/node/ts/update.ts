/** The whole way of an update: decide, fetch, verify, apply, and remember what is installed. */

import { fileURLToPath } from 'node:url'

import type { FetchStats, UpdateReport } from '../native.js'
import * as native from '../native.js'
import { invalid } from './errors.js'
import { type FilePath, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { amount, given, jsonText } from './options.js'
import { type TreeApplyOptions, treeApplyArgument } from './tree.js'
import { keysArgument, type TrustOptions } from './trust.js'

/** How anything is fetched. */
export interface TransferOptions {
  /** More bytes than this are LIMIT; no limit by default. */
  maxSize?: number | undefined
  /** At most so many bytes a second; as fast as it goes by default. */
  maxBytesPerSecond?: number | undefined
  /** Milliseconds after which nothing arriving is TIMEOUT; 300,000 by default. */
  idleTimeout?: number | undefined
  /** How often a place is tried again in vain; 5 by default. */
  retries?: number | undefined
  /** The proxy, or `none`; what the environment says by default. */
  proxy?: string | undefined
  /** A PEM file of the authorities whose certificates servers may have, instead of those of the web. */
  authorities?: FilePath | undefined
}

/** How a file is fetched. */
export interface FetchOptions extends JobOptions, TransferOptions {
  /** The file, which appears whole and verified or not at all. */
  out: FilePath
  /** The size that it must have, in bytes, where that is known. */
  size?: number | undefined
  /** The SHA-256 that it must have, in hex, where that is known. */
  digest?: string | undefined
}

/**
 * What says what there is to install: a URL or path, or the JSON text, or the object that it says, together with the URL or
 * path that relative URLs in it lie beside.
 */
export type UpdateDocument = string | URL | { readonly json: string | object; readonly base: string | URL }

/** How a directory is updated. */
export interface UpdateOptions extends TreeApplyOptions, TransferOptions, Pick<TrustOptions, 'publicKeys'> {
  /** The version that is installed; what the directory itself remembers by default. */
  installed?: string | undefined
  /** Paths that every installation has; where one is missing, the full package is taken. */
  required?: readonly string[] | undefined
  /** Take the full package whatever is installed. */
  forceFull?: boolean | undefined
  /** The architecture that packages must be for; that of this machine by default. */
  architecture?: string | undefined
  /** Where packages are kept; in the directory, and only until they are applied, by default. */
  cache?: FilePath | undefined
  /** Download and verify, and leave the directory as it is. The same call without this applies it, also without a network. */
  downloadOnly?: boolean | undefined
  /** Decide, and do nothing. */
  dryRun?: boolean | undefined
}

/**
 * Fetches a file from the first of several places that works: URLs or paths. What came of it is kept beside `out`, and the
 * next call goes on from there.
 */
export async function fetchFile(
  from: string | URL | readonly (string | URL)[],
  options: FetchOptions,
): Promise<FetchStats> {
  if (typeof options !== 'object' || options === null || options.out === undefined) {
    throw invalid('what is fetched is a file; name it with out')
  }
  const [urls, out] = [(Array.isArray(from) ? from : [from]).map(placeArgument), pathArgument(options.out)]
  const { size, digest } = options
  const how = { ...transferArgument(options), ...given<native.FetchOptions>({ size: amount('size', size), digest }) }
  return run(options, (listener) => native.fetchFile(urls, out, how, listener))
}

/**
 * Applies the one package that a document announces to a directory: `{ url, hash, signature, version, operations, … }`. Nothing
 * is done where its version is installed already; an older one is STALE.
 */
export async function updateFromPackageInfo(
  folder: FilePath,
  document: UpdateDocument,
  options: UpdateOptions = {},
): Promise<UpdateReport> {
  const [root, from, how] = [pathArgument(folder), documentArgument(document), updateArgument(options)]
  return run(options, (listener) => native.updateFromPackageInfo(root, from, how, listener))
}

/**
 * Brings a directory to the release of a service manifest, by a patch or by the full package: `reason` says why. NO_ROUTE where
 * the full package is needed and there is none for the architecture.
 */
export async function updateFromServiceManifest(
  folder: FilePath,
  document: UpdateDocument,
  options: UpdateOptions = {},
): Promise<UpdateReport> {
  const [root, from, how] = [pathArgument(folder), documentArgument(document), updateArgument(options)]
  return run(options, (listener) => native.updateFromServiceManifest(root, from, how, listener))
}

/** @internal */
export function updateArgument(options: UpdateOptions): native.UpdateOptions {
  const { installed, required, forceFull, architecture, cache, downloadOnly, dryRun } = options
  return given({
    publicKeys: keysArgument(options.publicKeys),
    installed,
    required: required as string[] | undefined,
    forceFull,
    architecture,
    cache: cache === undefined ? undefined : pathArgument(cache),
    downloadOnly,
    dryRun,
    fetch: transferArgument(options),
    apply: treeApplyArgument(options),
  })
}

/** @internal */
export function transferArgument(options: TransferOptions): native.FetchOptions {
  const { maxSize, maxBytesPerSecond, idleTimeout, retries, proxy, authorities } = options
  return given({
    maxSize: amount('maxSize', maxSize),
    maxBytesPerSecond: amount('maxBytesPerSecond', maxBytesPerSecond),
    idleTimeout: amount('idleTimeout', idleTimeout),
    retries: amount('retries', retries === Infinity ? 2 ** 32 - 1 : retries),
    proxy,
    authorities: authorities === undefined ? undefined : pathArgument(authorities),
  })
}

function documentArgument(document: UpdateDocument): native.DocumentArgument {
  if (typeof document === 'string' || document instanceof URL) return { url: placeArgument(document) }
  if (typeof document === 'object' && document !== null && 'json' in document) {
    return { url: placeArgument(document.base), json: jsonText('json', document.json) }
  }
  throw invalid('a document is a URL, a path, or { json, base }')
}

/**
 * A URL, or a path where it is one.
 *
 * @internal
 */
export function placeArgument(place: string | URL): string {
  if (typeof place === 'string') return place
  if (place instanceof URL) return place.protocol === 'file:' ? fileURLToPath(place) : place.href
  throw invalid('where something is, is a URL or a path')
}
