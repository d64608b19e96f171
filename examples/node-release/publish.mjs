// The releasing side: adds a release to the chain that launchers download.
//
//   node publish.mjs CHAIN PREVIOUS_FILE NEW_FILE NAME

import { existsSync } from 'node:fs'

import { Chain, diff } from 'libpatchcore'

const [chainFile, previous, release, name] = process.argv.slice(2)
if (!name) {
  console.error('usage: node publish.mjs CHAIN PREVIOUS_FILE NEW_FILE NAME')
  process.exit(2)
}

const delta = await diff(previous, release, { threads: 2 })
if (existsSync(chainFile)) {
  const chain = await Chain.open(chainFile)
  await chain.append([delta], { name })
} else {
  await Chain.create([delta], { out: chainFile, names: ['1.0', name] })
}
console.log(`${name}: ${delta.length.toLocaleString('en')} bytes`)
