/** A stream of Node over the applier: delta bytes in, bytes of the new file out, as much as is read. */

import { Duplex } from 'node:stream'

import type { ApplyStats, DeltaInfo } from '../native.js'
import { Applier, type ApplierOptions } from './applier.js'
import type { Input } from './input.js'

/** What an apply stream may use. */
export interface ApplyStreamOptions extends Omit<ApplierOptions, 'flush' | 'checkpoint'> {
  /** How many bytes of the delta wait at most; as for any stream. */
  writableHighWaterMark?: number | undefined
  /** How many bytes of the new file wait at most; as for any stream. */
  readableHighWaterMark?: number | undefined
}

/** A Duplex that takes a delta and gives the new file. */
export interface ApplyStream extends Duplex {
  /** What the delta says about itself, once that has arrived. */
  readonly info: DeltaInfo | undefined
  /** What was made, once it is known to be right. */
  readonly stats: ApplyStats | undefined
}

/**
 * A stream that makes the new file of `old` from the delta that is written into it. The old file is verified before the first
 * byte leaves. The stream ends only when the new file is known to be right; one that fails has an `error` instead, and what
 * was read from it is to be thrown away. An aborted `signal` destroys it with `signal.reason`.
 */
export function createApplyStream(old: Input, options: ApplyStreamOptions = {}): ApplyStream {
  return new Applying(old, options)
}

class Applying extends Duplex implements ApplyStream {
  readonly #applier: Applier
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal | undefined
  #wanted: (() => void) | undefined
  stats: ApplyStats | undefined

  constructor(old: Input, options: ApplyStreamOptions) {
    const { signal, writableHighWaterMark, readableHighWaterMark, maxMemory, maxOutput } = options
    super({
      ...(writableHighWaterMark === undefined ? {} : { writableHighWaterMark }),
      ...(readableHighWaterMark === undefined ? {} : { readableHighWaterMark }),
    })
    this.#applier = new Applier(old, (bytes) => this.#hand(bytes), { maxMemory, maxOutput, signal: this.#stop.signal })
    this.#signal = signal
    if (signal?.aborted) this.#abort()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  get info(): DeltaInfo | undefined {
    return this.#applier.info
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#applier.push(chunk).then(() => done(), done)
  }

  override _final(done: (error?: Error) => void): void {
    this.#applier.finish().then((stats) => {
      this.stats = stats
      this.push(null)
      done()
    }, done)
  }

  override _read(): void {
    this.#wanted?.()
    this.#wanted = undefined
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#stop.abort()
    this._read()
    done(error)
  }

  /** Hands bytes to the reader, and waits while that has enough. */
  #hand(bytes: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.push(bytes)) return undefined
    return new Promise((resolve) => {
      this.#wanted = resolve
    })
  }

  readonly #abort = (): void => {
    this.destroy(this.#signal?.reason)
  }
}
