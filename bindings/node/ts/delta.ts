/** Operations on single deltas and files. */

import type { ApplyStats, DeltaInfo, Explanation, Verified } from '../native.js'
import * as native from '../native.js'
import { type FilePath, type Input, inputArgument, inputArguments } from './input.js'
import { type JobOptions, run } from './job.js'
import {
  amount,
  type ApplyOptions,
  applyArgument,
  type DiffOptions,
  diffArgument,
  type ExplainOptions,
  type LimitOptions,
  outputArgument,
  type SquashOptions,
  squashArgument,
} from './options.js'

/** Options that name a file for the result. */
type ToFile<Options> = Options & { out: FilePath }

/** Options that do not. */
type ToMemory<Options> = Options & { out?: undefined }

/** Makes the delta that turns `old` into `updated`, and applies it once for trial. */
export function diff(old: Input, updated: Input, options: ToFile<DiffOptions>): Promise<DeltaInfo>
export function diff(old: Input, updated: Input, options?: ToMemory<DiffOptions>): Promise<Buffer>
export function diff(old: Input, updated: Input, options?: DiffOptions): Promise<DeltaInfo | Buffer>
export async function diff(old: Input, updated: Input, options: DiffOptions = {}): Promise<DeltaInfo | Buffer> {
  const [from, to] = [inputArgument(old), inputArgument(updated)]
  const [out, how] = [outputArgument(options), diffArgument(options)]
  return run(options, (listener) => native.diff(from, to, out, how, listener))
}

/** Makes what `delta` makes of `old`. Both ends are verified before anything appears. */
export function apply(old: Input, delta: Input, options: ToFile<ApplyOptions>): Promise<ApplyStats>
export function apply(old: Input, delta: Input, options?: ToMemory<ApplyOptions>): Promise<Buffer>
export function apply(old: Input, delta: Input, options?: ApplyOptions): Promise<ApplyStats | Buffer>
export async function apply(old: Input, delta: Input, options: ApplyOptions = {}): Promise<ApplyStats | Buffer> {
  const [from, by] = [inputArgument(old), inputArgument(delta)]
  const [out, how] = [outputArgument(options), applyArgument(options)]
  return run(options, (listener) => native.apply(from, by, out, how, listener))
}

/** Makes one delta of several, each continuing the one before, without any version of the file. */
export function compose(deltas: Iterable<Input>, options: ToFile<SquashOptions>): Promise<DeltaInfo>
export function compose(deltas: Iterable<Input>, options?: ToMemory<SquashOptions>): Promise<Buffer>
export function compose(deltas: Iterable<Input>, options?: SquashOptions): Promise<DeltaInfo | Buffer>
export async function compose(deltas: Iterable<Input>, options: SquashOptions = {}): Promise<DeltaInfo | Buffer> {
  const [of, out, how] = [inputArguments(deltas), outputArgument(options), squashArgument(options)]
  return run(options, (listener) => native.compose(of, out, how, listener))
}

/** Reads what a delta says about itself, and nothing else of it. */
export async function inspect(delta: Input, options: JobOptions = {}): Promise<DeltaInfo> {
  const of = inputArgument(delta)
  return run(options, (listener) => native.inspect(of, listener))
}

/** Checks a whole delta; with `old`, also that it makes the promised file of it. */
export async function verify(
  delta: Input,
  options: JobOptions & LimitOptions & { old?: Input | undefined } = {},
): Promise<Verified> {
  const of = inputArgument(delta)
  const old = options.old === undefined ? undefined : inputArgument(options.old)
  const maxMemory = amount('maxMemory', options.maxMemory)
  return run(options, (listener) => native.verify(of, old, maxMemory, listener))
}

/** Checks a whole delta and says where its bytes went. */
export async function explain(delta: Input, options: ExplainOptions = {}): Promise<Explanation> {
  const of = inputArgument(delta)
  const most = amount('most', options.most) ?? 10
  const maxMemory = amount('maxMemory', options.maxMemory)
  return run(options, (listener) => native.explain(of, most, maxMemory, listener))
}

/** The SHA-256 of a file or of bytes, as 64 lower-case hex digits. */
export async function digest(file: Input, options: JobOptions = {}): Promise<string> {
  const of = inputArgument(file)
  return run(options, (listener) => native.digest(of, listener))
}

/** Which of our files this is, told by its first bytes and never by its name. */
export async function fileKind(file: Input, options: JobOptions = {}): Promise<'delta' | 'chain' | 'tree_patch'> {
  const of = inputArgument(file)
  return run<'delta' | 'chain' | 'tree_patch'>(options, (listener) => native.fileKind(of, listener as never))
}
