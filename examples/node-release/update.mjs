// The player's side: brings an installed file, whichever version it is, to the latest one or to the one asked for. Ctrl-C
// leaves it as it was.
//
//   node update.mjs CHAIN FILE [VERSION]

import { Chain, digest, PatchcoreError } from 'libpatchcore'

import { advice } from './advice.mjs'
import { ProgressBar } from './progress-bar.mjs'

const INTERRUPTED = 130

async function update(chainFile, file, wanted, signal) {
  const chain = await Chain.open(chainFile, { signal })
  const installed = chain.resolve(await digest(file, { signal }))
  const target = wanted === undefined ? chain.versions.length - 1 : chain.resolve(wanted)
  console.log(`Installed: ${chain.versions[installed].name}`)
  if (installed === target) {
    console.log('Already up to date.')
    return
  }
  const route = chain.route(installed, target)
  const bytes = route.reduce((sum, link) => sum + link.size, 0)
  console.log(`Route:     ${route.map((link) => link.name).join(', ')} (${bytes.toLocaleString('en')} bytes)`)
  const bar = new ProgressBar(process.stderr)
  try {
    const stats = await chain.apply(file, { target, out: file, signal, onProgress: (progress) => bar.show(progress) })
    console.log(`Updated to ${chain.versions[stats.to].name} (${stats.newSize.toLocaleString('en')} bytes).`)
  } finally {
    bar.clear()
  }
}

const [chainFile, file, wanted] = process.argv.slice(2)
if (!file) {
  console.error('usage: node update.mjs CHAIN FILE [VERSION]')
  process.exit(2)
}

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

try {
  await update(chainFile, file, wanted, interrupt.signal)
} catch (error) {
  if (interrupt.signal.aborted) {
    console.error('Stopped. The file is as it was.')
    process.exitCode = INTERRUPTED
  } else if (error instanceof PatchcoreError) {
    console.error(`${advice(error)}\n(${error.message})`)
    process.exitCode = error.status
  } else {
    throw error
  }
}
