/** Applying a delta as it arrives, in bounded memory, with checkpoints to go on from. */

import type { ApplyStats, DeltaInfo, Step } from '../native.js'
import * as native from '../native.js'
import { invalid, PatchcoreError } from './errors.js'
import { type Bytes, bytesOf, type Input, inputArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { amount } from './options.js'

/** What an applier may use. */
export interface ApplierOptions extends Pick<JobOptions, 'signal'> {
  /** All bytes of memory that it may take; 12 MiB by default. A delta that needs more is refused. */
  maxMemory?: number | undefined
  /** Bytes that the new file may have; no limit by default. */
  maxOutput?: number | undefined
  /** Makes durable what was written; called, and awaited, before a checkpoint is taken. */
  flush?: (() => unknown) | undefined
  /** What an earlier applier gave to go on from; use {@link Applier.resume}, which says where. */
  checkpoint?: Bytes | undefined
}

/** Takes the next bytes of the new file. What it returns is awaited before there are more. */
export type WriteBytes = (bytes: Buffer) => unknown

/**
 * Applies one delta that is pushed into it. The old file is verified before the first byte is written; what was written is
 * to be thrown away unless `finish` resolves. A failed applier is of no use any more: resume from a checkpoint, or begin anew.
 */
export class Applier {
  readonly #native: native.SteppedApplier
  readonly #write: WriteBytes
  readonly #options: ApplierOptions
  #state: 'idle' | 'busy' | 'failed' = 'idle'
  #last: Omit<Step, 'output' | 'drained'> = { deltaOffset: 0, outputOffset: 0 }

  /** An applier of a delta from `old` that hands the new file over to `write`, piece by piece. */
  constructor(old: Input, write: WriteBytes, options: ApplierOptions = {}) {
    if (typeof write !== 'function') throw invalid('write is no function')
    const checkpoint = options.checkpoint === undefined ? undefined : bytesOf(options.checkpoint)
    if (options.checkpoint !== undefined && !checkpoint) throw invalid('a checkpoint is bytes')
    const [maxMemory, maxOutput] = [amount('maxMemory', options.maxMemory), amount('maxOutput', options.maxOutput)]
    this.#native = new native.SteppedApplier(inputArgument(old), maxMemory, maxOutput, checkpoint)
    this.#write = write
    this.#options = options
  }

  /**
   * Goes on from a checkpoint: push the delta from `deltaOffset` on; the first bytes written belong at `outputOffset`. A
   * damaged checkpoint is CORRUPT: begin anew.
   */
  static async resume(
    old: Input,
    write: WriteBytes,
    checkpoint: Bytes,
    options: ApplierOptions = {},
  ): Promise<Applier> {
    const applier = new Applier(old, write, { ...options, checkpoint })
    await applier.push(new Uint8Array())
    return applier
  }

  /** What the delta says about itself, once that has arrived. */
  get info(): DeltaInfo | undefined {
    return this.#last.info
  }

  /** How many bytes of the delta were taken, or where a resumed applier has to be fed from. */
  get deltaOffset(): number {
    return this.#last.deltaOffset
  }

  /** How many bytes of the new file were written. */
  get outputOffset(): number {
    return this.#last.outputOffset
  }

  /** Takes in the next bytes of the delta, and resolves once all that follows from them was written. */
  push(bytes: Bytes): Promise<void> {
    return this.#exclusively(async () => {
      const chunk = bytesOf(bytes)
      if (!chunk) throw invalid('a piece of a delta is bytes')
      this.#native.feed(chunk)
      for (let drained = false; !drained; ) {
        const { output, ...step } = await run<Step>(this.#options, (listener) => this.#native.step(listener))
        drained = step.drained
        if (output.length > 0) await this.#write(output)
        this.#last = step
      }
    })
  }

  /** Makes what was written durable, by way of `flush`, and gives a few hundred bytes to go on from later. */
  checkpoint(): Promise<Buffer> {
    return this.#exclusively(async () => {
      await this.#options.flush?.()
      return run<Buffer>(this.#options, (listener) => this.#native.checkpoint(listener))
    })
  }

  /** Makes sure, once the whole delta was pushed, that the new file is the one that it promises. */
  finish(): Promise<ApplyStats> {
    return this.#exclusively(() => run<ApplyStats>(this.#options, (listener) => this.#native.finish(listener)))
  }

  /** Lets one call work at a time, and none after a failure: what was written may then be incomplete. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state === 'busy') throw new PatchcoreError('BUSY', 'this applier is at work; wait for it before the next call')
    if (this.#state === 'failed') throw invalid('this applier has failed before; resume from a checkpoint, or begin anew')
    this.#state = 'busy'
    try {
      const made = await work()
      this.#state = 'idle'
      return made
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }
}
