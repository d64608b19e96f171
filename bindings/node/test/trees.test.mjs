import assert from 'node:assert/strict'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import {
  cleanTree,
  diffTrees,
  diffTreesAsOperations,
  fileKind,
  installedTree,
  PatchcoreError,
  recoverTree,
  rollbackTree,
  scanTree,
  squashTreePatches,
  TreePatch,
} from 'libpatchcore'

import { codeOf, contents, folder, trees } from './support.mjs'

const digestOf = async (root, options) => (await scanTree(root, options)).digest

/** A patch between two of the trees, open. */
async function patchOf(house, from, to, options = {}) {
  const out = join(house.path, `${from}-${to}.zip`)
  await diffTrees(house[from], house[to], { out, ...options })
  return TreePatch.open(out)
}

test('a directory goes to the next version and back', async (t) => {
  const house = trees(t)
  const [before, after] = [await digestOf(house.one), await digestOf(house.two)]
  const out = join(house.path, 'patch.zip')
  const made = await diffTrees(house.one, house.two, { out, minVersion: '1.0.0', maxVersion: '1.0.9', version: 'v1.1.0' })
  assert.deepEqual([made.oldTree, made.newTree, made.packageSize], [before, after, statSync(out).size])
  assert.equal(await fileKind(out), 'tree_patch')

  const patch = await TreePatch.open(pathToFileURL(out))
  const { info } = patch
  assert.deepEqual([info.oldTree, info.newTree, info.packageSize], [before, after, made.packageSize])
  assert.deepEqual([info.minVersion, info.maxVersion, info.version, info.keyId], ['1.0.0', '1.0.9', '1.1.0', undefined])
  assert.deepEqual(info.changes, { delta: 1, directory: 1, replace: 1, delete: 1 })
  assert.deepEqual(patch.changes.map(({ path, kind }) => [path, kind]), [
    ['big', 'delta'],
    ['docs', 'directory'],
    ['docs/new', 'replace'],
    ['gone', 'delete'],
  ])
  const { files, deltas } = await patch.verify()
  assert.deepEqual([files, deltas], [1, 1])

  const plan = await patch.plan(house.one)
  assert.deepEqual([plan.actions.length, plan.conflicts, plan.doneBefore, plan.kept], [4, [], 0, []])
  assert.equal(await digestOf(house.one), before, 'a plan writes nothing')
  assert.equal((await patch.verifyTree(house.one)).isClean, false)
  assert.equal(await installedTree(house.one), undefined)

  const { changed, doneBefore, kept, bytes } = await patch.apply(house.one)
  assert.deepEqual([changed, doneBefore, kept, bytes], [4, 0, [], plan.bytes])
  assert.equal(await digestOf(house.one), after)
  assert.equal((await patch.verifyTree(house.one, { threads: 2 })).isClean, true)
  assert.deepEqual(await installedTree(house.one), { version: '1.1.0', tree: after })
  assert.equal((await patch.apply(house.one)).changed, 0, 'what is new already is not done again')

  assert.equal(await rollbackTree(house.one), undefined)
  assert.equal(await digestOf(house.one), before)
  assert.equal(existsSync(join(house.one, 'docs')), false)
})

test('what somebody changed is named, all of it, and kept unless it is given up', async (t) => {
  const house = trees(t)
  const patch = await patchOf(house, 'one', 'two')
  writeFileSync(join(house.one, 'big'), 'mine')
  writeFileSync(join(house.one, 'gone'), 'mine too')
  const before = await digestOf(house.one)
  const plan = await patch.plan(house.one)
  assert.deepEqual(plan.conflicts, [{ path: 'big', reason: 'modified' }, { path: 'gone', reason: 'modified' }])
  const error = await patch.apply(house.one).catch((error) => error)
  assert.ok(error instanceof PatchcoreError)
  assert.deepEqual([error.code, error.outcome, error.path], ['ERR_PATCHCORE_CONFLICT', 'unchanged', house.one])
  for (const name of ['big', 'gone']) assert.ok(error.message.includes(name), error.message)
  assert.equal(await digestOf(house.one), before)

  // The delta of `big` needs the old one; a package with all of the file can do without.
  writeFileSync(join(house.one, 'big'), readFileSync(join(house.two, 'big')))
  assert.equal((await patch.apply(house.one, { overwriteLocal: true })).doneBefore, 1)
  assert.equal(await digestOf(house.one), await digestOf(house.two))
  await rollbackTree(house.one)
  assert.equal(readFileSync(join(house.one, 'gone'), 'utf8'), 'mine too', 'a rollback brings back what was given up')
})

test('without a backup there is no way back, and one is given up by cleaning', async (t) => {
  const house = trees(t)
  const patch = await patchOf(house, 'one', 'two')
  await patch.apply(house.one, { noBackup: true })
  const refused = await rollbackTree(house.one).catch((error) => error)
  assert.deepEqual([refused.code, refused.outcome], ['ERR_PATCHCORE_INVALID_ARGUMENT', 'unchanged'])
  assert.equal(await cleanTree(house.one), false)

  await (await patchOf(house, 'two', 'three')).apply(house.one)
  assert.equal(await cleanTree(house.one), true)
  assert.equal(await cleanTree(house.one), false)
  assert.equal(await codeOf(rollbackTree(house.one)), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.equal(await digestOf(house.one), await digestOf(house.three))
})

test('a rollback refuses to lose what was changed since, unless that is given up', async (t) => {
  const house = trees(t)
  await (await patchOf(house, 'one', 'two')).apply(house.one)
  const before = await digestOf(house.two)
  writeFileSync(join(house.one, 'docs/new'), 'notes of a user')
  const refused = await rollbackTree(house.one).catch((error) => error)
  assert.deepEqual([refused.code, refused.outcome], ['ERR_PATCHCORE_CONFLICT', 'unchanged'])
  assert.ok(refused.message.includes('docs/new'))
  assert.notEqual(await digestOf(house.one), before)
  await rollbackTree(house.one, { overwriteLocal: true, threads: 2 })
  assert.deepEqual(contents(house.one).filter((name) => !name.startsWith('.')), ['big', 'gone', 'same'])
})

test('what a crash left is finished, and doing that twice is as good as once', async (t) => {
  const house = trees(t)
  assert.equal(await recoverTree(house.one), undefined)
  await (await patchOf(house, 'one', 'two', { version: '2.0.0' })).apply(house.one)
  const work = join(house.one, contents(house.one).find((name) => name.startsWith('.')))
  // What a process that was killed while it staged the next change leaves.
  mkdirSync(join(work, '2/new'), { recursive: true })
  writeFileSync(join(work, '2/new/0'), 'half of a file')
  const known = { version: '2.0.0', tree: await digestOf(house.two) }
  assert.deepEqual(await recoverTree(house.one), known)
  assert.equal(existsSync(join(work, '2')), false)
  assert.deepEqual(await recoverTree(house.one), known)
  assert.deepEqual(await installedTree(house.one), known)
})

test('patches in a row become one, and in another order none', async (t) => {
  const house = trees(t)
  const patches = [await patchOf(house, 'one', 'two'), await patchOf(house, 'two', 'three')]
  const out = join(house.path, 'squashed.zip')
  const { packageSize, changes } = await squashTreePatches(patches, { out, level: 9, compression: 'zstd' })
  assert.equal(packageSize, statSync(out).size)
  assert.deepEqual(changes, { delta: 1, directory: 1, replace: 1, delete: 1 })
  assert.equal(await codeOf(squashTreePatches(patches, { out, noClobber: true })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  const wrong = join(house.path, 'wrong.zip')
  assert.equal(await codeOf(squashTreePatches(patches.reverse(), { out: wrong })), 'ERR_PATCHCORE_SOURCE_MISMATCH')
  assert.equal(existsSync(wrong), false)
  await (await TreePatch.open(out)).apply(house.one)
  assert.equal(await digestOf(house.one), await digestOf(house.three))
})

test('the file-operation form is written and read', async (t) => {
  const house = trees(t)
  const [out, operations, packageInfo] = ['p.tar.gz', 'operations.json', 'info.json'].map((name) => join(house.path, name))
  const made = await diffTreesAsOperations(house.one, house.two, { out, operations, packageInfo, url: 'p.tar.gz', version: '2.0.0' })
  assert.equal(made.packageSize, statSync(out).size)
  const text = readFileSync(operations, 'utf8')
  assert.deepEqual(JSON.parse(text).delete.files, ['gone'])
  const info = JSON.parse(readFileSync(packageInfo, 'utf8'))
  assert.deepEqual([info.url, info.version, info.operations], ['p.tar.gz', '2.0.0', JSON.parse(text)])

  assert.notEqual(await codeOf(TreePatch.open(out)), undefined, 'without its operations it says nothing')
  assert.equal(await codeOf(TreePatch.open(out, { operations: '{' })), 'ERR_PATCHCORE_CORRUPT')
  await (await TreePatch.open(out, { operations: JSON.parse(text) })).verify()
  const patch = await TreePatch.open(readFileSync(out), { operations: text })
  await patch.apply(house.one)
  assert.equal(await digestOf(house.one), await digestOf(house.two))
  assert.equal((await patch.verifyTree(house.one)).isClean, true)
})

test('a snapshot lists what stands there, without what is left out and with what links lead to', async (t) => {
  const { one: root } = trees(t)
  writeFileSync(join(root, 'run.sh'), '#!/bin/sh\n')
  chmodSync(join(root, 'run.sh'), 0o755)
  const all = await scanTree(root, { exclude: ['gone', '*.log'], threads: 3 })
  assert.deepEqual(all.items.map(({ path, kind, executable }) => [path, kind, executable]), [
    ['big', 'file', false],
    ['run.sh', 'file', process.platform !== 'win32'],
    ['same', 'file', false],
  ])
  assert.equal(all.size, all.items.reduce((sum, { size }) => sum + size, 0))
  assert.match(all.digest, /^[0-9a-f]{64}$/)
  assert.match(all.items[0].digest, /^[0-9a-f]{64}$/)
  assert.notEqual(all.digest, await digestOf(root))
})

test('a link is an item, and one that leads out of the directory is refused or followed', { skip: process.platform === 'win32' }, async (t) => {
  const house = trees(t)
  symlinkSync('same', join(house.two, 'link'))
  const { items } = await scanTree(house.two)
  assert.deepEqual(items.find(({ path }) => path === 'link'), { path: 'link', kind: 'symlink', size: 0, executable: false, target: 'same' })
  symlinkSync(join(house.one, 'gone'), join(house.two, 'outside'))
  const out = join(house.path, 'p.zip')
  const error = await diffTrees(house.one, house.two, { out }).catch((error) => error)
  assert.equal(error.code, 'ERR_PATCHCORE_UNSAFE_PATH')
  assert.match(error.message, /dereference/)
  await diffTrees(house.one, house.two, { out, dereference: true })
  await (await TreePatch.open(out)).apply(house.one)
  assert.equal(readFileSync(join(house.one, 'outside'), 'utf8'), 'gone')
  assert.equal(lstatSync(join(house.one, 'outside')).isSymbolicLink(), false)
})

test('what is a user\'s own is installed once and never touched again', async (t) => {
  const house = trees(t)
  for (const [root, text] of [[house.one, 'first'], [house.two, 'second']]) writeFileSync(join(root, 'settings.ini'), text)
  const patch = await patchOf(house, 'one', 'two', { keepLocal: ['*.ini'] })
  writeFileSync(join(house.one, 'settings.ini'), 'of the user')
  writeFileSync(join(house.one, 'save'), 'which no version listed')
  assert.deepEqual((await patch.plan(house.one)).kept, ['settings.ini'])
  assert.deepEqual((await patch.apply(house.one)).kept, ['settings.ini'])
  assert.equal(readFileSync(join(house.one, 'settings.ini'), 'utf8'), 'of the user')
  assert.equal(readFileSync(join(house.one, 'save'), 'utf8'), 'which no version listed')
  assert.equal((await patch.verifyTree(house.one)).isClean, true)
})

test('what differs from the promise is listed, and the next apply does just that', async (t) => {
  const house = trees(t)
  mkdirSync(join(house.two, 'empty'))
  const patch = await patchOf(house, 'one', 'two', { replaceDirectories: ['docs'] })
  await patch.apply(house.one)
  writeFileSync(join(house.one, 'docs/new'), 'damaged')
  writeFileSync(join(house.one, 'gone'), 'back')
  const found = await patch.verifyTree(house.one)
  assert.deepEqual([found.isClean, found.missing, found.different, found.unexpected], [false, [], ['docs/new'], ['gone']])
  assert.ok(found.matches > 0)
  await patch.apply(house.one, { overwriteLocal: true })
  assert.equal((await patch.verifyTree(house.one)).isClean, true)
  assert.equal(await digestOf(house.one), await digestOf(house.two))
})

test('a patch for other versions is refused', async (t) => {
  const house = trees(t)
  await (await patchOf(house, 'one', 'two', { version: '3.0.0' })).apply(house.one)
  const late = await patchOf(house, 'two', 'three', { minVersion: '1.0.0', maxVersion: '2.0.0' })
  const refused = await late.apply(house.one).catch((error) => error)
  assert.deepEqual([refused.code, refused.outcome], ['ERR_PATCHCORE_SOURCE_MISMATCH', 'unchanged'])
})

test('damage is told before anything is touched', async (t) => {
  const house = trees(t)
  const out = join(house.path, 'p.zip')
  await diffTrees(house.one, house.two, { out, compression: 'stored' })
  const before = await digestOf(house.one)
  const whole = readFileSync(out)
  for (let at = 0; at < whole.length; at += 97) {
    const bytes = Buffer.from(whole)
    bytes[at] ^= 0x10
    const opened = await TreePatch.open(bytes).catch((error) => error)
    const failed = opened instanceof TreePatch ? await opened.apply(house.one).catch((error) => error) : opened
    assert.ok(failed instanceof PatchcoreError, `byte ${at}`)
    assert.equal(await digestOf(house.one), before, `byte ${at}`)
  }
  writeFileSync(out, whole.subarray(0, -1))
  const cut = await TreePatch.open(out).catch((error) => error)
  assert.deepEqual([cut.code, cut.path], ['ERR_PATCHCORE_CORRUPT', out])
})

test('what cannot be meant is refused by a rejected promise, never thrown', async (t) => {
  const house = trees(t)
  const out = join(house.path, 'out.zip')
  const patch = await patchOf(house, 'one', 'two')
  const invalid = 'ERR_PATCHCORE_INVALID_ARGUMENT'
  const calls = {
    'no out': () => diffTrees(house.one, house.two),
    'an empty object': () => diffTrees(house.one, house.two, {}),
    'a level': () => diffTrees(house.one, house.two, { out, level: 10 }),
    'a compression': () => diffTrees(house.one, house.two, { out, compression: 'rar' }),
    'a pattern that is no array': () => diffTrees(house.one, house.two, { out, exclude: '*.log' }),
    'a pattern that is a number': () => scanTree(house.one, { exclude: [7] }),
    'a version': () => diffTrees(house.one, house.two, { out, version: 'newest' }),
    'only a highest version': () => diffTrees(house.one, house.two, { out, maxVersion: '1.0.0' }),
    'no operations': () => diffTreesAsOperations(house.one, house.two, { out }),
    'operations that are a number': () => TreePatch.open(out, { operations: 7 }),
    'no path': () => scanTree(7),
    'a folder that is no package': () => TreePatch.open(house.one),
    'threads': () => patch.apply(house.one, { threads: -1 }),
    'a flag': () => patch.apply(house.one, { overwriteLocal: 'yes' }),
    'no patches': () => squashTreePatches([], { out }),
    'what is no patch': () => squashTreePatches([{}], { out }),
    'a patch alone': () => squashTreePatches(patch, { out }),
    'a signal': () => patch.apply(house.one, { signal: {} }),
    'a callback': () => rollbackTree(house.one, { onProgress: 1 }),
  }
  for (const [what, call] of Object.entries(calls)) assert.equal(await codeOf(call()), invalid, what)
  assert.equal(await codeOf(scanTree(join(house.path, 'missing'))), 'ERR_PATCHCORE_NOT_FOUND')
  assert.match(await codeOf(scanTree(join(house.one, 'same'))), /^ERR_PATCHCORE_(IO|INVALID_ARGUMENT)$/)
  assert.equal(await codeOf(TreePatch.open(join(house.one, 'same'))), 'ERR_PATCHCORE_CORRUPT')
  assert.deepEqual(contents(house.one).filter((name) => !name.startsWith('.')), ['big', 'gone', 'same'])
})
