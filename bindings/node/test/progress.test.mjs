import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { apply, diff } from 'libpatchcore'

import { contents, folder, largePair, version } from './support.mjs'

const [v1, v2] = [1, 2].map(version)

test('each phase is reported, and its last event comes before the promise resolves', async () => {
  const events = []
  await diff(v1, v2, { onProgress: (event) => events.push(event) })
  const before = events.length
  const last = new Map(events.map((event) => [event.phase, event]))
  for (const phase of ['hash', 'match', 'encode', 'apply']) assert.ok(last.has(phase), `${phase} of ${[...last.keys()]}`)
  for (const { phase, done, total, unit } of last.values()) {
    assert.equal(done, total, phase)
    assert.ok(unit === 'bytes' || unit === 'items')
  }
  await new Promise(setImmediate)
  assert.equal(events.length, before)
})

test('at most ten events come in a second of a phase, its first and its last apart', async (t) => {
  const { old, updated } = largePair(folder(t), 24 << 20)
  const counts = new Map()
  const began = Date.now()
  await diff(old, updated, { onProgress: ({ phase }) => counts.set(phase, (counts.get(phase) ?? 0) + 1) })
  const seconds = (Date.now() - began) / 1000
  for (const [phase, count] of counts) assert.ok(count <= 10 * seconds + 6, `${count} of ${phase} in ${seconds} s`)
})

test('what onProgress or onLog throws stops the operation and rejects its promise', async (t) => {
  const into = folder(t)
  const { old, updated } = largePair(folder(t), 1 << 20)
  const mine = new Error('mine')
  const fail = () => {
    throw mine
  }
  for (const callback of ['onProgress', 'onLog']) {
    await assert.rejects(diff(old, updated, { out: join(into, callback), [callback]: fail }), mine, callback)
  }
  const out = join(into, 'replaced')
  writeFileSync(out, 'as it was')
  await assert.rejects(diff(old, updated, { out, onProgress: fail }), mine)
  assert.equal(readFileSync(out, 'utf8'), 'as it was')
  assert.deepEqual(contents(into).filter((name) => !name.startsWith('.patchcore-')), ['replaced'])
})

test('what is thrown at the last event rejects the promise, even where the file is in place by then', async (t) => {
  const out = join(folder(t), 'out')
  const delta = await diff(v1, v2)
  const mine = new Error('mine')
  const onProgress = ({ phase, done, total }) => {
    if (phase === 'apply' && done === total) {
      const end = performance.now() + 20
      while (performance.now() < end);
      throw mine
    }
  }
  for (let round = 0; round < 10; round++) await assert.rejects(apply(v1, delta, { out, onProgress }), mine)
})

test('a callback is not called again after it has thrown', async (t) => {
  const { old, updated } = largePair(folder(t), 4 << 20)
  let calls = 0
  await assert.rejects(
    diff(old, updated, {
      onProgress: () => {
        calls++
        throw new Error('mine')
      },
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(calls, 1)
})

test('the log says what was decided and what it took', async () => {
  const events = []
  await apply(v1, await diff(v1, v2), { onLog: (event) => events.push(event) })
  assert.ok(events.some(({ level, message }) => level === 'debug' && /^apply: \d+ bytes in/.test(message)))
})
