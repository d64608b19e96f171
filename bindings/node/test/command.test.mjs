import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { contents, folder, trees, unlikePair, version } from './support.mjs'

const require = createRequire(import.meta.url)
const { bin, version: ours } = require('libpatchcore/package.json')
const command = join(dirname(require.resolve('libpatchcore/package.json')), bin.libpatchcore)

const run = (cwd, ...line) => spawnSync(process.execPath, [command, ...line], { cwd, encoding: 'utf8' })

test('the command line of the package is patchcore', (t) => {
  const into = folder(t)
  writeFileSync(join(into, 'old'), version(1))
  writeFileSync(join(into, 'new'), version(2))
  assert.equal(run(into, '--version').stdout, `patchcore ${ours}\n`)
  assert.equal(run(into, 'diff', 'old', 'new', '-o', 'delta').status, 0)
  assert.equal(run(into, 'apply', 'old', 'delta', '-o', 'made').status, 0)
  assert.deepEqual(readFileSync(join(into, 'made')), version(2))
  const said = JSON.parse(run(into, 'info', 'delta', '--json').stdout)
  assert.equal(said.new.size, version(2).length)
})

test('directories go through it too', (t) => {
  const { path, one, two } = trees(t)
  assert.equal(run(path, 'tree', 'diff', one, two, '-o', 'p.zip').status, 0)
  assert.equal(run(path, 'tree', 'apply', one, 'p.zip').status, 0)
  const { status, stdout } = run(path, 'tree', 'verify', one, 'p.zip', '--json')
  assert.equal(status, 0, stdout)
  assert.equal(run(path, 'tree', 'rollback', one).status, 0)
  assert.notEqual(run(path, 'tree', 'verify', one, 'p.zip').status, 0)
})

test('its exit status is that of the error', (t) => {
  const into = folder(t)
  writeFileSync(join(into, 'file'), version(1))
  const { status, stderr, stdout } = run(into, 'info', 'file')
  assert.deepEqual([status, stdout], [30, ''])
  assert.match(stderr, /neither a delta nor a chain/)
  assert.equal(run(into, 'nonsense').status, 2)
  assert.equal(run(into, 'info', 'missing').status, 21)
})

test('a file name that is no UTF-8 is a file name', { skip: process.platform !== 'linux' }, (t) => {
  const into = folder(t)
  const name = Buffer.concat([Buffer.from(join(into, 'old-')), Buffer.from([0xff])])
  writeFileSync(name, version(1))
  writeFileSync(join(into, 'new'), version(2))
  // Node itself cannot pass such a name on; a shell can.
  const line = `exec "$0" "$1" diff old-* new -o delta`
  const { status, stderr } = spawnSync('sh', ['-c', line, process.execPath, command], { cwd: into, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('Ctrl-C ends it with 130 and leaves nothing', { skip: process.platform === 'win32' }, async (t) => {
  const into = folder(t)
  unlikePair(into, 8 << 20)
  const child = spawn(process.execPath, [command, 'diff', 'old', 'new', '-o', 'delta', '--progress', 'always'], { cwd: into })
  await once(child.stderr, 'data')
  child.kill('SIGINT')
  const [status] = await once(child, 'exit')
  assert.equal(status, 130)
  assert.deepEqual(contents(into), ['new', 'old'])
})
