/** Versions of a directory as static files that any web host serves, published at the cost of what changed. */

import * as native from '../native.js'
import { invalid } from './errors.js'
import { type FilePath, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { amount, given } from './options.js'
import { diffArgument, type TreeDiffOptions } from './tree.js'
import { keysArgument, type TrustOptions } from './trust.js'
import { placeArgument, updateArgument, type UpdateOptions } from './update.js'

/** Whose packages are meant, and how the manifest is signed. */
export interface RepositoryOptions {
  /** The architecture whose packages are meant; those for all by default. */
  architecture?: string | undefined
  /** The file of the secret key that signs the manifest. A repository that is signed is changed by nobody without one. */
  key?: FilePath | undefined
  /** The password of that key, where it has one. */
  password?: string | undefined
}

/** How a repository is changed. */
export interface RepositoryChangeOptions extends JobOptions {
  /** Say what would be done, and do nothing. */
  dryRun?: boolean | undefined
}

/** How a repository is pruned. */
export interface RepositoryPruneOptions extends RepositoryChangeOptions {
  /** The deltas from so many versions before the newest stay; 5 by default. */
  keep?: number | undefined
}

/** How a version is published. */
export interface PublishOptions
  extends RepositoryChangeOptions, Omit<TreeDiffOptions, 'out' | 'noClobber' | 'minVersion' | 'maxVersion' | 'version'> {
  /** What people should know of the version. */
  notes?: string | undefined
  /** When clients believe the manifest no longer: a Date, or a text such as `2030-01-31T12:00:00Z`, or `never`; by default as it was. */
  expiresAt?: Date | string | undefined
  /** Make one package each from so many versions before the last one, for hosts that make none on demand. */
  squashFrom?: number | undefined
}

/** How a directory is updated from a repository. */
export interface RepositoryUpdateOptions extends UpdateOptions {
  /** The version that is wanted; the newest by default. */
  to?: string | undefined
  /** Compare the directory with the release and replace what differs. */
  repair?: boolean | undefined
  /** Patterns of what is never changed or deleted where it is there, as in `.gitignore`. */
  keepLocal?: readonly string[] | undefined
}

/** One package of a repository. */
export interface RepositoryPackage {
  /** The version that it starts from; `0.0.0` is an empty directory. */
  readonly from: string
  /** The version that it makes. */
  readonly to: string
  /** Its name within the repository. */
  readonly file: string
  /** Its size in bytes. What the file has beyond that is the beginning of a later one. */
  readonly size: number
  /** The files in it. */
  readonly fileCount: number
  /** Whether it is a version in full that later ones start from. */
  readonly isBase: boolean
  /** Whether it is the newest version in full. */
  readonly isCombined: boolean
  /** When it was made: RFC 3339, in UTC. */
  readonly createdAt?: string
  /** The SHA-256 of its bytes, in hex. */
  readonly sha256?: string
  /** The architecture that it is for, where it is not for all. */
  readonly arch?: string
  /** The digest of the directory that it makes. */
  readonly tree?: string
  /** The digest of the directory that a delta starts from. */
  readonly fromTree?: string
  /** What people should know of the version that it makes. */
  readonly notes?: string
  /** Paths that go away, where the package cannot say so itself. */
  readonly deleted?: readonly string[]
  /** Whether it was made from the deltas between, which lead there, too. */
  readonly isSquashed?: boolean
  /** How many paths it changes, by what is done to them. */
  readonly operations?: { readonly [kind: string]: number }
}

/** The packages of a repository. What others wrote into `manifest.json` is in it as well. */
export interface RepositoryManifest {
  /** The newest version; none before the first one is published. */
  readonly latestVersion?: string
  /** When the manifest was written: RFC 3339, in UTC. */
  readonly generatedAt?: string
  /** Grows with every manifest that is written. */
  readonly sequence: number
  /** When the manifest is to be believed no longer. */
  readonly expiresAt?: string
  /** Whether packages hold whole files alone, for readers that only unzip. */
  readonly plain?: boolean
  /** The packages. */
  readonly patches: readonly RepositoryPackage[]
}

/** What publishing did, or would do. */
export interface PublishReport {
  /** The version. */
  readonly version: string
  /** The version before. */
  readonly previous?: string
  /** The digest of the directory. */
  readonly tree: string
  /** Whether anything is other than before. */
  readonly changed: boolean
  /** Whether that was only said. */
  readonly dryRun: boolean
  /** The packages that were made. */
  readonly packages: readonly RepositoryPackage[]
  /** The bytes of all that was written for them. */
  readonly writtenBytes: number
  /** The bytes of the archive of everything that belong to nothing any more. */
  readonly deadBytes: number
  /** Whether the archive was written anew, since too much of it was dead. */
  readonly compacted: boolean
  /** Files that nobody needs any more and that are gone. */
  readonly removed: readonly string[]
  /** What its publisher should think about. */
  readonly warnings: readonly string[]
}

/** Why a client gets to a version in that way. Newer versions may have more. */
export type UpdatePlanReason =
  | 'up_to_date'
  | 'newer_installed'
  | 'new_installation'
  | 'fewest_bytes'
  | 'full_is_smaller'
  | 'unknown_version'
  | 'no_deltas'

/** What brings a client to a version. */
export interface UpdatePlan {
  /** The version that is installed, where that is known. */
  readonly from?: string
  /** The version that will be installed. */
  readonly to: string
  /** How. Newer versions may know more ways. */
  readonly means: 'none' | 'deltas' | 'full'
  /** Why so. */
  readonly reason: UpdatePlanReason
  /** The bytes of all packages. */
  readonly bytes: number
  /** The packages, in the order in which they are applied. */
  readonly packages: readonly RepositoryPackage[]
}

/** What pruning removed, or would remove. */
export interface PruneReport {
  /** Whether that was only said. */
  readonly dryRun: boolean
  /** The files. */
  readonly removed: readonly string[]
  /** Their bytes. */
  readonly bytes: number
  /** How many deltas stay although they are old, since nothing else leads on from where they start. */
  readonly needed: number
}

/** What withdrawing a version did, or would do. */
export interface WithdrawReport {
  /** The version that is gone. */
  readonly version: string
  /** Whether that was only said. */
  readonly dryRun: boolean
  /** The newest version now. */
  readonly latestVersion?: string
  /** The files that went. */
  readonly removed: readonly string[]
  /** The packages that were made in their place. */
  readonly packages: readonly RepositoryPackage[]
  /** What its publisher should think about. */
  readonly warnings: readonly string[]
}

/** A file of a repository, and what is to be said about it. */
export interface RepositoryProblem {
  /** Its name within the repository. */
  readonly file: string
  /** What is wrong, or why it was left out. */
  readonly reason: string
}

/** What rebuilding found and made, or would make. */
export interface RebuildReport {
  /** Whether that was only said. */
  readonly dryRun: boolean
  /** The newest version. */
  readonly latestVersion?: string
  /** The packages that are in the manifest now. */
  readonly packages: number
  /** Those that it did not name before. */
  readonly adopted: readonly string[]
  /** Those that are of no use. */
  readonly leftOut: readonly RepositoryProblem[]
  /** Those that it named and that are gone. */
  readonly missing: readonly string[]
  /** The archives that were made. */
  readonly made: readonly string[]
}

/** Whether everything in a repository is as its manifest says. */
export interface RepositoryVerification {
  /** The packages that are right. */
  readonly packages: number
  /** Their bytes. */
  readonly bytes: number
  /** The identifier of the key that signed the manifest, where keys were given. */
  readonly keyId?: string
  /** What is wrong; empty where all is well. */
  readonly problems: readonly RepositoryProblem[]
}

/** What an update from a repository did, and why. */
export interface RepositoryUpdateReport {
  /** What was done. */
  readonly action: native.UpdateAction
  /** How. Newer versions may know more ways. */
  readonly means: UpdatePlan['means'] | 'repair'
  /** Why so. */
  readonly reason: UpdatePlanReason | 'forced_full' | 'repair_asked' | 'incomplete_installation'
  /** The version that was installed, where that is known. */
  readonly from?: string
  /** The version that is wanted. */
  readonly to: string
  /** The packages that were taken, in order; `path` is where one was downloaded to, if it is there still. */
  readonly packages: readonly { readonly file: string; readonly size: number; readonly path?: string }[]
  /** The bytes of packages that came over the network. */
  readonly downloadedBytes: number
  /** What people should know of each version on the way, as its publisher wrote it. */
  readonly notes: readonly { readonly version: string; readonly text: string }[]
  /** Why the planned way was left, where it was: a status such as `NOT_FOUND`, and what went wrong. */
  readonly fallback?: { readonly status: string; readonly message: string }
  /** The identifier of the trusted key that signed the manifest, where one was required. */
  readonly keyId?: string
  /** Paths that were changed, where packages were applied. */
  readonly changed?: number
  /** The bytes of the new files. */
  readonly bytes?: number
  /** Paths that are there and were kept as they are. */
  readonly kept?: readonly string[]
  /** After a whole version was installed: what stands in the directory and is no part of it. */
  readonly unlisted: readonly string[]
}

/**
 * A folder of packages, and a `manifest.json` that names them. Whatever happens, readers see it before or after a change. Any
 * number of operations may run on it at once; of two that change it, one is BUSY.
 */
export class Repository {
  /** The folder, as it was given. */
  readonly path: FilePath
  readonly #options: RepositoryOptions

  private constructor(path: FilePath, options: RepositoryOptions) {
    this.path = path
    this.#options = options
  }

  /**
   * Makes an empty repository in a folder, which is made where it is missing. INVALID_ARGUMENT where there is one. The packages
   * of a `plain` one are ZIP files of whole files, for readers that only unzip.
   */
  static async init(path: FilePath, options: RepositoryOptions & { plain?: boolean | undefined } = {}): Promise<Repository> {
    const repository = new Repository(path, options)
    await repository.#use('init', {}, { plain: options.plain })
    return repository
  }

  /** Opens the repository in a folder. NOT_FOUND where there is none. */
  static async open(path: FilePath, options: RepositoryOptions = {}): Promise<Repository> {
    const repository = new Repository(path, options)
    await repository.manifest()
    return repository
  }

  /**
   * Makes manifest and archives again from the packages that are in a folder, whoever made them: then it is a repository.
   */
  static async rebuild(path: FilePath, options: RepositoryOptions & RepositoryChangeOptions = {}): Promise<RebuildReport> {
    return new Repository(path, options).#use('rebuild', options)
  }

  /** The manifest as it is now: versions, packages, when it expires. */
  async manifest(): Promise<RepositoryManifest> {
    return this.#use('manifest', {})
  }

  /**
   * Publishes a version of a directory, or of a ZIP file of one. The same content under the newest version again changes
   * nothing; other content, or a lower version, is INVALID_ARGUMENT.
   */
  async publish(source: FilePath, version: string, options: PublishOptions = {}): Promise<PublishReport> {
    const { notes, expiresAt, squashFrom } = options
    return this.#use('publish', options, {
      source: pathArgument(source),
      version: versionArgument(version),
      notes,
      expiresAt: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt,
      squashFrom: amount('squashFrom', squashFrom),
      diff: diffArgument(options),
    })
  }

  /**
   * Says what a client at the version `from` would download; `0.0.0` is nothing at all, and without one it is not known. The
   * wanted version is the newest by default. UNKNOWN_VERSION where there is no version `to`, NO_ROUTE where nothing leads to it.
   */
  async plan(from?: string, to?: string): Promise<UpdatePlan> {
    return this.#use('plan', {}, { from, to })
  }

  /** Removes the deltas from old versions, but none that is the last way from somewhere to the newest version. */
  async prune(options: RepositoryPruneOptions = {}): Promise<PruneReport> {
    return this.#use('prune', options, { keep: amount('keep', options.keep ?? 5) })
  }

  /** Takes a bad version back: nothing leads to it any more. Whoever has it already is helped by a higher version. */
  async withdraw(version: string, options: RepositoryChangeOptions = {}): Promise<WithdrawReport> {
    return this.#use('withdraw', options, { version: versionArgument(version) })
  }

  /** Makes the newest version one that new installations start from: a package of all of it, without anything out of use. */
  async newBase(options: RepositoryChangeOptions = {}): Promise<RebuildReport> {
    return this.#use('newBase', options)
  }

  /** Reads every package, checks the signature of the manifest where keys are given, and tries every route. */
  async verify(options: JobOptions & Pick<TrustOptions, 'publicKeys'> = {}): Promise<RepositoryVerification> {
    return this.#use('verify', options, { publicKeys: keysArgument(options.publicKeys) })
  }

  async #use<T>(
    verb: string,
    options: RepositoryChangeOptions,
    more: { [K in keyof native.RepositoryRequest]?: native.RepositoryRequest[K] | undefined } = {},
  ): Promise<T> {
    const { architecture, key, password } = this.#options
    const request = given<native.RepositoryRequest>({
      ...more,
      verb,
      architecture,
      key: key === undefined ? undefined : pathArgument(key),
      password,
      dryRun: options.dryRun,
    })
    const folder = pathArgument(this.path)
    return said(await run<string>(options, (listener) => native.useRepository(folder, request, listener)))
  }
}

/**
 * Brings a directory to the newest version in the repository at `url`, that of its folder or its `manifest.json`, for the fewest
 * bytes. A directory that is missing or empty is a new installation. Where nothing leads on from what is installed, the files
 * that differ from the release are fetched alone and replaced. STALE where the manifest is older than one that the directory
 * has seen, or expired; CONFLICT where a delta would overwrite what somebody changed.
 */
export async function updateFromRepository(
  folder: FilePath,
  url: string | URL,
  options: RepositoryUpdateOptions = {},
): Promise<RepositoryUpdateReport> {
  const [root, from, { to, repair, keepLocal }] = [pathArgument(folder), placeArgument(url), options]
  const more = given<Partial<native.UpdateOptions>>({ to, repair, keepLocal: keepLocal as string[] | undefined })
  const how = { ...updateArgument(options), ...more }
  return said(await run<string>(options, (listener) => native.updateFromRepository(root, from, how, listener)))
}

function versionArgument(version: string): string {
  if (typeof version === 'string') return version
  throw invalid('a version is a text such as 1.1.0')
}

/** What a JSON text says, with names as JavaScript has them, also of what others wrote. Names that are data stay. */
function said<T>(text: string): T {
  return JSON.parse(text, (name, value: unknown) => {
    if (value === null) return undefined
    if (typeof value !== 'object' || Array.isArray(value) || name === 'operations') return value
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [camelCase(name), part]))
  }) as T
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
