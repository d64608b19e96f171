// The releasing side: makes a signed package of a version, a patch to it from the one before, and the manifest that launchers
// read, all in one directory that any web host can serve.
//
//   node publish.mjs RELEASES KEY NEW_DIR VERSION [PREVIOUS_DIR PREVIOUS_VERSION]

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { diffTrees, digest, signFile } from 'libpatchcore'

const [releases, key, folder, version, previous, previousVersion] = process.argv.slice(2)
if (!version) {
  console.error('usage: node publish.mjs RELEASES KEY NEW_DIR VERSION [PREVIOUS_DIR PREVIOUS_VERSION]')
  process.exit(2)
}

/** Packs what turns one directory into the new one, signs it, and gives what the manifest says of it. */
async function pack(from, name, options) {
  const out = join(releases, name)
  const { packageSize } = await diffTrees(from, folder, { out, version, threads: 2, ...options })
  const { path } = await signFile(out, { key })
  console.log(`${name}: ${packageSize.toLocaleString('en')} bytes`)
  return { url: name, size: packageSize, hash: await digest(out), signature: readFileSync(path, 'utf8') }
}

mkdirSync(releases, { recursive: true })
const nothing = mkdtempSync(join(tmpdir(), 'nothing-'))
const full = await pack(nothing, `full-${version}.zip`)
rmSync(nothing, { recursive: true })
const manifest = { version, release_date: new Date().toISOString(), packages: { full } }
if (previous) {
  const patch = await pack(previous, `patch-${previousVersion}-${version}.zip`, { minVersion: previousVersion })
  manifest.patch = { x86_64: patch, aarch64: patch }
}
// In one step, and last: whoever reads the manifest finds all that it names.
writeFileSync(join(releases, 'manifest.json.new'), JSON.stringify(manifest, undefined, 2))
renameSync(join(releases, 'manifest.json.new'), join(releases, 'manifest.json'))
