import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { apply, Applier, Chain, compose, diff, inspect, PatchcoreError } from 'libpatchcore'

import { codeOf, folder, version } from './support.mjs'

const [v1, v2] = [1, 2].map(version)
const require = createRequire(import.meta.url)
const packageFolder = dirname(require.resolve('libpatchcore/package.json'))

test('every status of the core but success has its code and its number, and no code has no status', () => {
  const native = require(join(packageFolder, 'native.js'))
  const core = native.statuses().filter(({ status }) => status !== 0)
  const { STATUSES } = require(join(packageFolder, 'dist/errors.js'))
  assert.deepEqual(STATUSES, Object.fromEntries(core.map(({ name, status }) => [name, status])))
  for (const { name, status } of core) {
    const error = new PatchcoreError(name, 'why')
    assert.deepEqual([error.code, error.status, error.name], [`ERR_PATCHCORE_${name}`, status, 'PatchcoreError'])
  }
})

test('an error says what happened, where, and what the system said', async (t) => {
  const missing = join(folder(t), 'missing')
  const error = await inspect(missing).catch((error) => error)
  assert.ok(error instanceof PatchcoreError && error instanceof Error)
  assert.equal(error.code, 'ERR_PATCHCORE_NOT_FOUND')
  assert.equal(error.status, 21)
  assert.equal(error.path, missing)
  assert.ok(error.message.startsWith(missing))
  assert.equal('offset' in error, false)
  if (process.platform !== 'win32') assert.deepEqual([error.errno, error.systemCode], [-2, 'ENOENT'])
})

test('damage is told with its file and its offset', async (t) => {
  const file = join(folder(t), 'delta')
  const delta = await diff(v1, v2)
  delta[delta.length - 1] ^= 1
  writeFileSync(file, delta)
  const error = await apply(v1, file).catch((error) => error)
  assert.deepEqual([error.code, error.path], ['ERR_PATCHCORE_CORRUPT', file])
  assert.ok(error.offset > 0 && error.offset <= delta.length)
  assert.equal((await apply(v1, delta).catch((error) => error)).path, undefined)
})

test('a path that is no UTF-8 works and comes back as its bytes', { skip: process.platform !== 'linux' }, async (t) => {
  const into = folder(t)
  const name = Buffer.concat([Buffer.from(join(into, 'old-')), Buffer.from([0xff])])
  writeFileSync(name, v1)
  const delta = await diff({ path: name }, v2)
  const out = Buffer.concat([Buffer.from(join(into, 'new-')), Buffer.from([0xfe])])
  await apply({ path: name }, delta, { out })
  assert.deepEqual(readFileSync(out), v2)
  const error = await inspect({ path: Buffer.concat([out, Buffer.from('-missing')]) }).catch((error) => error)
  assert.deepEqual(error.path, Buffer.concat([out, Buffer.from('-missing')]))
})

test('what cannot be meant is refused by a rejected promise, never thrown', async () => {
  const invalid = 'ERR_PATCHCORE_INVALID_ARGUMENT'
  const delta = await diff(v1, v2)
  for (const input of [undefined, null, 7, true, {}, [], [1, 2], Symbol('x'), () => 1, { path: 7 }]) {
    assert.equal(await codeOf(inspect(input)), invalid, String(input?.toString?.()))
    assert.equal(await codeOf(compose(input)), invalid, String(input?.toString?.()))
  }
  assert.equal(await codeOf(compose(delta)), invalid)
  for (const options of [{ level: 10 }, { level: -1 }, { level: 1.5 }, { level: 2 ** 40 }, { level: NaN }, { level: '6' }]) {
    assert.equal(await codeOf(diff(v1, v2, options)), invalid, JSON.stringify(options))
  }
  for (const options of [{ threads: -1 }, { maxApplyMemory: 0.5 }, { threads: 2n }, { engine: 'xdelta' }, { engine: 7 }, { out: 7 }, { out: null }, { noClobber: 'x', out: 'x' }]) {
    assert.equal(await codeOf(diff(v1, v2, options)), invalid, Object.keys(options).join())
  }
  for (const options of [{ onProgress: 'x' }, { onLog: {} }, { signal: {} }, { streaming: 'x' }, { scratch: 7 }]) {
    assert.equal(await codeOf(apply(v1, delta, options)), invalid, Object.keys(options).join())
  }
  for (const options of [{ chainId: 7 }, { names: [7] }, { force: 'x' }]) {
    assert.equal(await codeOf(Chain.create([delta], options)), invalid, Object.keys(options).join())
  }
  assert.equal(await codeOf(inspect(new URL('https://example.org/a'))), 'ERR_INVALID_URL_SCHEME')
  assert.throws(() => new Applier(v1), { code: invalid })
})

test('a folder is no file and a file no folder', async (t) => {
  const into = folder(t)
  mkdirSync(join(into, 'folder'))
  writeFileSync(join(into, 'file'), v1)
  const calls = [
    () => inspect(into),
    () => Chain.open(into),
    () => apply(into, v1),
    () => diff(v1, v2, { out: join(into, 'folder') }),
  ]
  for (const call of calls) assert.equal(await codeOf(call()), 'ERR_PATCHCORE_INVALID_ARGUMENT', String(call))
  assert.match(await codeOf(inspect(join(into, 'file', 'below'))), /^ERR_PATCHCORE_(IO|NOT_FOUND)$/)
  assert.match(await codeOf(inspect('with\0nul')), /^ERR_PATCHCORE_/)
})

test('a detached buffer is no empty file', async () => {
  const bytes = Uint8Array.from(v1)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  await assert.rejects(diff(bytes, v2), TypeError)
})
