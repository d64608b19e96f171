// The player's side: brings the directory of a game to the version that a manifest announces, or takes the last update back.
// Whatever happens meanwhile, the directory is of one version or of the other.
//
//   node update.mjs GAME MANIFEST PUBLIC_KEY_FILE
//   node update.mjs GAME --rollback

import { readFileSync } from 'node:fs'

import { installedTree, PatchcoreError, rollbackTree, updateFromServiceManifest } from 'libpatchcore'

import { advice } from './advice.mjs'
import { ProgressBar } from './progress-bar.mjs'

const INTERRUPTED = 130

async function update(game, manifest, publicKeys) {
  const look = await updateFromServiceManifest(game, manifest, { publicKeys, dryRun: true })
  console.log(`Installed: ${look.from ?? 'nothing that is known'}`)
  if (look.action === 'nothing') {
    console.log('Already up to date.')
    return
  }
  console.log(`Offered:   ${look.to}, by ${look.strategy === 'patch' ? 'a patch' : 'the full package'} (${look.reason})`)
  const { to, applied, fetched } = await shown((options) => updateFromServiceManifest(game, manifest, { publicKeys, ...options }))
  const bytes = fetched.transferred.toLocaleString('en')
  console.log(`Updated to ${to}: ${applied.changed} changes, ${bytes} bytes downloaded.`)
}

async function takeBack(game) {
  const installed = await shown((options) => rollbackTree(game, options))
  console.log(`Back at ${installed?.version ?? 'nothing that is known'}.`)
}

const [game, manifest, publicKeyFile] = process.argv.slice(2)
if (!manifest || (manifest !== '--rollback' && !publicKeyFile)) {
  console.error('usage: node update.mjs GAME MANIFEST PUBLIC_KEY_FILE\n       node update.mjs GAME --rollback')
  process.exit(2)
}

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

/** Runs what takes time, with a bar, until Ctrl-C. */
async function shown(work) {
  const bar = new ProgressBar(process.stderr)
  try {
    return await work({ signal: interrupt.signal, onProgress: (progress) => bar.show(progress) })
  } finally {
    bar.clear()
  }
}

try {
  if (manifest === '--rollback') await takeBack(game)
  else await update(game, manifest, [readFileSync(publicKeyFile, 'utf8')])
} catch (error) {
  if (interrupt.signal.aborted) {
    // Had the interrupt come too late to stop the update, it would have gone through, and there would be no error.
    console.error(`Stopped. Installed: ${(await installedTree(game))?.version ?? 'nothing that is known'}`)
    process.exitCode = INTERRUPTED
  } else if (error instanceof PatchcoreError) {
    console.error(`${advice(error)}\n(${error.message})`)
    process.exitCode = error.status
  } else {
    throw error
  }
}
