// Release repositories: published, looked after, and updated from, by path and over HTTP.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { createKeyFiles, keyId, PatchcoreError, Repository, scanTree, updateFromRepository } from 'libpatchcore'

import { codeOf, sleep, trees } from './support.mjs'

const digestOf = async (root) => (await scanTree(root)).digest
const invalid = 'ERR_PATCHCORE_INVALID_ARGUMENT'

/** A repository in which `one` is published as 1.0.0, and a place for an installation. */
async function published(t, signed = false) {
  const house = trees(t)
  const at = (name) => join(house.path, name)
  const password = 'secret'
  const publicKey = signed ? await createKeyFiles(at('key'), { password }) : undefined
  const repository = await Repository.init(at('site'), signed ? { key: at('key'), password } : {})
  await repository.publish(house.one, '1.0.0')
  const update = (options) => updateFromRepository(at('installed'), at('site'), options)
  return { ...house, at, repository, publicKey, installed: at('installed'), update }
}

/** Waits until whoever was told to stop has let go of a repository. */
async function released(repository) {
  while ((await codeOf(repository.prune({ dryRun: true }))) === 'ERR_PATCHCORE_BUSY') await sleep(5)
}

const manifestText = (at) => readFileSync(at('site/manifest.json'), 'utf8')

test('what is published is what an update installs', async (t) => {
  const { two, at, repository, installed, update } = await published(t)
  const first = await update()
  assert.deepEqual([first.action, first.reason, first.from, first.to], ['applied', 'new_installation', '0.0.0', '1.0.0'])
  const would = await repository.publish(two, '1.1.0', { dryRun: true })
  assert.deepEqual([would.dryRun, (await repository.manifest()).latestVersion], [true, '1.0.0'])
  const report = await repository.publish(two, '1.1.0', { notes: 'Faster', level: 9, threads: 2, expiresAt: new Date('2100-01-01') })
  assert.deepEqual([report.changed, report.previous, report.tree], [true, '1.0.0', await digestOf(two)])
  assert.deepEqual(report.packages.map(({ file }) => file), ['delta_1.0.0_1.1.0.zip', 'combined_0.0.0_1.1.0.zip'])
  assert.ok(report.writtenBytes > 0 && report.packages[1].isCombined)
  assert.equal((await repository.publish(two, '1.1.0')).changed, false)
  assert.equal((await repository.manifest()).expiresAt, '2100-01-01T00:00:00.000Z')
  const plan = await repository.plan('1.0.0')
  assert.deepEqual([plan.means, plan.reason, plan.bytes], ['deltas', 'fewest_bytes', plan.packages[0].size])
  assert.equal((await repository.plan()).from, undefined)
  const looked = await update({ dryRun: true })
  assert.deepEqual([looked.action, looked.means, looked.changed], ['decided', 'deltas', undefined])
  const updated = await updateFromRepository(installed, pathToFileURL(at('site/manifest.json')))
  assert.deepEqual([updated.action, updated.from, updated.to, updated.downloadedBytes], ['applied', '1.0.0', '1.1.0', plan.bytes])
  assert.deepEqual(updated.notes, [{ version: '1.1.0', text: 'Faster' }])
  assert.equal(await digestOf(installed), await digestOf(two))
  assert.equal((await update()).action, 'nothing')
})

test('an update over HTTP takes the bytes of the plan', async (t) => {
  const { two, at, repository, installed } = await published(t)
  const requests = []
  const server = createServer((request, response) => {
    const file = at(`site${request.url}`)
    requests.push(request.url)
    if (!existsSync(file)) return response.writeHead(404).end()
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const bytes = readFileSync(file)
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
    response.writeHead(start > 0 ? 206 : 200, { etag: '"one"', 'content-length': bytes.length - start, ...(start > 0 && range) })
    response.end(bytes.subarray(start))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => (server.closeAllConnections(), server.close()))
  const url = `http://127.0.0.1:${server.address().port}`
  const quick = { proxy: 'none', retries: 1 }
  assert.equal((await updateFromRepository(installed, url, quick)).action, 'applied')
  await repository.publish(two, '1.1.0')
  const phases = new Set()
  const onProgress = ({ phase }) => phases.add(phase)
  const there = await updateFromRepository(installed, new URL(url), { ...quick, downloadOnly: true, onProgress })
  assert.deepEqual([there.action, there.downloadedBytes], ['downloaded', (await repository.plan('1.0.0')).bytes])
  assert.equal(statSync(there.packages[0].path).size, there.downloadedBytes)
  assert.ok(phases.has('download') && requests.includes('/delta_1.0.0_1.1.0.zip'))
  assert.equal((await updateFromRepository(installed, url, quick)).downloadedBytes, 0)
  assert.equal(await digestOf(installed), await digestOf(two))
  rmSync(at('site'), { recursive: true })
  assert.equal(await codeOf(updateFromRepository(installed, url, quick)), 'ERR_PATCHCORE_NOT_FOUND')
})

test('a repair leaves alone what is to be kept', async (t) => {
  const { one, installed, update } = await published(t)
  await update()
  const [changed, kept] = readdirSync(one, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name)
  for (const name of [changed, kept]) writeFileSync(join(installed, name), 'mine')
  const report = await update({ repair: true, keepLocal: [kept], to: '1.0.0' })
  assert.deepEqual([report.means, report.reason, report.kept], ['repair', 'repair_asked', [kept]])
  assert.equal(readFileSync(join(installed, kept), 'utf8'), 'mine')
  assert.ok(readFileSync(join(installed, changed)).equals(readFileSync(join(one, changed))))
})

test('old deltas and bad versions go, and all can be made again', async (t) => {
  const { one, two, at, repository } = await published(t)
  await repository.publish(two, '1.1.0')
  await repository.publish(one, '1.2.0')
  const withdrawn = await repository.withdraw('1.2.0')
  assert.ok(withdrawn.latestVersion === '1.1.0' && withdrawn.removed.includes('delta_1.1.0_1.2.0.zip'))
  assert.equal(await codeOf(repository.withdraw('1.2.0')), 'ERR_PATCHCORE_UNKNOWN_VERSION')
  await repository.publish(one, '1.3.0')
  assert.deepEqual((await repository.prune({ keep: 1, dryRun: true })).removed, ['delta_1.0.0_1.1.0.zip'])
  assert.deepEqual((await repository.prune({ keep: 1 })).removed, ['delta_1.0.0_1.1.0.zip'])
  assert.deepEqual((await repository.prune()).removed, [])
  assert.equal((await repository.newBase()).latestVersion, '1.3.0')
  rmSync(at('site/manifest.json'))
  assert.equal(await codeOf(repository.manifest()), 'ERR_PATCHCORE_NOT_FOUND')
  const rebuilt = await Repository.rebuild(at('site'))
  assert.ok(rebuilt.latestVersion === '1.3.0' && rebuilt.adopted.length > 0)
  const verified = await repository.verify()
  assert.deepEqual([verified.problems, verified.keyId, verified.packages], [[], undefined, rebuilt.packages])
  const [{ file }] = (await repository.manifest()).patches
  writeFileSync(at(`site/${file}`), 'spoilt')
  assert.equal((await repository.verify()).problems[0].file, file)
})

test('a signed repository is changed with its key and believed with its signature', async (t) => {
  const { two, at, repository, publicKey, update } = await published(t, true)
  const other = await createKeyFiles(at('other'))
  assert.equal(await codeOf((await Repository.open(at('site'))).publish(two, '1.1.0')), invalid)
  assert.equal((await repository.verify({ publicKeys: [publicKey] })).keyId, keyId(publicKey))
  assert.equal((await update({ publicKeys: [publicKey] })).keyId, keyId(publicKey))
  assert.equal(await codeOf(update({ publicKeys: [other] })), 'ERR_PATCHCORE_UNTRUSTED_KEY')
  rmSync(at('site/manifest.json.minisig'))
  assert.equal(await codeOf(update({ publicKeys: [publicKey] })), 'ERR_PATCHCORE_BAD_SIGNATURE')
})

test('what cannot be done is said and changes nothing', async (t) => {
  const { one, two, at, repository, installed, update } = await published(t)
  const before = manifestText(at)
  for (const version of ['0.9.0', '1.0.0', 'next', 7]) assert.equal(await codeOf(repository.publish(two, version)), invalid)
  for (const options of [{ compression: 'rar' }, { squashFrom: -1 }, { level: 99 }, { expiresAt: 'soon' }]) {
    assert.equal(await codeOf(repository.publish(two, '1.1.0', options)), invalid, JSON.stringify(options))
  }
  assert.equal(await codeOf(repository.publish(7, '1.1.0')), invalid)
  assert.equal(await codeOf(repository.prune({ keep: 0.5 })), invalid)
  assert.equal(await codeOf(repository.verify({ publicKeys: [] })), invalid)
  assert.equal(await codeOf(Repository.init(at('site'))), invalid)
  assert.equal(await codeOf(Repository.open(one)), 'ERR_PATCHCORE_NOT_FOUND')
  assert.equal(await codeOf(repository.plan('1.0.0', '9.0.0')), 'ERR_PATCHCORE_UNKNOWN_VERSION')
  assert.equal(await codeOf(updateFromRepository(installed, 7)), invalid)
  const all = ['1.1.0', '1.2.0', '1.3.0'].map((version) => codeOf(repository.publish(two, version, { level: 9 })))
  const codes = new Set(await Promise.all(all))
  codes.delete(undefined)
  assert.deepEqual([...codes].filter((code) => code !== 'ERR_PATCHCORE_BUSY' && code !== invalid), [])
  await update()
  writeFileSync(at('site/manifest.json'), before)
  const stale = await update().catch((error) => error)
  assert.ok(stale instanceof PatchcoreError)
  assert.deepEqual([stale.code, stale.outcome], ['ERR_PATCHCORE_STALE', 'unchanged'])
})

test('who aborts a publish leaves the repository', async (t) => {
  const { two, at, repository, installed, update } = await published(t)
  const before = manifestText(at)
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = () => controller.abort(reason)
  await assert.rejects(repository.publish(two, '1.1.0', { signal: controller.signal, onProgress }), reason)
  await released(repository)
  const thrown = new Error('mine')
  await assert.rejects(repository.publish(two, '1.1.0', { onProgress: () => { throw thrown } }), thrown)
  await assert.rejects(update({ signal: controller.signal }), reason)
  assert.ok(!existsSync(installed))
  await released(repository)
  assert.equal(manifestText(at), before)
})
