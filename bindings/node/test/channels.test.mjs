// Channels: the versions of one file as static files, and the fewest bytes to the newest.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { Chain, createKeyFiles, diff, digest, keyId, publishChannel, updateFile } from 'libpatchcore'

import { codeOf, folder, version } from './support.mjs'

/** Four versions of a file, their chain, and where it is to be published. */
async function house(t) {
  const path = folder(t)
  const at = (name) => join(path, name)
  const versions = [1, 2, 3, 4].map(version)
  const deltas = []
  for (let n = 1; n < 4; n++) deltas.push(await diff(versions[n - 1], versions[n]))
  await Chain.create(deltas, { out: at('model.chain') })
  writeFileSync(at('newest.bin'), versions[3])
  return { at, versions, publish: (options) => publishChannel(at('public'), at('model.chain'), { latest: at('newest.bin'), ...options }) }
}

test('every version gets to the newest by the bytes of the plan', async (t) => {
  const { at, versions, publish } = await house(t)
  const stats = await publish({ family: 'my-model', expiresAt: new Date('2100-01-01') })
  assert.deepEqual([stats.changed, stats.family, stats.version, stats.sequence], [true, 'my-model', 'v4', 1])
  assert.ok(stats.written.includes('manifest.json') && stats.writtenBytes > versions[3].length)
  for (const [number, old] of versions.entries()) {
    writeFileSync(at('model'), old)
    const plan = await updateFile(at('model'), at('public'), { dryRun: true })
    const report = await updateFile(at('model'), pathToFileURL(at('public/manifest.json')))
    assert.deepEqual([report.means, report.plannedBytes, report.transferredBytes], [plan.means, plan.plannedBytes, plan.plannedBytes])
    assert.equal(report.action, number === 3 ? 'nothing' : 'applied')
    assert.deepEqual([report.to, report.toDigest], ['v4', await digest(versions[3])])
    assert.ok(readFileSync(at('model')).equals(versions[3]))
  }
  const made = await updateFile(at('new'), at('public'))
  assert.deepEqual([made.means, made.reason, made.fromDigest], ['full', 'no_file', undefined])
  writeFileSync(at('model'), versions[0])
  assert.equal((await updateFile(at('model'), at('public'), { to: 'v2' })).links, 1)
  assert.equal((await publish({ family: 'my-model', expiresAt: '2100-01-01T00:00:00.000Z' })).changed, false)
})

test('a signed channel is checked', async (t) => {
  const { at, versions, publish } = await house(t)
  const [key, other] = [await createKeyFiles(at('key')), await createKeyFiles(at('other'))]
  await publish({ key: at('key') })
  writeFileSync(at('model'), versions[0])
  assert.equal(await codeOf(updateFile(at('model'), at('public'), { publicKeys: [other] })), 'ERR_PATCHCORE_UNTRUSTED_KEY')
  assert.equal((await updateFile(at('model'), at('public'), { publicKeys: [key] })).keyId, keyId(key))
})

test('failures have their codes', async (t) => {
  const { at, versions, publish } = await house(t)
  writeFileSync(at('older'), versions[1])
  assert.equal(await codeOf(publish({ latest: at('older') })), 'ERR_PATCHCORE_TARGET_MISMATCH')
  assert.equal(await codeOf(publish({ latest: at('model.chain') })), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  assert.equal(await codeOf(publishChannel(at('public'), at('model.chain'))), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  await publish()
  assert.equal(await codeOf(updateFile(at('older'), at('public'), { to: 'v1' })), 'ERR_PATCHCORE_NO_ROUTE')
  assert.equal(await codeOf(updateFile(at('older'), at('nowhere'))), 'ERR_PATCHCORE_NOT_FOUND')
})
