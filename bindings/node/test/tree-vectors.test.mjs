// Every vector of tests/vectors/trees.json: the tree that it says and the way back, or the status and the old tree.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { PatchcoreError, rollbackTree, scanTree, squashTreePatches, TreePatch } from 'libpatchcore'

import { folder } from './support.mjs'

const vectors = process.env.PATCHCORE_VECTORS
const index = JSON.parse(readFileSync(join(vectors, 'trees.json'), 'utf8'))
const at = (file) => join(vectors, file)
const digestOf = async (root) => (await scanTree(root)).digest

/** Opens a package, from its file or from bytes. */
function open(file, operations, asBytes) {
  const text = operations === undefined ? undefined : readFileSync(at(operations), 'utf8')
  return TreePatch.open(asBytes ? readFileSync(at(file)) : at(file), { operations: text })
}

/** The old tree of a vector, in a folder of its own. */
async function oldTree(t, vector) {
  const root = folder(t)
  if (vector.setup) {
    await (await TreePatch.open(at(vector.setup))).apply(root)
    rmSync(join(root, '.patchcore'), { recursive: true })
  }
  assert.equal(await digestOf(root), vector.old_tree, vector.name)
  if (vector.change) {
    const path = join(root, vector.change)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'changed')
  }
  return root
}

test('there are vectors of this version', () => {
  assert.equal(index.format_version, 1)
  const made = index.vectors.filter(({ status }) => status === 0).length
  assert.ok(made > 30 && index.vectors.length - made > 60)
})

for (const asBytes of [false, true]) {
  test(`every tree patch makes its tree and goes back, or is refused and leaves it, from ${asBytes ? 'bytes' : 'files'}`, async (t) => {
    for (const vector of index.vectors) {
      const what = vector.name
      const root = await oldTree(t, vector)
      let before = await digestOf(root)
      const applied = async () => {
        const patch = await open(vector.file, vector.operations, asBytes)
        await patch.apply(root)
        return patch
      }
      let patch = await applied().catch((error) => error)
      if (vector.status !== 0) {
        assert.ok(patch instanceof PatchcoreError, `${what}: ${patch}`)
        assert.deepEqual(
          [patch.status, patch.code, patch.outcome],
          [vector.status, `ERR_PATCHCORE_${vector.status_name}`, vector.outcome],
          `${what}: ${patch.message}`,
        )
        assert.equal(await digestOf(root), before, what)
        continue
      }
      assert.ok(patch instanceof TreePatch, `${what}: ${patch}`)
      if (vector.second) {
        before = await digestOf(root)
        patch = await open(vector.second, undefined, asBytes)
        await patch.apply(root)
      }
      assert.equal(await digestOf(root), vector.new_tree, what)
      assert.equal((await patch.verifyTree(root)).isClean, true, what)
      assert.deepEqual((await patch.plan(root)).actions, [], what)
      if (before !== vector.new_tree) {
        await rollbackTree(root)
        assert.equal(await digestOf(root), before, `${what}, rolled back`)
      }
    }
  })
}

test('two tree patches squashed do what both do', async (t) => {
  const pairs = index.vectors.filter(({ second }) => second)
  assert.ok(pairs.length > 0)
  for (const vector of pairs) {
    const root = await oldTree(t, vector)
    const out = join(folder(t), 'squashed.zip')
    await squashTreePatches([await open(vector.file), await open(vector.second)], { out })
    await (await TreePatch.open(out)).apply(root)
    assert.equal(await digestOf(root), vector.new_tree, vector.name)
  }
})
