// What the README shows of directories runs as it stands.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { scanTree } from 'libpatchcore'

import { trees } from './support.mjs'

const home = dirname(createRequire(import.meta.url).resolve('libpatchcore/package.json'))
const [, section] = readFileSync(join(home, 'README.md'), 'utf8').split('## Directories')
const examples = Array.from(section.split(/^## /m)[0].matchAll(/```js\n(.*?)```/gs), ([, code]) => code)

test('the examples of directories run and do what they say', async (t) => {
  const { path, one, two } = trees(t)
  const at = (name) => join(path, name)
  for (const [name, from] of [['game-1.0', one], ['game-1.1', two], ['game', one]]) cpSync(from, at(name), { recursive: true })
  mkdirSync(at('node_modules'))
  symlinkSync(home, at('node_modules/libpatchcore'), 'junction')
  assert.equal(examples.length, 2)
  const said = []
  for (const [number, code] of examples.entries()) {
    writeFileSync(at(`${number}.mjs`), code)
    const { stdout } = await promisify(execFile)(process.execPath, [`${number}.mjs`], { cwd: path })
    said.push(stdout.trim().split('\n').at(-1))
  }
  assert.deepEqual(said, ['true', 'applied named_package 1.1.0'])
  assert.equal((await scanTree(at('game'))).digest, (await scanTree(two)).digest)
})
