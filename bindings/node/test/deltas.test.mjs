import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { apply, compose, diff, digest, explain, fileKind, inspect, verify } from 'libpatchcore'

import { codeOf, contents, folder, version } from './support.mjs'

const [v1, v2, v3] = [1, 2, 3].map(version)
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

test('a delta makes the new file of the old one, from bytes to bytes', async () => {
  const delta = await diff(v1, v2)
  assert.ok(Buffer.isBuffer(delta) && delta.length < 1000)
  assert.deepEqual(await apply(v1, delta), v2)
})

test('strings and URLs are paths, everything else that holds bytes is content', async (t) => {
  const file = join(folder(t), 'old')
  writeFileSync(file, v1)
  const delta = await diff(v1, v2)
  const shifted = new Uint8Array(v1.length + 3)
  shifted.set(v1, 3)
  const shared = new Uint8Array(new SharedArrayBuffer(v1.length))
  shared.set(v1)
  const inputs = {
    path: file,
    url: pathToFileURL(file),
    'bytes of a path': { path: Buffer.from(file) },
    Buffer: v1,
    Uint8Array: shifted.subarray(3),
    DataView: new DataView(shifted.buffer, 3),
    Uint16Array: new Uint16Array(Uint8Array.from(v1).buffer),
    ArrayBuffer: Uint8Array.from(v1).buffer,
    SharedArrayBuffer: shared.buffer,
    'view of a SharedArrayBuffer': shared,
  }
  for (const [name, input] of Object.entries(inputs)) assert.deepEqual(await apply(input, delta), v2, name)
})

test('a result with a file is that file and says what was made', async (t) => {
  const into = folder(t)
  const [old, delta, made] = ['old', 'delta', 'made'].map((name) => join(into, name))
  writeFileSync(old, v1)
  const info = await diff(old, v2, { out: delta })
  assert.deepEqual([info.oldDigest, info.newDigest], [sha256(v1), sha256(v2)])
  assert.equal(info.deltaSize, readFileSync(delta).length)
  assert.deepEqual(await apply(old, delta, { out: pathToFileURL(made) }), { newDigest: sha256(v2), newSize: v2.length })
  assert.deepEqual(readFileSync(made), v2)
  assert.deepEqual(contents(into), ['delta', 'made', 'old'])
})

test('the old file can be the output', async (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(file, v1)
  await apply(file, await diff(v1, v2), { out: file })
  assert.deepEqual(readFileSync(file), v2)
})

test('an existing file is replaced, unless that is refused', async (t) => {
  const out = join(folder(t), 'out')
  await diff(v1, v2, { out })
  await diff(v1, v3, { out })
  assert.equal((await inspect(out)).newDigest, sha256(v3))
  assert.equal(await codeOf(diff(v1, v2, { out, noClobber: true })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.equal((await inspect(out)).newDigest, sha256(v3))
})

test('two deltas in a row make one, without any version of the file', async () => {
  const deltas = [await diff(v1, v2), await diff(v2, v3)]
  assert.deepEqual(await apply(v1, await compose(deltas)), v3)
  assert.deepEqual(await apply(v1, await compose(new Set(deltas), { level: 9 })), v3)
  assert.equal(await codeOf(compose(deltas.reverse())), 'ERR_PATCHCORE_SOURCE_MISMATCH')
})

test('levels, engines and threads change the delta, never what it makes', async () => {
  for (const options of [{ level: 1 }, { level: 9 }, { engine: 'bsdiff' }, { threads: 2 }, { maxApplyMemory: 1 << 20 }]) {
    assert.deepEqual(await apply(v1, await diff(v1, v2, options), { threads: 2 }), v2, JSON.stringify(options))
  }
})

test('a delta says what it holds, where its bytes went, and whether it is whole', async () => {
  const delta = await diff(v1, v2)
  const { info, contents } = await verify(delta, { old: v1 })
  assert.deepEqual(info, await inspect(delta))
  assert.equal(contents.copiedBytes + contents.insertedBytes, v2.length)
  const explained = await explain(delta, { most: 1 })
  assert.ok(explained.parts.reduce((sum, part) => sum + part.deltaBytes, 0) > 0)
  assert.ok(explained.segments.length <= 1 && explained.longestInsertions.length <= 1)
  assert.equal(await codeOf(verify(delta, { old: v3 })), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  delta[delta.length - 1] ^= 1
  assert.equal(await codeOf(verify(delta)), 'ERR_PATCHCORE_CORRUPT')
})

test('files are told by their content and known by their digest', async () => {
  assert.equal(await fileKind(await diff(v1, v2)), 'delta')
  assert.equal(await codeOf(fileKind(v1)), 'ERR_PATCHCORE_CORRUPT')
  assert.equal(await digest(v1), sha256(v1))
})

test('limits hold, and Infinity is none', async () => {
  const delta = await diff(v1, v2)
  assert.equal(await codeOf(apply(v1, delta, { maxOutput: v2.length - 1 })), 'ERR_PATCHCORE_LIMIT')
  assert.equal(await codeOf(apply(v1, delta, { maxMemory: 1 })), 'ERR_PATCHCORE_LIMIT')
  assert.deepEqual(await apply(v1, delta, { maxOutput: v2.length, maxMemory: Infinity }), v2)
})

test('a failed operation leaves nothing behind', async (t) => {
  const into = folder(t)
  const delta = await diff(v1, v2)
  assert.equal(await codeOf(apply(v3, delta, { out: join(into, 'out') })), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  assert.ok(!existsSync(join(into, 'out')))
  assert.deepEqual(contents(into), [])
})

test('empty files are files', async () => {
  const empty = Buffer.alloc(0)
  assert.deepEqual(await apply(empty, await diff(empty, v1)), v1)
  assert.deepEqual(await apply(v1, await diff(v1, empty)), empty)
})
