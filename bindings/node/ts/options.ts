/** What a caller may choose, and what of it can be told to be wrong without asking the core. */

import type * as native from '../native.js'
import { invalid } from './errors.js'
import { type FilePath, pathArgument } from './input.js'
import type { JobOptions } from './job.js'

/** Where a result goes. */
export interface OutputOptions {
  /** The file, which appears whole or not at all. Without it the result is a Buffer. */
  out?: FilePath | undefined
  /** Refuse to replace an existing file. */
  noClobber?: boolean | undefined
}

/** What an operation may use. */
export interface LimitOptions {
  /** Bytes of memory that reading may take; `Infinity` for no limit. */
  maxMemory?: number | undefined
}

/** How two files are compared and their delta is encoded. */
export interface DiffOptions extends JobOptions, OutputOptions {
  /** 1 (fastest) to 9 (smallest); 6 by default. */
  level?: number | undefined
  /** What finds the matches. */
  engine?: 'auto' | 'bsdiff' | undefined
  /** Worker threads; 1 by default. The result is the same for any number. */
  threads?: number | undefined
  /** Bytes of memory that an applier of the delta may need; 12 MiB by default. */
  maxApplyMemory?: number | undefined
}

/** How several deltas become one. */
export interface SquashOptions extends JobOptions, OutputOptions, LimitOptions {
  /** 1 (fastest) to 9 (smallest); 6 by default. */
  level?: number | undefined
  /** Worker threads; 1 by default. */
  threads?: number | undefined
  /** Bytes of memory that an applier of the delta may need; 12 MiB by default. */
  maxApplyMemory?: number | undefined
  /** Operations that squashing may produce; `Infinity` for no limit. */
  maxOperations?: number | undefined
}

/** How a delta or a chain is applied. */
export interface ApplyOptions extends JobOptions, OutputOptions, LimitOptions {
  /** Threads; 1 by default. A second one hashes while the first decodes and writes. */
  threads?: number | undefined
  /** Bytes that the new file may have; no limit by default. */
  maxOutput?: number | undefined
  /** Bound the memory, by default to what a delta may ask an applier for; a chain may then need intermediate files. */
  streaming?: boolean | undefined
  /** The folder for those; by default that of `out`, else the system's. */
  scratch?: FilePath | undefined
}

/** How much an explanation says. */
export interface ExplainOptions extends JobOptions, LimitOptions {
  /** How many segments and insertions are listed at most; 10 by default. */
  most?: number | undefined
}

/** @internal */
export function outputArgument({ out, noClobber }: OutputOptions): native.OutputArgument | undefined {
  if (out === undefined) return undefined
  return { file: pathArgument(out), noClobber: noClobber ?? false }
}

/** @internal */
export function diffArgument(options: DiffOptions): native.DiffOptions {
  const { level, engine, threads, maxApplyMemory } = options
  return given({
    level: levelOf(level),
    engine,
    threads: amount('threads', threads),
    maxApplyMemory: amount('maxApplyMemory', maxApplyMemory),
  })
}

/** @internal */
export function squashArgument(options: Omit<SquashOptions, keyof OutputOptions>): native.SquashOptions {
  const { level, threads, maxApplyMemory, maxMemory, maxOperations } = options
  return given({
    level: levelOf(level),
    threads: amount('threads', threads),
    maxApplyMemory: amount('maxApplyMemory', maxApplyMemory),
    maxMemory: amount('maxMemory', maxMemory),
    maxOperations: amount('maxOperations', maxOperations),
  })
}

/** @internal */
export function applyArgument(options: ApplyOptions): native.ApplyOptions {
  const { threads, maxMemory, maxOutput, streaming, scratch } = options
  return given({
    threads: amount('threads', threads),
    maxMemory: amount('maxMemory', maxMemory),
    maxOutput: amount('maxOutput', maxOutput),
    streaming,
    scratch: scratch === undefined ? undefined : pathArgument(scratch),
  })
}

/**
 * A number that counts something, `Infinity` included.
 *
 * @internal
 */
export function amount(name: string, value: number | undefined): number | undefined {
  if (value === undefined || value === Infinity || (Number.isInteger(value) && value >= 0)) return value
  throw invalid(`${name} is ${String(value)}; it counts something: a whole number from 0 on, or Infinity`)
}

/**
 * The core knows which levels there are; here only what is no 32-bit number is refused.
 *
 * @internal
 */
export function levelOf(level: number | undefined): number | undefined {
  if (level === undefined || (Number.isInteger(level) && (level | 0) === level)) return level
  throw invalid(`level ${String(level)} is out of range; levels are 1 to 9`)
}

/**
 * The text of a document, which may be given as the object that it says.
 *
 * @internal
 */
export function jsonText(name: string, document: string | object): string {
  if (typeof document === 'string') return document
  if (typeof document === 'object' && document !== null) return JSON.stringify(document)
  throw invalid(`${name} is a JSON text, or the object that it says`)
}

/**
 * Without what is undefined, which is no number to the native half.
 *
 * @internal
 */
export function given<T extends object>(options: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
