// Buffers, threads and the process: what may happen around a job while it runs.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { apply, diff } from 'libpatchcore'

import { contents, folder, largePair, settled, sleep, unlikePair, version } from './support.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const [v1, v2] = [1, 2].map(version)

/** Runs a script in a process of its own, in this folder, where the package is found. */
const script = (code, options = [], env = {}) =>
  promisify(execFile)(process.execPath, [...options, '--input-type=module', '--eval', code], {
    cwd: here,
    env: { ...process.env, ...env },
  })

test('a buffer may change as soon as the call has returned', async () => {
  const [old, updated] = [Buffer.from(v1), Buffer.from(v2)]
  const promise = diff(old, updated)
  old.fill(0)
  updated.fill(1)
  assert.deepEqual(await apply(v1, await promise), v2)
})

test('a buffer may be given away while the job runs', async () => {
  const [old, updated] = [Uint8Array.from(v1), Uint8Array.from(v2)]
  const promise = diff(old, updated)
  for (const { buffer } of [old, updated]) structuredClone(buffer, { transfer: [buffer] })
  assert.deepEqual(await apply(v1, await promise), v2)
})

test('a shared buffer that another thread writes never brings a job down', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4 << 20))
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     for (let i = 0; ; i = (i + 4099) % workerData.length) workerData[i] ^= i`,
    { eval: true, workerData: shared },
  )
  try {
    for (let round = 0; round < 5; round++) await diff(shared, shared)
  } finally {
    await worker.terminate()
  }
})

test('results and inputs live as long as they are needed, whatever the collector does', async () => {
  const code = `
    import { apply, diff } from 'libpatchcore'
    import { version } from './support.mjs'
    const results = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const delta = await diff(Buffer.from(version(1 + i % 3)), Buffer.from(version(2 + i % 3)))
      globalThis.gc()
      const promise = apply(Buffer.from(version(1 + i % 3)), delta)
      globalThis.gc()
      return promise
    }))
    globalThis.gc()
    if (!results.every((made, i) => made.equals(version(2 + i % 3)))) process.exit(1)
    let held = results.map((made) => made.subarray(7))
    results.length = 0
    globalThis.gc()
    if (!held.every((made, i) => made.equals(version(2 + i % 3).subarray(7)))) process.exit(2)
    console.log('whole')`
  assert.equal((await script(code, ['--expose-gc'])).stdout, 'whole\n')
})

test('memory of results goes back when nobody holds them', async () => {
  const code = `
    import { apply, diff } from 'libpatchcore'
    const old = Buffer.alloc(8 << 20, 'some text ')
    const delta = await diff(old, old)
    for (let i = 0; i < 60; i++) {
      await apply(old, delta)
      if (i % 4 === 0) globalThis.gc()
    }
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log(process.memoryUsage().rss >> 20)`
  const { stdout } = await script(code, ['--expose-gc'])
  assert.ok(Number(stdout) < 250, `${stdout} MiB after 480 MiB of results`)
})

test('jobs run on threads of their own, so that files can be read meanwhile', async (t) => {
  const into = folder(t)
  const { old, updated } = unlikePair(into, 2 << 20)
  const code = `
    import { diff } from 'libpatchcore'
    import { stat } from 'node:fs/promises'
    let done = 0
    const jobs = Array.from({ length: 3 }, () => diff(process.env.OLD, process.env.NEW).then(() => done++))
    for (let i = 0; i < 20; i++) await stat('.')
    console.log(done)
    await Promise.all(jobs)`
  const env = { OLD: old, NEW: updated, UV_THREADPOOL_SIZE: '1' }
  assert.equal((await script(code, [], env)).stdout, '0\n')
})

test('the event loop goes on during a diff of 45 MB', async (t) => {
  const { old, updated } = largePair(folder(t), 45_000_000)
  const inputs = { paths: [old, updated], bytes: [readFileSync(old), readFileSync(updated)] }
  for (const [how, [old, updated]] of Object.entries(inputs)) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await sleep(50)
    await diff(old, updated, { level: 3, onProgress() {} })
    delay.disable()
    t.diagnostic(`${how}: p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, max ${(delay.max / 1e6).toFixed(1)} ms`)
    // On top of what was asked for, one millisecond between two looks.
    assert.ok(delay.percentile(99) / 1e6 <= 21, `${how}: p99 ${delay.percentile(99) / 1e6} ms`)
  }
})

test('many jobs at once give each its own result', async () => {
  const made = await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const [old, updated] = [version(1 + (i % 4)), version(2 + (i % 4))]
      return (await apply(old, await diff(old, updated, { level: 1 + (i % 9) }))).equals(updated)
    }),
  )
  assert.ok(made.every(Boolean))
})

test('worker threads run jobs of their own', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { apply, diff } = require('libpatchcore')
    diff(workerData.old, workerData.updated)
      .then((delta) => apply(workerData.old, delta))
      .then((made) => parentPort.postMessage(made))`
  const workers = Array.from({ length: 4 }, (_, i) => {
    const workerData = { old: version(1 + i), updated: version(2 + i) }
    return once(new Worker(code, { eval: true, workerData }), 'message').then(([made]) => workerData.updated.equals(made))
  })
  assert.deepEqual(await Promise.all(workers), [true, true, true, true])
})

test('a worker thread that is terminated takes its job with it, and nothing is left', async (t) => {
  const into = folder(t)
  const { old, updated } = unlikePair(into, 8 << 20)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { diff } = require(workerData.package)
    diff(workerData.old, workerData.updated, { out: workerData.out, onProgress: () => parentPort.postMessage('runs') })`
  const workerData = { old, updated, out: join(into, 'out'), package: fileURLToPath(import.meta.resolve('libpatchcore')).replace(/\.mjs$/, '.js') }
  const worker = new Worker(code, { eval: true, workerData })
  await once(worker, 'message')
  await worker.terminate()
  assert.deepEqual(await settled(into, ['new', 'old']), ['new', 'old'])
})

test('a process waits for its jobs', async (t) => {
  const out = join(folder(t), 'out')
  await script(`
    import { diff } from 'libpatchcore'
    import { version } from './support.mjs'
    void diff(version(1), version(2), { out: ${JSON.stringify(out)} })`)
  assert.ok(statSync(out).size > 0)
})

test('a process that exits while a job runs exits with its own status, and nothing is left', async (t) => {
  const into = folder(t)
  const { old, updated } = unlikePair(into, 256 << 10)
  const code = `
    import { diff } from 'libpatchcore'
    diff(process.env.OLD, process.env.NEW, {
      out: process.env.OUT,
      level: 5,
      onProgress: ({ phase }) => { if (phase === 'encode') process.exit(7) },
    })`
  const env = { OLD: old, NEW: updated, OUT: join(into, 'out') }
  await assert.rejects(script(code, [], env), { code: 7 })
  assert.deepEqual(contents(into), ['new', 'old'])
})

test('an uncaught exception while a job runs ends the process as it would without', async (t) => {
  const into = folder(t)
  const { old, updated } = unlikePair(into, 8 << 20)
  const code = `
    import { diff } from 'libpatchcore'
    diff(process.env.OLD, process.env.NEW, { out: process.env.OUT })
    setTimeout(() => { throw new Error('mine') }, 30)`
  const failed = await script(code, [], { OLD: old, NEW: updated, OUT: join(into, 'out') }).catch((error) => error)
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /Error: mine/)
  assert.deepEqual(contents(into), ['new', 'old'])
})
