/** Many versions of one file: an open chain, and what changes the file that it is in. */

import type { ChainApplyStats, ChainInfo, DeltaInfo, Explanation, Failure, LinkInfo, PruneStats } from '../native.js'
import * as native from '../native.js'
import { invalid, PatchcoreError } from './errors.js'
import { type FilePath, type Input, inputArgument, inputArguments, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import {
  amount,
  type ApplyOptions,
  applyArgument,
  type ExplainOptions,
  type LimitOptions,
  outputArgument,
  type OutputOptions,
  type SquashOptions,
  squashArgument,
} from './options.js'

/** A version: its name, its digest, at least four first digits of that, or its number in the chain from 0 on. */
export type VersionId = string | number

/** One version of the file that a chain is about. */
export interface Version {
  /** Its number in the chain, from 0 on. */
  readonly index: number
  /** Its name, which no other version of the chain has. */
  readonly name: string
  /** The SHA-256 of the file, as 64 hex digits. */
  readonly digest: string
  /** The size of the file in bytes. */
  readonly size: number
}

/** One delta in a chain. */
export interface Link extends LinkInfo {
  /** Its place in `links`. */
  readonly index: number
  /** What it is called, such as `v1→v2`. */
  readonly name: string
}

/** What a new chain is called, and whether it may replace another. */
export interface CreateOptions extends JobOptions, OutputOptions, LimitOptions {
  /** The name of the chain; by default that of the file without its extension. */
  chainId?: string | undefined
  /** The names of the first versions, in order; the others are called `v1`, `v2`, … by their place. */
  names?: readonly string[] | undefined
  /** Replace an existing chain, and its history with it. */
  force?: boolean | undefined
}

/** How a chain is applied. */
export interface ChainApplyOptions extends ApplyOptions {
  /** The version to make; the last one by default. */
  target?: VersionId | undefined
}

/** Between which versions a chain is squashed. */
export interface ChainSquashOptions extends SquashOptions {
  /** The first version by default. */
  from?: VersionId | undefined
  /** The last version by default. */
  to?: VersionId | undefined
}

/** Which links are extracted. */
export interface ExtractOptions extends JobOptions, LimitOptions {
  /** The version that the first of them starts at. */
  from?: VersionId | undefined
  /** The version that the last of them leads to. */
  to?: VersionId | undefined
  /** Refuse to replace existing files. */
  noClobber?: boolean | undefined
}

/** What becomes of the versions before. */
export interface PruneOptions extends Omit<SquashOptions, keyof OutputOptions> {
  /** Forget the versions before, instead of keeping one link from each of them. */
  drop?: boolean | undefined
}

/**
 * An open chain. It is as it was when it was opened, until one of its own methods changes it; any number of operations may
 * run on it at once.
 */
export class Chain {
  #native: native.OpenChain
  readonly #path: string | Buffer | undefined

  private constructor(opened: native.OpenChain, path: string | Buffer | undefined) {
    this.#native = opened
    this.#path = path
  }

  /** Opens a chain. Its index is read in at most two reads, and later the links that are used. */
  static async open(file: Input, options: JobOptions = {}): Promise<Chain> {
    const argument = inputArgument(file)
    const path = argument instanceof native.Snapshot ? undefined : argument
    return new Chain(await open(argument, options), path)
  }

  /**
   * Makes a chain of deltas, each of which must start at a version that those before it brought. With `out` the chain is
   * that file and is opened.
   */
  static create(deltas: Iterable<Input>, options: CreateOptions & { out: FilePath }): Promise<Chain>
  static create(deltas: Iterable<Input>, options?: CreateOptions & { out?: undefined }): Promise<Buffer>
  static async create(deltas: Iterable<Input>, options: CreateOptions = {}): Promise<Chain | Buffer> {
    const { chainId, names = [], force } = options
    const [of, out, maxMemory] = [inputArguments(deltas), outputArgument(options), amount('maxMemory', options.maxMemory)]
    const made = await run<Buffer | undefined>(options, (listener) =>
      native.createChain(of, out, chainId, [...names], force, maxMemory, listener),
    )
    return made ?? new Chain(await open(pathArgument(options.out as FilePath), {}), out?.file)
  }

  /** The file that it is in; undefined where it is bytes. */
  get path(): string | Buffer | undefined {
    return this.#path
  }

  /** What it holds as a whole. */
  get info(): ChainInfo {
    return this.#native.info()
  }

  /** Its versions, the first one first. */
  get versions(): Version[] {
    return this.#native.versions().map((version, index) => ({ index, ...version }))
  }

  /** The links of its history in order, then the shortcuts. */
  get links(): Link[] {
    const versions = this.#native.versions()
    const name = (ordinal: number): string => versions[ordinal]?.name ?? String(ordinal)
    return this.#native.links().map((link, index) => ({ index, name: `${name(link.from)}→${name(link.to)}`, ...link }))
  }

  /** The number of the version that a name, a digest or the first digits of one mean. */
  resolve(version: VersionId): number {
    return known(this.#native.resolve(this.#version(version)))
  }

  /** The links with the fewest bytes that lead from one version, the first by default, to another, the last by default. */
  route(from?: VersionId, to?: VersionId): Link[] {
    const links = this.links
    const last = this.info.versions - 1
    const route = known(this.#native.route(this.resolve(from ?? 0), this.resolve(to ?? last)))
    return route.flatMap((index) => links[index] ?? [])
  }

  /** Makes a version, the last one by default, of an old file that may be any version before it. */
  apply(old: Input, options: ChainApplyOptions & { out: FilePath }): Promise<ChainApplyStats>
  apply(old: Input, options?: ChainApplyOptions & { out?: undefined }): Promise<Buffer>
  apply(old: Input, options?: ChainApplyOptions): Promise<ChainApplyStats | Buffer>
  async apply(old: Input, options: ChainApplyOptions = {}): Promise<ChainApplyStats | Buffer> {
    const [opened, from, target] = [this.#native, inputArgument(old), this.#end(options.target)]
    const [out, how] = [outputArgument(options), applyArgument(options)]
    return run(options, (listener) => opened.apply(from, target, out, how, listener))
  }

  /** Makes one delta of the links between two versions, without any version of the file. */
  squash(options: ChainSquashOptions & { out: FilePath }): Promise<DeltaInfo>
  squash(options?: ChainSquashOptions & { out?: undefined }): Promise<Buffer>
  squash(options?: ChainSquashOptions): Promise<DeltaInfo | Buffer>
  async squash(options: ChainSquashOptions = {}): Promise<DeltaInfo | Buffer> {
    const [opened, from, to] = [this.#native, this.#end(options.from), this.#end(options.to)]
    const [out, how] = [outputArgument(options), squashArgument(options)]
    return run(options, (listener) => opened.squash(from, to, out, how, listener))
  }

  /**
   * Writes links as files such as `0000_v1_to_v2.delta` into a folder, which is made where it is missing: the whole history,
   * or, where an end is given, the links that lead from one version to the other.
   */
  async extract(folder: FilePath, options: ExtractOptions = {}): Promise<{ link: Link; path: string | Buffer }[]> {
    const [opened, into, from, to] = [this.#native, pathArgument(folder), this.#end(options.from), this.#end(options.to)]
    const maxMemory = amount('maxMemory', options.maxMemory)
    const links = this.links
    const files = await run<native.ExtractedLink[]>(options, (listener) =>
      opened.extract(into, from, to, options.noClobber, maxMemory, listener),
    )
    return files.flatMap(({ link: { offset }, path }) => {
      const link = links.find((known) => known.offset === offset)
      return link ? { link, path } : []
    })
  }

  /** Writes one link as a delta of its own, after checking it. */
  extractLink(link: number, options: JobOptions & LimitOptions & OutputOptions & { out: FilePath }): Promise<DeltaInfo>
  extractLink(link: number, options?: JobOptions & LimitOptions & { out?: undefined }): Promise<Buffer>
  async extractLink(link: number, options: JobOptions & LimitOptions & OutputOptions = {}): Promise<DeltaInfo | Buffer> {
    const [opened, index, out] = [this.#native, linkIndex(link), outputArgument(options)]
    const maxMemory = amount('maxMemory', options.maxMemory)
    return run(options, (listener) => opened.extractLink(index, out, maxMemory, listener))
  }

  /** Checks the delta of one link and says where its bytes went. */
  async explainLink(link: number, options: ExplainOptions = {}): Promise<Explanation> {
    const [opened, index, most] = [this.#native, linkIndex(link), amount('most', options.most) ?? 10]
    const maxMemory = amount('maxMemory', options.maxMemory)
    return run(options, (listener) => opened.explainLink(index, most, maxMemory, listener))
  }

  /** Checks every record and every delta, and says how many bytes an unfinished append left at the end. */
  async verify(options: JobOptions & LimitOptions = {}): Promise<number> {
    const opened = this.#native
    const maxMemory = amount('maxMemory', options.maxMemory)
    return run(options, (listener) => opened.verify(maxMemory, listener))
  }

  /** Appends deltas to the file, all or none. `name` is that of the version that the last one leads to. */
  async append(
    deltas: Iterable<Input>,
    options: JobOptions & LimitOptions & { name?: string | undefined } = {},
  ): Promise<void> {
    const [file, of, maxMemory] = [this.#file(), inputArguments(deltas), amount('maxMemory', options.maxMemory)]
    await run<undefined>(options, (listener) => native.appendToChain(file, of, options.name, maxMemory, listener))
    this.#native = await open(file, {})
  }

  /** Removes the links that lead up to a version from the file. Devices before it keep one link to it, unless `drop`. */
  async prune(before: VersionId, options: PruneOptions = {}): Promise<PruneStats> {
    const [file, version, how] = [this.#file(), this.#version(before), squashArgument(options)]
    const pruned = await run<PruneStats>(options, (listener) =>
      native.pruneChain(file, version, options.drop, how, listener),
    )
    this.#native = await open(file, {})
    return pruned
  }

  #file(): string | Buffer {
    if (this.#path === undefined) throw invalid('this chain is bytes in memory; open it by its path to change it')
    return this.#path
  }

  #end(version: VersionId | undefined): string | undefined {
    return version === undefined ? undefined : this.#version(version)
  }

  /** The text that means a version: of a number, the name, which no other version has. */
  #version(version: VersionId): string {
    if (typeof version === 'string') return version
    const versions = this.#native.versions()
    const name = versions[version]?.name
    if (name !== undefined) return name
    throw new PatchcoreError('UNKNOWN_VERSION', `there is no version ${String(version)}; this chain holds ${versions.length}`)
  }
}

function open(file: native.Snapshot | string | Buffer, options: JobOptions): Promise<native.OpenChain> {
  return run(options, (listener) => native.openChain(file, listener))
}

function linkIndex(link: number): number {
  if (Number.isInteger(link) && link >= 0) return link
  throw invalid(`${String(link)} is no link; links are counted from 0`)
}

function known<T extends number | number[]>(answer: T | Failure): T {
  if (isFailure(answer)) throw PatchcoreError.from(answer)
  return answer
}

function isFailure(answer: number | number[] | Failure): answer is Failure {
  return typeof answer === 'object' && !Array.isArray(answer)
}
