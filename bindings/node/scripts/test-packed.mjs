// Tests what users get: packs the package, installs the tarball into an empty project, and runs the suite from there. With
// arguments, only those files of `test/` run.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const LARGEST_BINARY = 6 << 20

const home = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'libpatchcore-packed-'))
const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
const read = (path) => JSON.parse(readFileSync(path, 'utf8'))
const write = (path, value) => writeFileSync(path, JSON.stringify(value, undefined, 2))

function run(cwd, [program, ...line], env = {}) {
  execFileSync(program, line, { cwd, stdio: 'inherit', env: { ...process.env, ...env } })
}

/** Packs a package and gives the path of its tarball. */
function pack(from) {
  const into = mkdtempSync(join(work, 'tarball-'))
  run(from, [...npm, 'pack', '--silent', '--pack-destination', into])
  return join(into, readdirSync(into)[0])
}

/** An empty project with these tarballs and nothing from anywhere else. */
function project(name, tarballs) {
  const path = join(work, name)
  mkdirSync(path)
  write(join(path, 'package.json'), { name, private: true })
  run(path, [...npm, 'install', '--silent', '--offline', ...tarballs])
  return path
}

/** The package as it is published: the native half is a package of its own for each platform, and optional. */
function split() {
  const main = join(work, 'main')
  const platforms = join(main, 'npm')
  cpSync(home, main, { recursive: true, filter: (path) => !/(node_modules|\.node|[\\/]src)$/.test(path) })
  run(main, [process.execPath, join(home, 'node_modules/@napi-rs/cli/dist/cli.js'), 'create-npm-dirs'])
  const binary = readdirSync(home).find((name) => name.endsWith('.node'))
  const here = binary.split('.')[1]
  cpSync(join(home, binary), join(platforms, here, binary))
  const manifest = read(join(main, 'package.json'))
  const names = readdirSync(platforms).map((platform) => read(join(platforms, platform, 'package.json')).name)
  manifest.optionalDependencies = Object.fromEntries(names.map((name) => [name, manifest.version]))
  write(join(main, 'package.json'), manifest)
  return [pack(main), pack(join(platforms, here))]
}

function checkSize() {
  const binary = readdirSync(home).find((name) => name.endsWith('.node'))
  const { size } = statSync(join(home, binary))
  console.log(`${binary}: ${(size / (1 << 20)).toFixed(2)} MiB`)
  if (size > LARGEST_BINARY) throw new Error(`${binary} is larger than ${LARGEST_BINARY >> 20} MiB`)
}

function testPacked(only) {
  const installed = project('packed', [pack(home)])
  cpSync(join(home, 'test'), installed, { recursive: true })
  const tests = only.length > 0 ? only : readdirSync(installed).filter((name) => /\.test\.[cm]js$/.test(name))
  const env = { PATCHCORE_VECTORS: resolve(home, '../../tests/vectors') }
  // One file at a time: some of them measure.
  run(installed, [process.execPath, '--test', '--test-concurrency=1', ...tests], env)
  const typescript = join(home, 'node_modules/typescript/bin/tsc')
  const types = ['--types', 'node', '--typeRoots', join(home, 'node_modules/@types')]
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--exactOptionalPropertyTypes', '--ignoreConfig']
  run(installed, [process.execPath, typescript, ...strict, ...types, 'types.mts', 'types.cts'])
  run(installed, ['npx', '--offline', 'libpatchcore', '--version'])
}

function testSplit() {
  const installed = project('split', split())
  const code = `const { apply, diff } = require('libpatchcore')
    diff(Buffer.from('old'), Buffer.from('new')).then((delta) => apply(Buffer.from('old'), delta)).then(String).then(console.log)`
  run(installed, [process.execPath, '--eval', code])
  const binaries = readdirSync(join(installed, 'node_modules')).filter((name) => name.startsWith('libpatchcore'))
  console.log(`from the packages ${binaries.join(' and ')}`)
  if (binaries.length !== 2) throw new Error('the native half did not come from a package of its own')
}

try {
  checkSize()
  testPacked(process.argv.slice(2))
  testSplit()
} finally {
  rmSync(work, { recursive: true, force: true })
}
