import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'

import { apply, Chain, diff } from 'libpatchcore'

import { codeOf, contents, folder, version } from './support.mjs'

const versions = [1, 2, 3, 4].map(version)
const [v1, v2, v3, v4] = versions
const deltas = [await diff(v1, v2), await diff(v2, v3), await diff(v3, v4)]

test('a chain brings every version to every later one', async () => {
  const chain = await Chain.open(await Chain.create(deltas))
  for (const [from, old] of versions.entries()) {
    for (let to = from; to < versions.length; to++) {
      assert.deepEqual(await chain.apply(old, { target: to }), versions[to], `${from} to ${to}`)
    }
  }
  assert.deepEqual(await chain.apply(v1, { streaming: true }), v4)
  assert.equal(await codeOf(chain.apply(v2, { target: 'v1' })), 'ERR_PATCHCORE_NO_ROUTE')
  assert.equal(await codeOf(chain.apply(Buffer.from('another'))), 'ERR_PATCHCORE_SOURCE_MISMATCH')
})

test('a chain says what it holds', async (t) => {
  const out = join(folder(t), 'game.chain')
  const chain = await Chain.create(deltas, { out, names: ['first'] })
  assert.equal(chain.path, out)
  const { info } = chain
  assert.deepEqual([info.chainId, info.versions, info.links, info.shortcuts], ['game', 4, 3, 0])
  assert.equal(info.totalSize + info.overhead, statSync(out).size)
  assert.deepEqual(chain.versions.map(({ index, name, size }) => [index, name, size]), [
    [0, 'first', v1.length],
    [1, 'v2', v2.length],
    [2, 'v3', v3.length],
    [3, 'v4', v4.length],
  ])
  assert.deepEqual(chain.links.map(({ index, name, from, to }) => [index, name, from, to]), [
    [0, 'first→v2', 0, 1],
    [1, 'v2→v3', 1, 2],
    [2, 'v3→v4', 2, 3],
  ])
  assert.equal(await chain.verify(), 0)
})

test('versions go by name, number, digest and its first digits', async () => {
  const chain = await Chain.open(await Chain.create(deltas))
  const { digest } = chain.versions[2]
  for (const id of ['v3', 2, digest, digest.slice(0, 8), `sha256:${digest.toUpperCase()}`]) {
    assert.equal(chain.resolve(id), 2, String(id))
  }
  const code = (id) => {
    try {
      return chain.resolve(id)
    } catch (error) {
      return error.code
    }
  }
  for (const id of ['v9', 4, -1, 1.5, NaN]) assert.equal(code(id), 'ERR_PATCHCORE_UNKNOWN_VERSION', String(id))
  assert.deepEqual(chain.route('v2').map(({ name }) => name), ['v2→v3', 'v3→v4'])
  assert.deepEqual(chain.route(0, 'v2').map(({ name }) => name), ['v1→v2'])
  assert.throws(() => chain.route('v3', 'v1'), { code: 'ERR_PATCHCORE_NO_ROUTE' })
})

test('an append brings versions to the file and to the chain that is open', async (t) => {
  const out = join(folder(t), 'chain')
  const chain = await Chain.create(deltas.slice(0, 1), { out })
  const other = await Chain.open(out)
  await chain.append(deltas.slice(1), { name: 'newest' })
  assert.deepEqual(chain.versions.map(({ name }) => name), ['v1', 'v2', 'v3', 'newest'])
  assert.deepEqual(await chain.apply(v1), v4)
  assert.deepEqual(await other.apply(v1), v2, 'another one stays as it was opened')
  assert.equal(await codeOf(chain.append([deltas[0].subarray(1)])), 'ERR_PATCHCORE_CORRUPT')
  assert.equal(chain.info.links, 3)
})

test('links become one delta, files, or a delta each', async (t) => {
  const into = folder(t)
  const chain = await Chain.open(await Chain.create(deltas))
  assert.deepEqual(await apply(v1, await chain.squash()), v4)
  assert.deepEqual(await apply(v2, await chain.squash({ from: 'v2', to: 2 })), v3)
  const out = join(into, 'squashed')
  assert.equal((await chain.squash({ out })).newSize, v4.length)
  assert.deepEqual(await apply(v1, out), v4)
  const files = await chain.extract(join(into, 'links'))
  assert.deepEqual(files.map(({ path, link }) => [basename(path), link.index]), [
    ['0000_v1_to_v2.delta', 0],
    ['0001_v2_to_v3.delta', 1],
    ['0002_v3_to_v4.delta', 2],
  ])
  assert.deepEqual(files.map(({ path }) => readFileSync(path)), deltas)
  assert.deepEqual(await chain.extractLink(1), deltas[1])
  assert.equal((await chain.explainLink(1, { most: 0 })).info.newSize, v3.length)
  assert.equal(await codeOf(chain.extractLink(3)), 'ERR_PATCHCORE_INVALID_ARGUMENT')
})

test('a prune removes early history, and old devices keep a way', async (t) => {
  const out = join(folder(t), 'chain')
  const chain = await Chain.create(deltas, { out })
  const { removedLinks, addedShortcuts, sizeAfter } = await chain.prune('v3')
  assert.deepEqual([removedLinks, addedShortcuts, sizeAfter], [2, 2, statSync(out).size])
  assert.deepEqual(await chain.apply(v1), v4)
  assert.equal((await chain.prune('v4', { drop: true })).removedVersions, 3)
  assert.deepEqual(chain.versions.map(({ name }) => name), ['v4'])
})

test('history is not replaced by accident', async (t) => {
  const out = join(folder(t), 'chain')
  const chain = await Chain.create(deltas, { out })
  const before = readFileSync(out)
  assert.equal(await codeOf(Chain.create(deltas.slice(1), { out })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.equal(await codeOf(chain.squash({ out })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.deepEqual(readFileSync(out), before)
  assert.equal((await Chain.create(deltas.slice(1), { out, force: true })).info.links, 2)
})

test('a chain of bytes can be read and not changed', async () => {
  const chain = await Chain.open(await Chain.create(deltas))
  assert.equal(chain.path, undefined)
  assert.equal(await codeOf(chain.append(deltas)), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.equal(await codeOf(chain.prune('v2')), 'ERR_PATCHCORE_INVALID_ARGUMENT')
})

test('what an unfinished append left is ignored and said', async (t) => {
  const file = join(folder(t), 'torn')
  writeFileSync(file, Buffer.concat([await Chain.create(deltas), Buffer.from('unfinished')]))
  const chain = await Chain.open(file)
  const warnings = []
  const onLog = ({ level, message }) => level === 'warning' && warnings.push(message)
  assert.equal(await chain.verify({ onLog }), 10)
  assert.match(warnings.join(), /last 10 bytes/)
  assert.equal(chain.info.ignoredTail, 10)
})

test('a chain is made whole or not at all', async (t) => {
  const into = folder(t)
  assert.equal(await codeOf(Chain.create([deltas[0], deltas[2]], { out: join(into, 'out') })), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  assert.deepEqual(contents(into), [])
})
