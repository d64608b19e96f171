import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { getEventListeners } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

import { apply, Chain, diff, inspect } from 'libpatchcore'

import { contents, folder, largePair, settled, sleep, unlikePair, version } from './support.mjs'

const [v1, v2] = [1, 2].map(version)
const delta = await diff(v1, v2)
const visible = (into) => contents(into).filter((name) => !name.startsWith('.patchcore-'))

test('a signal that was aborted before rejects with its reason and starts nothing', async (t) => {
  const into = folder(t)
  const reason = { mine: true }
  const calls = [
    (signal) => diff(v1, v2, { out: join(into, 'out'), signal }),
    (signal) => inspect(delta, { signal }),
    (signal) => Chain.create([delta], { out: join(into, 'chain'), signal }),
  ]
  for (const call of calls) {
    await assert.rejects(call(AbortSignal.abort(reason)), (error) => error === reason)
    await assert.rejects(call(AbortSignal.abort()), { name: 'AbortError' })
  }
  await sleep(100)
  assert.deepEqual(contents(into), [])
})

test('an abort while a job runs rejects at once, and nothing appears any more', async (t) => {
  const into = folder(t)
  const { old, updated } = unlikePair(into, 24 << 20)
  const out = join(into, 'out')
  for (const after of [1, 20, 100, 300]) {
    const controller = new AbortController()
    const promise = diff(old, updated, { out, signal: controller.signal })
    await sleep(after)
    const began = performance.now()
    const reason = new Error(`after ${after} ms`)
    controller.abort(reason)
    await assert.rejects(promise, (error) => error === reason)
    assert.ok(performance.now() - began < 100, `${performance.now() - began} ms`)
  }
  assert.deepEqual(await settled(into, ['new', 'old']), ['new', 'old'])
})

test('AbortSignal.timeout rejects with its TimeoutError', async (t) => {
  const { old, updated } = unlikePair(folder(t), 4 << 20)
  await assert.rejects(diff(old, updated, { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' })
})

test('an abort afterwards changes nothing, and no listener stays with the signal', async () => {
  const controller = new AbortController()
  const { signal } = controller
  for (let i = 0; i < 20; i++) assert.deepEqual(await apply(v1, delta, { signal }), v2)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  controller.abort()
})

test('the handlers of others on the signal are still called', async (t) => {
  const { old, updated } = largePair(folder(t), 8 << 20)
  const controller = new AbortController()
  let called = 0
  controller.signal.onabort = () => called++
  const promise = diff(old, updated, { signal: controller.signal })
  controller.abort()
  await assert.rejects(promise)
  assert.equal(called, 1)
})

test('one signal stops many jobs', async (t) => {
  const { old, updated } = largePair(folder(t), 16 << 20)
  const controller = new AbortController()
  const jobs = Array.from({ length: 8 }, () => diff(old, updated, { signal: controller.signal }))
  await sleep(10)
  controller.abort()
  const settled = await Promise.allSettled(jobs)
  assert.ok(settled.every(({ reason }) => reason?.name === 'AbortError'))
})

test('who is told of an abort finds the file as it was, and who is not finds the new one', async (t) => {
  const into = folder(t)
  const out = join(into, 'out')
  const counts = { aborted: 0, done: 0 }
  for (let round = 0; round < 300; round++) {
    writeFileSync(out, v1)
    const controller = new AbortController()
    const promise = apply(out, delta, { out, signal: controller.signal })
    const wait = performance.now() + (round % 60) / 20
    while (performance.now() < wait);
    controller.abort()
    const outcome = await promise.then(
      () => 'done',
      () => 'aborted',
    )
    counts[outcome]++
    const expected = outcome === 'done' ? v2 : v1
    assert.ok(readFileSync(out).equals(expected), `${outcome} in round ${round}`)
    await sleep(2)
    assert.ok(readFileSync(out).equals(expected), `${outcome} in round ${round}, later`)
  }
  assert.ok(counts.aborted > 0 && counts.done > 0, JSON.stringify(counts))
  assert.deepEqual(visible(into), ['out'])
})

test('an aborted append leaves the chain as it was', async (t) => {
  const into = folder(t)
  const out = join(into, 'chain')
  const chain = await Chain.create([delta], { out })
  const before = readFileSync(out)
  const controller = new AbortController()
  const promise = chain.append([await diff(v2, version(3))], { signal: controller.signal })
  controller.abort()
  await assert.rejects(promise, { name: 'AbortError' })
  assert.equal(chain.info.links, 1)
  await sleep(100)
  assert.ok(existsSync(out) && readFileSync(out).equals(before))
})
