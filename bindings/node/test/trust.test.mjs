import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createKeyFiles, diffTrees, keyId, signFile, TreePatch, verifyFile } from 'libpatchcore'

import { codeOf, folder, trees } from './support.mjs'

/** A package, and a key. */
async function signed(t) {
  const house = trees(t)
  const [out, key] = ['p.zip', 'key'].map((name) => join(house.path, name))
  await diffTrees(house.one, house.two, { out })
  return { ...house, out, key, publicKey: await createKeyFiles(key) }
}

test('where a signature is demanded, nothing unsigned is opened', async (t) => {
  const { path, out, key, publicKey } = await signed(t)
  const open = (options) => TreePatch.open(out, options)
  assert.equal(await codeOf(open({ publicKeys: [publicKey] })), 'ERR_PATCHCORE_BAD_SIGNATURE')
  const made = await signFile(out, { key, trustedComment: 'release 2' })
  assert.deepEqual([made.path, made.keyId, made.trustedComment], [`${out}.minisig`, keyId(publicKey), 'release 2'])
  assert.equal((await open({ publicKeys: [publicKey] })).info.keyId, made.keyId)

  const other = await createKeyFiles(join(path, 'other'))
  assert.equal(await codeOf(open({ publicKeys: [other] })), 'ERR_PATCHCORE_UNTRUSTED_KEY')
  assert.equal((await open({ publicKeys: [other, publicKey] })).info.keyId, made.keyId)
  assert.equal((await open()).info.keyId, undefined)
})

test('a signature is the text of its file or the base64 of that, and fits these bytes alone', async (t) => {
  const { out, key, publicKey } = await signed(t)
  const text = readFileSync((await signFile(out, { key, out: `${out}.elsewhere` })).path, 'utf8')
  const bytes = readFileSync(out)
  const publicKeys = [publicKey.split('\n')[1]]
  for (const signature of [text, Buffer.from(text).toString('base64')]) {
    assert.equal((await TreePatch.open(bytes, { publicKeys, signature })).info.keyId, keyId(publicKey))
    const { digest } = await verifyFile(out, { publicKeys, signature })
    assert.match(digest, /^[0-9a-f]{64}$/)
  }
  bytes[bytes.length >> 1] ^= 1
  assert.equal(await codeOf(TreePatch.open(bytes, { publicKeys, signature: text })), 'ERR_PATCHCORE_BAD_SIGNATURE')
  writeFileSync(out, bytes)
  assert.equal(await codeOf(verifyFile(out, { publicKeys, signature: text })), 'ERR_PATCHCORE_BAD_SIGNATURE')
})

test('keys are files: the secret one for its owner alone, maybe with a password, and never replaced by accident', async (t) => {
  const path = folder(t)
  const [file, key] = ['file', 'key'].map((name) => join(path, name))
  writeFileSync(file, 'content')
  const publicKey = await createKeyFiles(key, { password: 'a secret' })
  assert.equal(readFileSync(`${key}.pub`, 'utf8'), publicKey)
  if (process.platform !== 'win32') assert.equal(statSync(key).mode & 0o777, 0o600)
  assert.equal(await codeOf(createKeyFiles(key)), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.notEqual(await codeOf(signFile(file, { key })), undefined)
  assert.notEqual(await codeOf(signFile(file, { key, password: 'another' })), undefined)
  await signFile(file, { key, password: 'a secret' })
  assert.equal((await verifyFile(file, { publicKeys: [publicKey] })).keyId, keyId(publicKey))
  assert.equal(await codeOf(signFile(file, { key, password: 'a secret', noClobber: true })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.notEqual(await createKeyFiles(key, { force: true }), publicKey)
})

test('what cannot have been meant is refused, so that nothing is trusted by accident', async (t) => {
  const { out, key, publicKey } = await signed(t)
  const { path } = await signFile(out, { key })
  const signature = readFileSync(path, 'utf8')
  const invalid = 'ERR_PATCHCORE_INVALID_ARGUMENT'
  const calls = {
    'an empty list of keys': () => TreePatch.open(out, { publicKeys: [] }),
    'a signature and no keys': () => TreePatch.open(out, { signature }),
    'a key that is no list': () => TreePatch.open(out, { publicKeys: publicKey }),
    'a list of something else': () => TreePatch.open(out, { publicKeys: [undefined] }),
    'what is no key': () => TreePatch.open(out, { publicKeys: ['key'] }),
    'no keys': () => verifyFile(out, {}),
    'no options': () => verifyFile(out),
    'no secret key': () => signFile(out, {}),
    'a password that is a number': () => signFile(out, { key, password: 7 }),
  }
  for (const [what, call] of Object.entries(calls)) assert.equal(await codeOf(call()), invalid, what)
  assert.throws(() => keyId('key'), { code: invalid })
  assert.throws(() => keyId(7), { code: invalid })
})
