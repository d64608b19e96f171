// What TypeScript tells from how a function is called. Compiled with --strict where the package is installed, never run.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { apply, type ApplyStats, Chain, createApplyStream, diff, type DeltaInfo, type Input, PatchcoreError } from 'libpatchcore'

export async function results(old: Input, updated: Uint8Array, out: URL, signal: AbortSignal): Promise<void> {
  const bytes: Buffer = await diff(old, updated, { level: 9, signal })
  const info: DeltaInfo = await diff(old, updated, { out })
  const stats: ApplyStats = await apply(old, bytes, { out, onProgress: ({ done, total }) => void (done / total) })
  const either: ApplyStats | Buffer = await apply(old, bytes, { out: info.segments > 1 ? out : undefined })
  // @ts-expect-error without a file there are bytes
  const wrong: ApplyStats = await apply(old, bytes)
  // @ts-expect-error a number is no input
  await apply(7, bytes)
  // @ts-expect-error there is no such option
  await diff(old, updated, { levle: 9 })
  void [stats, either, wrong]
}

export async function chains(old: string, deltas: Uint8Array[]): Promise<Buffer> {
  const bytes: Buffer = await Chain.create(deltas)
  const chain: Chain = await Chain.create(deltas, { out: 'file.chain', names: ['1.0', '1.1'] })
  const digest: string | undefined = chain.versions[0]?.digest
  await (await Chain.open(bytes)).apply(old, { target: digest, out: 'new' })
  return chain.squash({ from: 0, to: '1.1' })
}

export async function streams(old: string, delta: Readable, made: Writable): Promise<number | undefined> {
  const stream = createApplyStream(old, { maxMemory: 1 << 20 })
  await pipeline(delta, stream, made)
  return stream.stats?.newSize
}

export function errors(error: unknown): number {
  if (!(error instanceof PatchcoreError)) return 0
  // @ts-expect-error there is no such code
  if (error.code === 'ERR_PATCHCORE_CORRUPTED') return 1
  return error.code === 'ERR_PATCHCORE_CORRUPT' ? (error.offset ?? 0) : error.status
}
