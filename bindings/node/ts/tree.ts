/** From one version of a directory to another, whole or not at all, and back. */

import type {
  Installed,
  TreeApplyStats,
  TreeChange,
  TreeDiffStats,
  TreePatchContents,
  TreePatchInfo,
  TreePlan,
  TreeSnapshot,
  TreeSquashStats,
  TreeVerification,
} from '../native.js'
import * as native from '../native.js'
import { invalid } from './errors.js'
import { type FilePath, type Input, inputArgument, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { amount, given, jsonText, levelOf, type LimitOptions, type OutputOptions } from './options.js'
import { trustArgument, type TrustOptions } from './trust.js'

/** How a directory is looked at. */
export interface ScanOptions extends JobOptions {
  /** Patterns of what is no part of the tree, as in `.gitignore`. */
  exclude?: readonly string[] | undefined
  /** Take what symbolic links point to in the place of the links. */
  dereference?: boolean | undefined
  /** Threads that read and hash at a time; 1 by default. */
  threads?: number | undefined
}

/** How whole files are compressed in a package: as any ZIP tool reads it, not at all, or smaller for tools that know zstd. */
export type Compression = 'deflate' | 'stored' | 'zstd'

/** How two directories are compared and packed. */
export interface TreeDiffOptions extends ScanOptions, Pick<OutputOptions, 'noClobber'> {
  /** The package, which appears whole or not at all. */
  out: FilePath
  /** 1 (fastest) to 9 (smallest); 6 by default. */
  level?: number | undefined
  /** Bytes of memory that an applier of a delta may need; 12 MiB by default. */
  maxApplyMemory?: number | undefined
  /** Patterns of what is installed where it is missing and never touched where it is there. */
  keepLocal?: readonly string[] | undefined
  /** Patterns of directories that are replaced as a whole where anything in them changes. */
  replaceDirectories?: readonly string[] | undefined
  /** The lowest version that the patch applies to; without `maxVersion` the only one. */
  minVersion?: string | undefined
  /** The highest version that the patch applies to. */
  maxVersion?: string | undefined
  /** The version that the patch makes. */
  version?: string | undefined
  /** How whole files are compressed; `deflate` by default. */
  compression?: Compression | undefined
}

/** Where the parts of the file-operation form go: a `.tar.gz` of whole files as `out`, and beside it what they are for. */
export interface OperationsDiffOptions extends TreeDiffOptions {
  /** The file for the operations. */
  operations: FilePath
  /** A file for what announces the package, as {@link updateFromPackageInfo} takes it. */
  packageInfo?: FilePath | undefined
  /** Where the package will be fetched from, for `packageInfo`. */
  url?: string | undefined
}

/** How several tree patches become one. */
export interface TreeSquashOptions extends JobOptions, LimitOptions, Pick<OutputOptions, 'noClobber'> {
  /** The package, which appears whole or not at all. */
  out: FilePath
  /** 1 (fastest) to 9 (smallest); 6 by default. */
  level?: number | undefined
  /** Worker threads; 1 by default. */
  threads?: number | undefined
  /** Bytes of memory that an applier of a delta may need; 12 MiB by default. */
  maxApplyMemory?: number | undefined
  /** How whole files are compressed; `deflate` by default. */
  compression?: Compression | undefined
}

/** How a package is opened. */
export interface TreePatchOpenOptions extends JobOptions, TrustOptions {
  /** What a `.tar.gz` is for: the operations as JSON text, or as the object that it says. */
  operations?: string | object | undefined
}

/** How a tree patch is applied. */
export interface TreeApplyOptions extends JobOptions, LimitOptions {
  /** Take the patch's side wherever somebody changed the tree. */
  overwriteLocal?: boolean | undefined
  /** Keep nothing for a later {@link rollbackTree}. A failing apply still leaves the old tree. */
  noBackup?: boolean | undefined
  /** Threads that hash at a time; 1 by default. */
  threads?: number | undefined
}

/** How a tree is gone through. */
export interface TreeCheckOptions extends JobOptions {
  /** Threads that hash at a time; 1 by default. */
  threads?: number | undefined
}

/** How a patch is taken back. */
export interface TreeRollbackOptions extends TreeCheckOptions {
  /** Give up what was changed in the files of the patch since. */
  overwriteLocal?: boolean | undefined
}

/**
 * An open tree patch. Its file stays open: what was checked is what is used, whoever replaces the file meanwhile. Any number
 * of operations may run on it at once.
 */
export class TreePatch {
  readonly #native: native.OpenTreePatch

  private constructor(opened: native.OpenTreePatch) {
    this.#native = opened
  }

  /**
   * Opens a package that {@link diffTrees} made, or a `.tar.gz` with its operations. With `publicKeys`, one of them must have
   * signed it before a byte is unpacked; the signature is looked for beside the file unless it is given.
   */
  static async open(file: Input, options: TreePatchOpenOptions = {}): Promise<TreePatch> {
    const [of, trust] = [inputArgument(file), trustArgument(options)]
    const operations = options.operations === undefined ? undefined : jsonText('operations', options.operations)
    return new TreePatch(
      await run<native.OpenTreePatch>(options, (listener) => native.openTreePatch(of, operations, trust, listener)),
    )
  }

  /** @internal */
  static nativeOf(patch: TreePatch): native.OpenTreePatch {
    if (patch instanceof TreePatch) return patch.#native
    throw invalid('a tree patch is what TreePatch.open resolves to')
  }

  /** What it says about itself. */
  get info(): TreePatchInfo {
    return this.#native.info()
  }

  /** What becomes of which path, in the order of paths. */
  get changes(): TreeChange[] {
    return this.#native.changes()
  }

  /** Reads and checks everything in the package. */
  async verify(options: JobOptions & LimitOptions = {}): Promise<TreePatchContents> {
    const maxMemory = amount('maxMemory', options.maxMemory)
    return run(options, (listener) => this.#native.verify(maxMemory, listener))
  }

  /** Says what {@link apply} would do to a directory, and what stands in the way. Nothing is written. */
  async plan(folder: FilePath, options: TreeApplyOptions = {}): Promise<TreePlan> {
    const [root, how] = [pathArgument(folder), treeApplyArgument(options)]
    return run(options, (listener) => this.#native.plan(root, how, listener))
  }

  /**
   * Brings a directory to the version that the patch makes. What no version listed stays. Where it fails, or is aborted in
   * time, the directory is as it was; an abort that comes while changes are being made is too late, and the promise resolves.
   */
  async apply(folder: FilePath, options: TreeApplyOptions = {}): Promise<TreeApplyStats> {
    const [root, how] = [pathArgument(folder), treeApplyArgument(options)]
    return run(options, (listener) => this.#native.apply(root, how, listener))
  }

  /** Says in what a directory differs from what the patch makes of it. Nothing is written. */
  async verifyTree(folder: FilePath, options: TreeCheckOptions = {}): Promise<TreeVerification> {
    const [root, threads] = [pathArgument(folder), amount('threads', options.threads)]
    return run(options, (listener) => this.#native.verifyTree(root, threads, listener))
  }
}

/** Says what stands in a directory, and the digest that names all of it. */
export async function scanTree(folder: FilePath, options: ScanOptions = {}): Promise<TreeSnapshot> {
  const [root, how] = [pathArgument(folder), scanArgument(options)]
  return run(options, (listener) => native.scanTree(root, how, listener))
}

/** Makes the package that turns the directory `old` into the directory `updated`: a ZIP file. */
export async function diffTrees(old: FilePath, updated: FilePath, options: TreeDiffOptions): Promise<TreeDiffStats> {
  const [from, to, out, how] = [pathArgument(old), pathArgument(updated), outOf(options), diffArgument(options)]
  return run(options, (listener) => native.diffTrees(from, to, out, how, listener))
}

/** Makes the package in the file-operation form: a `.tar.gz` of whole files, and the operations that it is for. */
export async function diffTreesAsOperations(
  old: FilePath,
  updated: FilePath,
  options: OperationsDiffOptions,
): Promise<TreeDiffStats> {
  const [from, to, how] = [pathArgument(old), pathArgument(updated), diffArgument(options)]
  const outputs = given<native.OperationOutputs>({
    package: outOf(options),
    operations: pathArgument(options.operations),
    packageInfo: options.packageInfo === undefined ? undefined : pathArgument(options.packageInfo),
    url: options.url,
  })
  return run(options, (listener) => native.diffTreesAsOperations(from, to, outputs, how, listener))
}

/** Makes one package of several, each going on from what the one before makes, without any version of the directory. */
export async function squashTreePatches(
  patches: Iterable<TreePatch>,
  options: TreeSquashOptions,
): Promise<TreeSquashStats> {
  if (typeof patches !== 'object' || patches === null || !(Symbol.iterator in patches)) {
    throw invalid('several tree patches are an array of them')
  }
  const [of, out] = [Array.from(patches, TreePatch.nativeOf), outOf(options)]
  const { level, threads, maxApplyMemory, maxMemory, compression, noClobber } = options
  const how = given<native.TreeSquashOptions>({
    level: levelOf(level),
    threads: amount('threads', threads),
    maxApplyMemory: amount('maxApplyMemory', maxApplyMemory),
    maxMemory: amount('maxMemory', maxMemory),
    compression,
    noClobber,
  })
  return run(options, (listener) => native.squashTreePatches(of, out, how, listener))
}

/**
 * Takes back the last patch that was applied to a directory, and says what that is known to be then. An abort that comes
 * while changes are being made is too late, as with an apply.
 */
export async function rollbackTree(folder: FilePath, options: TreeRollbackOptions = {}): Promise<Installed | undefined> {
  const [root, threads] = [pathArgument(folder), amount('threads', options.threads)]
  const { overwriteLocal } = options
  return known(await run<MaybeInstalled>(options, (listener) => native.rollBackTree(root, overwriteLocal, threads, listener)))
}

/**
 * Finishes what a crash left of a change of a directory, forward or back, and says what it is known to be. Whatever changes
 * a directory begins with this by itself.
 */
export async function recoverTree(folder: FilePath, options: JobOptions = {}): Promise<Installed | undefined> {
  const root = pathArgument(folder)
  return known(await run<MaybeInstalled>(options, (listener) => native.recoverTree(root, listener)))
}

/** What a directory is known to be, by the last patch that was applied to it. Nothing is written. */
export async function installedTree(folder: FilePath, options: JobOptions = {}): Promise<Installed | undefined> {
  const root = pathArgument(folder)
  return known(await run<MaybeInstalled>(options, (listener) => native.installedTree(root, listener)))
}

/** Gives up the backup that {@link rollbackTree} needs, and says whether there was one. */
export async function cleanTree(folder: FilePath, options: JobOptions = {}): Promise<boolean> {
  const root = pathArgument(folder)
  return run<boolean>(options, (listener) => native.cleanTree(root, listener))
}

/** @internal */
export function treeApplyArgument(options: TreeApplyOptions): native.TreeApplyOptions {
  const { overwriteLocal, noBackup, threads, maxMemory } = options
  return given({
    overwriteLocal,
    noBackup,
    threads: amount('threads', threads),
    maxMemory: amount('maxMemory', maxMemory),
  })
}

function scanArgument({ exclude, dereference, threads }: ScanOptions): native.ScanOptions {
  return given({ exclude: exclude as string[] | undefined, dereference, threads: amount('threads', threads) })
}

/** @internal */
export function diffArgument(options: Omit<TreeDiffOptions, 'out'>): native.TreeDiffOptions {
  const { level, maxApplyMemory, keepLocal, replaceDirectories, minVersion, maxVersion, version } = options
  return given({
    scan: scanArgument(options),
    level: levelOf(level),
    maxApplyMemory: amount('maxApplyMemory', maxApplyMemory),
    keepLocal: keepLocal as string[] | undefined,
    replaceDirectories: replaceDirectories as string[] | undefined,
    minVersion,
    maxVersion,
    version,
    compression: options.compression,
    noClobber: options.noClobber,
  })
}

function outOf(options: { out: FilePath }): string | Buffer {
  if (typeof options !== 'object' || options === null || options.out === undefined) {
    throw invalid('a package is a file; name it with out')
  }
  return pathArgument(options.out)
}

/** What the native half says, to which nothing is null. */
type MaybeInstalled = Installed | null | undefined

function known(installed: MaybeInstalled): Installed | undefined {
  return installed ?? undefined
}
