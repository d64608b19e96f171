// Updates by the documents that announce them, from files: no network is needed.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import {
  createKeyFiles,
  diffTrees,
  diffTreesAsOperations,
  fetchFile,
  installedTree,
  rollbackTree,
  scanTree,
  signFile,
  TreePatch,
  updateFromPackageInfo,
  updateFromServiceManifest,
} from 'libpatchcore'

import { codeOf, contents, folder, trees } from './support.mjs'

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const digestOf = async (root) => (await scanTree(root)).digest

/** Version 1.0.0 installed in `one`, and what announces 1.0.0.1 (as in `two`), by a patch and in full. */
async function release(t) {
  const house = trees(t)
  const at = (name) => join(house.path, name)
  mkdirSync(at('none'))
  await diffTrees(at('none'), house.one, { out: at('first.zip'), version: '1.0.0' })
  await (await TreePatch.open(at('first.zip'))).apply(house.one)
  const operations = at('operations.json')
  await diffTreesAsOperations(house.one, house.two, { out: at('patch.tar.gz'), operations, packageInfo: at('info.json'), url: 'patch.tar.gz', version: '1.0.0.1' })
  await diffTrees(at('none'), house.two, { out: at('full.zip') })
  const announce = (name) => ({ url: name, hash: `sha256:${sha256(readFileSync(at(name))).toUpperCase()}` })
  const patch = { ...announce('patch.tar.gz'), operations: JSON.parse(readFileSync(operations, 'utf8')) }
  const full = announce('full.zip')
  const manifest = { version: '1.0.0.1', release_date: '2026-11-21', release_notes: 'New.', platforms: { x86_64: full, aarch64: full }, patch: { x86_64: patch } }
  writeFileSync(at('manifest.json'), JSON.stringify(manifest))
  return { ...house, at, manifest, info: at('info.json'), updated: await digestOf(house.two) }
}

test('one announced package is applied, once', async (t) => {
  const { one, info, updated } = await release(t)
  const looked = await updateFromPackageInfo(one, info, { dryRun: true })
  assert.deepEqual([looked.action, looked.from, looked.to], ['decided', '1.0.0', '1.0.0.1'])
  assert.notEqual(await digestOf(one), updated)
  const report = await updateFromPackageInfo(one, pathToFileURL(info))
  assert.deepEqual([report.action, report.strategy, report.reason], ['applied', 'patch', 'named_package'])
  assert.ok(report.applied.changed > 0 && report.url.endsWith('patch.tar.gz'))
  assert.equal(report.keyId, undefined)
  assert.equal(await digestOf(one), updated)
  assert.equal((await installedTree(one)).version, '1.0.0.1')
  const again = await updateFromPackageInfo(one, info)
  assert.deepEqual([again.action, again.strategy, again.reason, again.applied], ['nothing', 'none', 'up_to_date', undefined])
  assert.equal((await rollbackTree(one)).version, '1.0.0')
})

test('a document may be here already, as text or as what it says', async (t) => {
  const { one, at, info, manifest } = await release(t)
  const text = readFileSync(info, 'utf8')
  for (const json of [text, JSON.parse(text)]) {
    assert.equal((await updateFromPackageInfo(one, { json, base: info }, { dryRun: true })).action, 'decided')
  }
  const base = pathToFileURL(at('manifest.json'))
  assert.equal((await updateFromServiceManifest(one, { json: manifest, base }, { architecture: 'x86_64' })).action, 'applied')
})

test('a service manifest leads to a patch, to the full package or to nothing, and the reason is said', async (t) => {
  const { one, at, updated } = await release(t)
  const decide = async (options) => {
    const { action, strategy, reason } = await updateFromServiceManifest(one, at('manifest.json'), { architecture: 'x86_64', dryRun: true, ...options })
    return [action, strategy, reason]
  }
  assert.deepEqual(await decide(), ['decided', 'patch', 'patch_available'])
  assert.deepEqual(await decide({ architecture: 'arm64' }), ['decided', 'full', 'no_patch_for_architecture'])
  assert.deepEqual(await decide({ forceFull: true }), ['decided', 'full', 'forced_full'])
  assert.deepEqual(await decide({ required: ['same', 'lib/missing.so'] }), ['decided', 'full', 'incomplete_installation'])
  assert.deepEqual(await decide({ installed: '0.9.9' }), ['decided', 'full', 'older_version_core'])
  assert.deepEqual(await decide({ installed: '1.0.0.1' }), ['nothing', 'none', 'up_to_date'])
  assert.deepEqual(await decide({ installed: 'v2.0.0' }), ['nothing', 'none', 'newer_installed'])
  assert.equal(await codeOf(decide({ architecture: 'riscv64', forceFull: true })), 'ERR_PATCHCORE_NO_ROUTE')
  assert.deepEqual(await decide({ dryRun: false }), ['applied', 'patch', 'patch_available'])
  assert.equal(await digestOf(one), updated)
  assert.deepEqual(await decide({ dryRun: false, forceFull: true }), ['applied', 'full', 'forced_full'])
  assert.equal(await digestOf(one), updated)
})

test('what was downloaded is applied later, when the package is not there any more', async (t) => {
  const { one, at, updated } = await release(t)
  const before = await digestOf(one)
  const options = { architecture: 'x86_64', cache: at('cache') }
  const report = await updateFromServiceManifest(one, at('manifest.json'), { ...options, downloadOnly: true })
  assert.equal(report.action, 'downloaded')
  assert.equal(report.fetched.digest, sha256(readFileSync(report.file)))
  assert.equal(await digestOf(one), before)
  rmSync(at('patch.tar.gz'))
  const applied = await updateFromServiceManifest(one, at('manifest.json'), options)
  assert.deepEqual([applied.action, applied.fetched.transferred], ['applied', 0])
  assert.equal(await digestOf(one), updated)
})

test('only a package that a trusted key signed is taken', async (t) => {
  const { one, at, info } = await release(t)
  const before = await digestOf(one)
  const publicKeys = [await createKeyFiles(at('key'))]
  const announced = JSON.parse(readFileSync(info, 'utf8'))
  const update = (signature, keys = publicKeys) =>
    updateFromPackageInfo(one, { json: { ...announced, signature }, base: info }, { publicKeys: keys })
  const unsigned = await update(undefined).catch((error) => error)
  assert.deepEqual([unsigned.code, unsigned.outcome], ['ERR_PATCHCORE_BAD_SIGNATURE', 'unchanged'])
  const { path } = await signFile(at('patch.tar.gz'), { key: at('key') })
  const signature = readFileSync(path, 'utf8')
  const other = [await createKeyFiles(at('other'))]
  assert.equal(await codeOf(update(signature, other)), 'ERR_PATCHCORE_UNTRUSTED_KEY')
  assert.equal(await codeOf(update(signature, [])), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.equal(await digestOf(one), before)
  assert.equal((await update(Buffer.from(signature).toString('base64'))).action, 'applied')
})

test('an update that fails leaves the directory and says so', async (t) => {
  const { one, two, at, info } = await release(t)
  const before = await digestOf(one)
  const announced = JSON.parse(readFileSync(info, 'utf8'))
  const failed = (json, options) => updateFromPackageInfo(one, { json, base: info }, options).catch(({ code, outcome }) => [code, outcome])
  assert.deepEqual(await failed({ ...announced, hash: '0'.repeat(64) }), ['ERR_PATCHCORE_TARGET_MISMATCH', 'unchanged'])
  assert.deepEqual(await failed({ ...announced, url: 'missing.tar.gz' }), ['ERR_PATCHCORE_NOT_FOUND', 'unchanged'])
  assert.deepEqual(await failed({ ...announced, version: '0.1.0' }), ['ERR_PATCHCORE_STALE', 'unchanged'])
  assert.deepEqual(await failed({ url: 'patch.tar.gz' }), ['ERR_PATCHCORE_CORRUPT', 'unchanged'])
  assert.deepEqual(await failed(announced, { maxSize: 10 }), ['ERR_PATCHCORE_LIMIT', 'unchanged'])
  const delta = at('delta.zip')
  await diffTrees(one, two, { out: delta })
  writeFileSync(join(one, 'gone'), 'mine')
  const conflicting = { url: delta, hash: sha256(readFileSync(delta)) }
  assert.deepEqual(await failed(conflicting), ['ERR_PATCHCORE_CONFLICT', 'unchanged'])
  writeFileSync(join(one, 'gone'), 'gone')
  assert.equal(await digestOf(one), before)
  assert.equal(await codeOf(updateFromServiceManifest(one, at('no.json'))), 'ERR_PATCHCORE_NOT_FOUND')
  for (const document of [7, undefined, {}, { json: 7, base: info }, { json: '{}' }]) {
    assert.equal(await codeOf(updateFromPackageInfo(one, document)), 'ERR_PATCHCORE_INVALID_ARGUMENT', JSON.stringify(document))
  }
})

test('a file is fetched from the first place that has it, and is whole and verified or not there', async (t) => {
  const path = folder(t)
  const [there, out] = ['there', 'out'].map((name) => join(path, name))
  const bytes = Buffer.alloc(300_000, 'some text ')
  writeFileSync(there, bytes)
  const digest = sha256(bytes)
  const fetched = await fetchFile([join(path, 'missing'), pathToFileURL(there)], { out, digest, size: bytes.length })
  assert.deepEqual(fetched, { size: bytes.length, digest, transferred: bytes.length, source: 1 })
  assert.deepEqual(readFileSync(out), bytes)
  assert.deepEqual(await fetchFile(there, { out, digest }), { size: bytes.length, digest, transferred: 0 })

  const other = join(path, 'other')
  assert.equal(await codeOf(fetchFile(there, { out: other, digest: '0'.repeat(64) })), 'ERR_PATCHCORE_TARGET_MISMATCH')
  assert.equal(await codeOf(fetchFile(there, { out: other, size: 7 })), 'ERR_PATCHCORE_TARGET_MISMATCH')
  assert.equal(await codeOf(fetchFile(there, { out: other, maxSize: 7 })), 'ERR_PATCHCORE_LIMIT')
  assert.equal(await codeOf(fetchFile(join(path, 'missing'), { out: other })), 'ERR_PATCHCORE_NOT_FOUND')
  for (const [from, options] of [[there], [there, {}], [7, { out: other }], [[], { out: other }], [there, { out: other, digest: 'x' }], [there, { out: other, retries: -1 }]]) {
    assert.equal(await codeOf(fetchFile(from, options)), 'ERR_PATCHCORE_INVALID_ARGUMENT', JSON.stringify([from, options]))
  }
  assert.equal(existsSync(other), false)
  assert.deepEqual(contents(path), ['out', 'there'])
})
