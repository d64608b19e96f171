/**
 * One operation as a promise: progress and log on the way, stopped by a signal or by a callback that throws.
 *
 * An abort that comes in time rejects at once, and nothing appears any more. One that comes while the result is being put in
 * place is too late: then the promise settles as the operation ends. So a rejected promise always means that nothing
 * changed after it.
 */

import type { Failure, LogEvent as NativeLogEvent, ProgressEvent, RunningJob } from '../native.js'
import { invalid, PatchcoreError } from './errors.js'

/** What an operation is doing. Newer versions may have more. */
export type Phase =
  | 'hash'
  | 'match'
  | 'encode'
  | 'read'
  | 'compose'
  | 'apply'
  | 'verify'
  | 'scan'
  | 'pack'
  | 'download'
  | 'stage'
  | 'commit'
  | 'rollback'

/** How far an operation is. */
export interface Progress {
  /** What it is doing. */
  readonly phase: Phase
  /** How much of that is done. */
  readonly done: number
  /** How much there is to do in this phase; `Infinity` where that is not known. */
  readonly total: number
  /** What the two count. */
  readonly unit: 'bytes' | 'items'
}

/** How much a message matters. */
export type LogLevel = 'warning' | 'info' | 'debug'

/** What a user who wonders may want to know. */
export interface LogEvent {
  /** How much it matters. */
  readonly level: LogLevel
  /** What was decided, or what it took. */
  readonly message: string
}

/** How an operation is watched and stopped. */
export interface JobOptions {
  /** Stops the operation; the promise is then rejected with `signal.reason`. */
  signal?: AbortSignal | undefined
  /** Called at most ten times a second, and with the last event of each phase. What it throws stops the operation. */
  onProgress?: ((progress: Progress) => void) | undefined
  /** Called with what was decided and what it took. What it throws stops the operation. */
  onLog?: ((event: LogEvent) => void) | undefined
}

type Listener<T> = (what: 'progress' | 'log' | 'done' | 'failed', value: ProgressEvent | NativeLogEvent | T | Failure) => void

/** How long a process that exits waits for its jobs to take their temporary files away. */
const MILLISECONDS_TO_CLEAN_UP = 3000

const running = new Set<RunningJob>()

process.on('exit', () => {
  for (const job of running) job.cancel()
  const end = Date.now() + MILLISECONDS_TO_CLEAN_UP
  for (const job of running) job.wait(Math.max(0, end - Date.now()))
})

/**
 * Starts a job and promises what it makes.
 *
 * @internal
 */
export function run<T>(options: JobOptions, start: (listener: Listener<T>) => RunningJob): Promise<T> {
  const { signal, onProgress, onLog } = options
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal is no AbortSignal')
  for (const [name, callback] of Object.entries({ onProgress, onLog })) {
    if (callback !== undefined && typeof callback !== 'function') throw invalid(`${name} is no function`)
  }
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    let stopped: { by: 'signal' | 'callback'; reason: unknown } | undefined
    const stop = (by: 'signal' | 'callback', reason: unknown): void => {
      stopped ??= { by, reason }
      if (job.cancel()) reject(stopped.reason)
    }
    const abort = (): void => stop('signal', signal?.reason)
    const call = <E>(callback: ((event: E) => void) | undefined, event: E): void => {
      if (stopped) return
      try {
        callback?.(event)
      } catch (error) {
        stop('callback', error)
      }
    }
    /** Whether a failure is what was asked for: who hears of that relies on everything being as it was. */
    const asked = (failure: Failure): boolean => stopped !== undefined && failure.outcome !== 'rollback_failed'
    const end = (): void => {
      running.delete(job)
      signal?.removeEventListener('abort', abort)
    }
    const job = begin(start, (what, value) => {
      switch (what) {
        case 'progress':
          return call(onProgress, value as Progress)
        case 'log':
          return call(onLog, value as LogEvent)
        case 'done':
          end()
          return stopped?.by === 'callback' ? reject(stopped.reason) : resolve(value as T)
        case 'failed':
          end()
          return reject(asked(value as Failure) ? stopped?.reason : PatchcoreError.from(value as Failure))
      }
    })
    running.add(job)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** What the native half refuses before there is a job, an option of another type, is a wrong call. */
function begin<T>(start: (listener: Listener<T>) => RunningJob, listener: Listener<T>): RunningJob {
  try {
    return start(listener)
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error))
  }
}
