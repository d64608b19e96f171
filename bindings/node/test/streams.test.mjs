import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'

import { Applier, createApplyStream, diff } from 'libpatchcore'

import { codeOf, folder, sleep, version } from './support.mjs'

const [v1, v2, v3] = [1, 2, 3].map(version)
const delta = await diff(v1, v2)

async function all(readable) {
  const parts = []
  for await (const part of readable) parts.push(part)
  return Buffer.concat(parts)
}

test('a delta is piped in and the new file comes out', async (t) => {
  const into = folder(t)
  const [old, patch, out] = ['old', 'patch', 'out'].map((name) => join(into, name))
  writeFileSync(old, v1)
  writeFileSync(patch, delta)
  const stream = createApplyStream(old)
  await pipeline(createReadStream(patch), stream, createWriteStream(out))
  assert.deepEqual(readFileSync(out), v2)
  assert.equal(stream.stats.newSize, v2.length)
  assert.equal(stream.info.deltaSize, delta.length)
})

test('chunks of any size give the same file', async () => {
  for (const size of [1, 7, 1000, delta.length]) {
    const chunks = Array.from({ length: Math.ceil(delta.length / size) }, (_, i) => delta.subarray(i * size, (i + 1) * size))
    assert.deepEqual(await all(Readable.from(chunks, { objectMode: false }).pipe(createApplyStream(v1))), v2, `${size}`)
  }
})

test('a reader that does not read holds the delta back, and memory stays bounded', async () => {
  const old = randomBytes(32 << 20)
  const large = await diff(old, Buffer.concat([old, Buffer.from('more')]))
  const stream = createApplyStream(old)
  stream.end(large)
  stream.once('readable', () => {})
  await sleep(1500)
  assert.ok(stream.readableLength > 0 && stream.readableLength <= 1 << 20, `${stream.readableLength} bytes wait`)
  assert.equal((await all(stream)).length, old.length + 4)
})

test('a slow writer gets the file as fast as it takes it', async () => {
  const old = randomBytes(4 << 20)
  const made = []
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      made.push(chunk)
      setTimeout(done, 2)
    },
  })
  await pipeline(Readable.from([await diff(old, old)]), createApplyStream(old), slow)
  assert.ok(Buffer.concat(made).equals(old))
})

test('an old file that is another one fails before the first byte', async () => {
  const made = new PassThrough()
  const promise = pipeline(Readable.from([delta]), createApplyStream(v3), made)
  assert.equal(await codeOf(promise), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  assert.equal(made.readableLength, 0)
  assert.equal(await codeOf(pipeline(Readable.from([delta]), createApplyStream('/missing'), new PassThrough())), 'ERR_PATCHCORE_NOT_FOUND')
})

test('a damaged, a cut and a too long delta each fail, and the stream does not end', async () => {
  const damaged = Buffer.from(delta)
  damaged[damaged.length - 1] ^= 1
  for (const [what, bytes] of Object.entries({
    damaged,
    cut: delta.subarray(0, -1),
    long: Buffer.concat([delta, delta]),
    none: Buffer.alloc(0),
    other: randomBytes(500),
  })) {
    const stream = createApplyStream(v1)
    let ended = false
    stream.on('end', () => (ended = true)).resume()
    assert.equal(await codeOf(pipeline(Readable.from([bytes]), stream, new PassThrough().resume())), 'ERR_PATCHCORE_CORRUPT', what)
    assert.equal(ended, false, what)
    assert.equal(stream.stats, undefined, what)
  }
})

test('limits hold', async () => {
  const run = (options) => codeOf(pipeline(Readable.from([delta]), createApplyStream(v1, options), new PassThrough().resume()))
  assert.equal(await run({ maxOutput: v2.length - 1 }), 'ERR_PATCHCORE_LIMIT')
  assert.equal(await run({ maxMemory: 1 }), 'ERR_PATCHCORE_LIMIT')
  assert.equal(await run({ maxOutput: v2.length }), undefined)
  assert.throws(() => createApplyStream(v1, { maxMemory: -1 }), { code: 'ERR_PATCHCORE_INVALID_ARGUMENT' })
})

test('an abort destroys the stream with its reason, before and while', async () => {
  const old = randomBytes(16 << 20)
  const large = await diff(old, old)
  const reason = new Error('enough')
  const controller = new AbortController()
  const stream = createApplyStream(old, { signal: controller.signal })
  const promise = pipeline(Readable.from([large]), stream, new Writable({ write: (_chunk, _encoding, done) => setTimeout(done, 20) }))
  setTimeout(() => controller.abort(reason), 60)
  const began = performance.now()
  await assert.rejects(promise, (error) => error === reason)
  assert.ok(performance.now() - began < 60 + 100)
  assert.ok(stream.destroyed)
  const before = createApplyStream(old, { signal: AbortSignal.abort(reason) })
  await assert.rejects(all(before), (error) => error === reason)
})

test('a reader that leaves ends the work', async () => {
  const old = randomBytes(16 << 20)
  const stream = createApplyStream(old)
  stream.end(await diff(old, old))
  for await (const part of stream) {
    assert.ok(part.length > 0)
    break
  }
  assert.ok(stream.destroyed)
})

test('an applier goes on from a checkpoint where another one stopped', async () => {
  const old = randomBytes(1 << 20)
  const updated = Buffer.concat(Array.from({ length: 8 }, (_, i) => Buffer.concat([old.subarray(i << 17, (i + 1) << 17), randomBytes(40_000)])))
  const long = await diff(old, updated, { maxApplyMemory: 256 << 10 })
  const made = Buffer.alloc(updated.length)
  let position = 0
  const write = async (bytes) => {
    await sleep(0)
    position += bytes.copy(made, position)
  }
  const first = new Applier(old, write)
  await first.push(long.subarray(0, long.length / 2))
  const flushed = []
  const checkpoint = await first.checkpoint()
  assert.ok(checkpoint.length < 1000)
  position = 0
  const second = await Applier.resume(old, write, checkpoint, { flush: () => flushed.push(position) })
  assert.ok(second.deltaOffset > 0 && second.outputOffset > 0)
  position = second.outputOffset
  await second.push(long.subarray(second.deltaOffset))
  await second.checkpoint()
  assert.deepEqual(flushed, [updated.length])
  assert.equal((await second.finish()).newSize, updated.length)
  assert.ok(made.equals(updated))
  checkpoint[0] ^= 1
  assert.equal(await codeOf(Applier.resume(old, write, checkpoint)), 'ERR_PATCHCORE_CORRUPT')
})

test('an applier does one thing at a time, and none after it failed', async () => {
  const applier = new Applier(v1, () => {})
  const first = applier.push(delta)
  assert.equal(await codeOf(applier.push(delta)), 'ERR_PATCHCORE_BUSY')
  await first
  await applier.finish()
  const mine = new Error('disk full')
  const failing = new Applier(v1, () => Promise.reject(mine))
  await assert.rejects(failing.push(delta), (error) => error === mine)
  assert.equal(await codeOf(failing.finish()), 'ERR_PATCHCORE_INVALID_ARGUMENT')
})
