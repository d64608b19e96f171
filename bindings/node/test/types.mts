// What TypeScript tells from how a function is called. Compiled with --strict where the package is installed, never run.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import {
  apply,
  type ApplyStats,
  Chain,
  createApplyStream,
  diff,
  type DeltaInfo,
  diffTrees,
  fetchFile,
  type Input,
  type Outcome,
  PatchcoreError,
  type Phase,
  type PublishReport,
  Repository,
  type RepositoryUpdateReport,
  scanTree,
  signFile,
  squashTreePatches,
  TreePatch,
  type TreePlan,
  updateFromRepository,
  updateFromServiceManifest,
  verifyFile,
} from 'libpatchcore'

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

export async function directories(game: URL, signal: AbortSignal): Promise<string | undefined> {
  const { packageSize } = await diffTrees('old', game, { out: 'p.zip', keepLocal: ['*.ini'], compression: 'zstd' })
  const patch: TreePatch = await TreePatch.open('p.zip', { publicKeys: ['key'], signal })
  const plan: TreePlan = await patch.plan(game, { overwriteLocal: packageSize > 7 })
  const stage: Phase = 'stage'
  await patch.apply(game, { onProgress: ({ phase }) => void (phase === stage) })
  const deltas: number | undefined = patch.info.changes.delta
  // @ts-expect-error nothing is done to a path by that name
  if (patch.changes[0]?.kind === 'rename') return
  // @ts-expect-error a package is a file
  await diffTrees('old', 'new', {})
  // @ts-expect-error patches are opened first
  await squashTreePatches(['p.zip'], { out: 'q.zip' })
  // @ts-expect-error without keys nothing is verified
  await verifyFile('p.zip', {})
  // @ts-expect-error signing takes a key
  await signFile('p.zip', {})
  void [deltas, plan.conflicts[0]?.reason === 'modified', await fetchFile(['a', game], { out: 'b', retries: 1 })]
  const { reason } = await updateFromServiceManifest(game, { json: {}, base: game }, { dryRun: true, maxSize: 1 << 30 })
  return reason === 'up_to_date' ? undefined : (await scanTree(game)).items.find(({ kind }) => kind === 'symlink')?.target
}

export function outcomes(error: unknown): Outcome | undefined {
  return error instanceof PatchcoreError ? error.outcome : undefined
}

export function errors(error: unknown): number {
  if (!(error instanceof PatchcoreError)) return 0
  // @ts-expect-error there is no such code
  if (error.code === 'ERR_PATCHCORE_CORRUPTED') return 1
  return error.code === 'ERR_PATCHCORE_CORRUPT' ? (error.offset ?? 0) : error.status
}

export async function repositories(folder: URL, source: string): Promise<void> {
  const repository: Repository = await Repository.init(folder, { key: source })
  const report: PublishReport = await repository.publish(source, '1.0.0', { expiresAt: new Date(), keepLocal: ['*.ini'] as const })
  const previous: string | undefined = report.previous
  const { means, packages } = await repository.plan(previous)
  const update: RepositoryUpdateReport = await updateFromRepository(folder, new URL('https://example.org'), { repair: true })
  // @ts-expect-error a package goes into the repository and nowhere else
  await repository.publish(source, '1.0.0', { out: source })
  // @ts-expect-error there is one way to a repository
  new Repository(folder)
  void [means === 'deltas', packages[0]?.sha256, update.fallback?.status]
}
