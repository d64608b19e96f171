// What may happen around a change of a directory while it runs: aborts, callbacks that throw, the collector, the end of threads.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { diffTrees, fetchFile, recoverTree, rollbackTree, scanTree, TreePatch, updateFromPackageInfo } from 'libpatchcore'

import { codeOf, folder, sleep, trees } from './support.mjs'

const FILES = 60
const require = createRequire(import.meta.url)
const here = fileURLToPath(new URL('.', import.meta.url))
const digestOf = async (root) => (await scanTree(root)).digest

/** Two versions of a directory with many files, all of which change, and the patch between them. */
async function large(t) {
  const path = folder(t)
  const [old, updated, root, out] = ['old', 'updated', 'root', 'p.zip'].map((name) => join(path, name))
  for (const [root, text] of [[old, 'as it was '], [updated, 'as it is to be ']]) {
    mkdirSync(root)
    for (let i = 0; i < FILES; i++) writeFileSync(join(root, `file ${i}`), `${text}${i} `.repeat(300))
  }
  cpSync(old, root, { recursive: true })
  await diffTrees(old, updated, { out, level: 1, compression: 'stored' })
  const digests = { old: await digestOf(old), updated: await digestOf(updated) }
  return { path, root, out, digests, patch: await TreePatch.open(out) }
}

/** Waits until whoever was told to stop has let go of a directory, and leaves that as it is. */
async function released(root) {
  for (let waited = 0; waited < 10_000; waited += 5) {
    if ((await codeOf(recoverTree(root))) !== 'ERR_PATCHCORE_BUSY') return
    await sleep(5)
  }
  assert.fail(`${root} stays locked`)
}

/** Runs `work` with a signal that is aborted as soon as an event of the phase arrives, and says how the promise settled. */
async function abortedIn(phase, work) {
  const controller = new AbortController()
  const reason = new Error(`in ${phase}`)
  const seen = []
  const onProgress = (event) => {
    seen.push(event.phase)
    if (event.phase === phase) controller.abort(reason)
  }
  const how = await work({ signal: controller.signal, onProgress }).then(
    () => 'resolved',
    (error) => (assert.equal(error, reason), 'rejected'),
  )
  assert.ok(seen.includes(phase), `${phase} of ${seen}`)
  return how
}

test('an aborted apply leaves the old tree where it rejects and the new one where it resolves, in each phase', async (t) => {
  const { root, digests, patch } = await large(t)
  const counts = { rejected: 0, resolved: 0 }
  for (const phase of ['hash', 'stage', 'commit']) {
    for (let round = 0; round < 3; round++) {
      const how = await abortedIn(phase, (options) => patch.apply(root, options))
      counts[how]++
      const expected = how === 'resolved' ? digests.updated : digests.old
      assert.equal(await digestOf(root), expected, `${how} in ${phase}`)
      await released(root)
      assert.equal(await digestOf(root), expected, `${how} in ${phase}, later`)
      if (phase === 'commit') assert.equal(how, 'resolved')
      if (how === 'resolved') await rollbackTree(root)
      assert.equal(await digestOf(root), digests.old)
    }
  }
  assert.ok(counts.rejected > 0 && counts.resolved > 0, JSON.stringify(counts))
})

test('an aborted rollback leaves the new tree where it rejects and the old one where it resolves', async (t) => {
  const { root, digests, patch } = await large(t)
  for (const phase of ['hash', 'rollback']) {
    for (let round = 0; round < 2; round++) {
      await patch.apply(root)
      const how = await abortedIn(phase, (options) => rollbackTree(root, options))
      const expected = how === 'resolved' ? digests.old : digests.updated
      assert.equal(await digestOf(root), expected, `${how} in ${phase}`)
      await released(root)
      assert.equal(await digestOf(root), expected, `${how} in ${phase}, later`)
      if (phase === 'rollback') assert.equal(how, 'resolved')
      if (how === 'rejected') await rollbackTree(root)
    }
  }
})

test('who aborts too late hears of a directory that is left between two versions', async () => {
  const { run } = require(join(dirname(require.resolve('libpatchcore/package.json')), 'dist/job.js'))
  const failed = (outcome) => {
    const controller = new AbortController()
    let tell
    const promise = run({ signal: controller.signal }, (listener) => {
      tell = listener
      return { cancel: () => false, wait: () => true }
    })
    controller.abort('enough')
    tell('failed', { status: 20, name: 'IO', message: 'the disk is gone', outcome })
    return promise.catch((error) => error)
  }
  assert.equal(await failed('rolled_back'), 'enough')
  assert.equal((await failed('rollback_failed')).outcome, 'rollback_failed')
})

test('an abort at any moment tells which tree there is', async (t) => {
  const { root, digests, patch } = await large(t)
  const began = performance.now()
  await patch.apply(root)
  const whole = performance.now() - began
  await rollbackTree(root)
  const counts = { rejected: 0, resolved: 0 }
  for (let round = 0; round < 16; round++) {
    const controller = new AbortController()
    const promise = patch.apply(root, { signal: controller.signal })
    setTimeout(() => controller.abort(), (whole * round) / 12)
    const how = await promise.then(
      () => 'resolved',
      () => 'rejected',
    )
    counts[how]++
    const expected = how === 'resolved' ? digests.updated : digests.old
    assert.equal(await digestOf(root), expected, `${how} in round ${round}`)
    await released(root)
    assert.equal(await digestOf(root), expected, `${how} in round ${round}, later`)
    if (how === 'resolved') await rollbackTree(root)
  }
  assert.ok(counts.rejected > 0 && counts.resolved > 0, JSON.stringify(counts))
})

test('an aborted update leaves the directory, and an aborted fetch no file', async (t) => {
  const { path, root, out, digests } = await large(t)
  const document = { json: { url: out, hash: (await fetchFile(out, { out: join(path, 'copy') })).digest }, base: out }
  assert.equal(await abortedIn('download', (options) => updateFromPackageInfo(root, document, options)), 'rejected')
  assert.equal(await digestOf(root), digests.old)
  await released(root)
  assert.equal(await digestOf(root), digests.old)
  const signal = AbortSignal.abort()
  for (const call of [
    () => updateFromPackageInfo(root, document, { signal }),
    () => fetchFile(out, { out: join(path, 'never'), signal }),
    () => rollbackTree(root, { signal }),
    () => TreePatch.open(out, { signal }),
  ]) {
    await assert.rejects(call(), { name: 'AbortError' })
  }
})

test('each phase of a change is reported, honestly, and its last event before the promise resolves', async (t) => {
  const { root, patch } = await large(t)
  const phases = async (work) => {
    const last = new Map()
    await work({ onProgress: (event) => last.set(event.phase, event) })
    for (const { phase, done, total } of last.values()) assert.equal(done, total, phase)
    return [...last.keys()]
  }
  assert.deepEqual(await phases((options) => patch.apply(root, options)), ['hash', 'stage', 'commit'])
  assert.deepEqual(await phases((options) => rollbackTree(root, options)), ['hash', 'rollback'])
  const diff = await phases((options) => diffTrees(root, join(root, '../updated'), { out: join(root, '../again.zip'), ...options }))
  for (const phase of ['scan', 'hash', 'pack']) assert.ok(diff.includes(phase), `${phase} of ${diff}`)
})

test('what onProgress throws while the tree is being changed comes too late to stop that, and rejects', async (t) => {
  const { root, digests, patch } = await large(t)
  const mine = new Error('mine')
  const throwIn = (wanted) => ({
    onProgress: ({ phase }) => {
      if (phase === wanted) throw mine
    },
  })
  await assert.rejects(patch.apply(root, throwIn('hash')), mine)
  await released(root)
  assert.equal(await digestOf(root), digests.old)
  await assert.rejects(patch.apply(root, throwIn('commit')), mine)
  assert.equal(await digestOf(root), digests.updated)
})

test('a directory is changed by one at a time, and who comes second is told', async (t) => {
  const { root, digests, patch } = await large(t)
  const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(patch.apply(root))))
  assert.ok(codes.every((code) => code === undefined || code === 'ERR_PATCHCORE_BUSY'), codes.join())
  assert.ok(codes.includes(undefined))
  assert.equal(await digestOf(root), digests.updated)
})

test('an open patch is what it was when it was opened, and lives as long as its jobs', async (t) => {
  const house = trees(t)
  const out = join(house.path, 'p.zip')
  await diffTrees(house.one, house.two, { out })
  const patch = await TreePatch.open(out)
  appendFileSync(out, 'more')
  assert.equal(await codeOf(TreePatch.open(out)), 'ERR_PATCHCORE_CORRUPT')
  assert.equal(patch.changes.length, 4)
  const code = `
    import { diffTrees, scanTree, TreePatch } from 'libpatchcore'
    import { readFileSync } from 'node:fs'
    const { ONE, TWO, OUT } = process.env
    await diffTrees(ONE, TWO, { out: OUT })
    const results = []
    for (let i = 0; i < 30; i++) {
      const promise = (await TreePatch.open(i % 2 ? OUT : Uint8Array.from(readFileSync(OUT)))).verify()
      globalThis.gc()
      results.push(promise)
    }
    globalThis.gc()
    const promise = (await TreePatch.open(OUT)).apply(ONE)
    globalThis.gc()
    await promise
    const made = (await Promise.all(results)).every(({ deltas }) => deltas === 1)
    console.log(made && (await scanTree(ONE)).digest === (await scanTree(TWO)).digest)`
  const env = { ...process.env, ONE: house.one, TWO: house.two, OUT: join(house.path, 'q.zip') }
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '--eval', code], { cwd: here, env })
  assert.equal(stdout, 'true\n')
})

test('memory and open files of patches go back when nobody holds them', { skip: process.platform !== 'linux' }, async (t) => {
  const { out } = await large(t)
  const code = `
    import { TreePatch } from 'libpatchcore'
    import { readdirSync } from 'node:fs'
    const { OUT } = process.env
    for (let i = 0; i < 300; i++) {
      const patch = await TreePatch.open(OUT)
      if (patch.changes.length !== ${FILES}) process.exit(1)
      if (i % 10 === 0) globalThis.gc()
    }
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log(readdirSync('/proc/self/fd').length, process.memoryUsage().rss >> 20)`
  const env = { ...process.env, OUT: out }
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '--eval', code], { cwd: here, env })
  const [files, mebibytes] = stdout.split(' ').map(Number)
  assert.ok(files < 60 && mebibytes < 200, `${files} files, ${mebibytes} MiB`)
})

test('a worker thread that is terminated while it changes a tree leaves the old one or the new one', async (t) => {
  const { root, out, digests } = await large(t)
  for (const wanted of ['stage', 'commit']) {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads')
      const { TreePatch } = require(workerData.package)
      TreePatch.open(workerData.out).then((patch) =>
        patch.apply(workerData.root, { onProgress: ({ phase }) => phase === workerData.wanted && parentPort.postMessage('runs') }))`
    const workerData = { root, out, wanted, package: fileURLToPath(import.meta.resolve('libpatchcore')).replace(/\.mjs$/, '.js') }
    const worker = new Worker(code, { eval: true, workerData })
    await once(worker, 'message')
    await worker.terminate()
    await released(root)
    const found = await digestOf(root)
    assert.ok(found === digests.old || found === digests.updated, wanted)
    if (found === digests.updated) await rollbackTree(root)
  }
})

test('a process that exits while a tree is changed leaves the old one or the new one', async (t) => {
  const { root, out, digests } = await large(t)
  for (const wanted of ['stage', 'commit']) {
    const code = `
      import { TreePatch } from 'libpatchcore'
      const { ROOT, OUT, WANTED } = process.env
      const patch = await TreePatch.open(OUT)
      await patch.apply(ROOT, { onProgress: ({ phase }) => { if (phase === WANTED) process.exit(7) } })`
    const env = { ...process.env, ROOT: root, OUT: out, WANTED: wanted }
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], { cwd: here, env })
    await assert.rejects(run, { code: 7 })
    await recoverTree(root)
    const found = await digestOf(root)
    assert.ok(found === digests.old || found === digests.updated, wanted)
    if (found === digests.updated) await rollbackTree(root)
  }
})
