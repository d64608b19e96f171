// Every vector of tests/vectors: the file that it says, or the status and nothing left behind.

import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { apply, Chain, createApplyStream, PatchcoreError } from 'libpatchcore'

import { contents, folder } from './support.mjs'

const vectors = process.env.PATCHCORE_VECTORS
const index = JSON.parse(readFileSync(join(vectors, 'vectors.json'), 'utf8'))
const ofKind = (kind) => index.vectors.filter((vector) => vector.kind === kind)
const read = (file) => readFileSync(join(vectors, file))

/** Fails unless a promise gives what the vector says. */
async function judge(vector, how, promise) {
  const what = `${vector.name}, ${how}`
  const [made, error] = await promise.then(
    (made) => [made, undefined],
    (error) => [undefined, error],
  )
  if (vector.status === 0) {
    assert.equal(error, undefined, what)
    assert.ok(made.equals(read(vector.new)), what)
  } else {
    assert.ok(error instanceof PatchcoreError, `${what}: ${error}`)
    assert.deepEqual([error.status, error.code], [vector.status, `ERR_PATCHCORE_${vector.status_name}`], what)
  }
}

/** Applies from files to a file in a folder, where nothing but the files and the result may be afterwards. */
async function judgeFiles(t, vector, apply) {
  const into = folder(t)
  const [old, file, out] = ['old', 'file', 'out'].map((name) => join(into, name))
  copyFileSync(join(vectors, vector.old), old)
  copyFileSync(join(vectors, vector.file), file)
  await judge(vector, 'files', apply(old, file, out).then(() => readFileSync(out)))
  assert.deepEqual(contents(into), vector.status === 0 ? ['file', 'old', 'out'] : ['file', 'old'], vector.name)
}

/** What a stream gives, fed a few bytes at a time. */
async function streamed(old, delta, options) {
  const stream = createApplyStream(old, options)
  const parts = []
  for (let at = 0; at < delta.length && stream.writable; at += 1000) stream.write(delta.subarray(at, at + 1000))
  stream.end()
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

const limitsOf = (vector) => ({ maxMemory: vector.memory_limit ?? Infinity, maxOutput: vector.output_limit ?? Infinity })

test('there are vectors of this version', () => {
  assert.equal(index.format_version, 1)
  assert.ok(ofKind('delta').length > 100 && ofKind('chain').length > 30)
})

test('every delta makes its file or fails with its status', async (t) => {
  for (const vector of ofKind('delta')) {
    const [old, delta, limits] = [read(vector.old), read(vector.file), limitsOf(vector)]
    for (const threads of [1, 2]) await judge(vector, `${threads} threads`, apply(old, delta, { ...limits, threads }))
    await judge(vector, 'stream', streamed(old, delta, limits))
    await judgeFiles(t, vector, (old, delta, out) => apply(old, delta, { ...limits, out }))
  }
})

test('every chain makes its file or fails with its status', async (t) => {
  for (const vector of ofKind('chain')) {
    const options = { ...limitsOf(vector), target: vector.version }
    const [old, file] = [read(vector.old), read(vector.file)]
    const applied = async (file, old, options) => (await Chain.open(file)).apply(old, options)
    await judge(vector, 'one pass', applied(file, old, options))
    await judge(vector, 'streaming', applied(file, old, { ...options, streaming: true, maxMemory: 0 }))
    await judgeFiles(t, vector, (old, chain, out) => applied(chain, old, { ...options, out }))
  }
})
