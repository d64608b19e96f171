// The npm package beside the command line, and what it does to the event loop, as medians of several rounds.
//
//   node tests/bench/node.mjs [--rounds N] [OLD NEW]      (45 MB of words with edits unless given)
//   node tests/bench/node.mjs --self-test                 (that it works, on small files)
//
// Build first: `npm run build` in bindings/node, `cargo build --release`. PATCHCORE=path names the command line.

import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const addon = join(repository, 'bindings/node')
const { apply, diff } = createRequire(import.meta.url)(addon)

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, 'self-test': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const small = values['self-test']
const rounds = small ? 1 : Number(values.rounds)
const work = mkdtempSync(join(tmpdir(), 'bench-node-'))
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** Words, and the same with a stretch replaced in every hundredth part. */
function makePair(size) {
  const words = Array.from({ length: 4096 }, (_, i) => Buffer.from(`${Math.imul(i, 2_654_435_761).toString(36)} `))
  const noise = randomFillSync(new Uint16Array(size / 4))
  const bytes = Buffer.concat(Array.from(noise, (word) => words[word & 4095])).subarray(0, size)
  const [old, updated] = [join(work, 'old'), join(work, 'new')]
  writeFileSync(old, bytes)
  const part = Math.floor(size / 100)
  const edited = Array.from({ length: 100 }, (_, i) => {
    const kept = bytes.subarray(i * part, i === 99 ? size : (i + 1) * part)
    return [Buffer.from(`edit ${i} `.repeat(100)), kept.subarray(part >> 6)]
  })
  writeFileSync(updated, Buffer.concat(edited.flat()))
  return [old, updated]
}

/** A file of noise, written piece by piece. */
function makeLarge(path, size) {
  const piece = randomFillSync(Buffer.allocUnsafe(8 << 20))
  const file = openSync(path, 'w')
  for (let written = 0; written < size; written += piece.length) {
    piece.writeUInt32LE(written >>> 20, 0)
    writeSync(file, piece)
  }
  return path
}

function commandLine() {
  const metadata = () => execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'], { cwd: repository, maxBuffer: 1 << 26 })
  return process.env.PATCHCORE ?? join(JSON.parse(metadata()).target_directory, 'release/patchcore')
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** The same job in this process and by the command line, in turns; milliseconds. */
async function besideCommandLine(name, inNode, line) {
  const command = commandLine()
  if (!existsSync(command)) {
    console.log(`${name}: no command line at ${command}`)
    return
  }
  const times = { node: [], command: [] }
  for (let round = 0; round < rounds; round++) {
    times.node.push(await timed(inNode))
    times.command.push(await timed(() => execFileSync(command, line, { stdio: 'ignore' })))
  }
  const [node, other] = [median(times.node), median(times.command)]
  console.log(`${name}: Node ${node.toFixed(0)} ms, command line ${other.toFixed(0)} ms, ratio ${(node / other).toFixed(3)}`)
}

async function eventLoopDelay(name, job) {
  const [p99, max] = [[], []]
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await sleep(20)
    await job()
    delay.disable()
    p99.push(delay.percentile(99) / 1e6)
    max.push(delay.max / 1e6)
  }
  console.log(`event loop delay, ${name}: p99 ${median(p99).toFixed(1)} ms, longest ${median(max).toFixed(1)} ms`)
}

async function abortLatency(size) {
  const [old, updated] = [makeLarge(join(work, 'large-old'), size), makeLarge(join(work, 'large-new'), size)]
  const latencies = []
  for (const after of small ? [5] : [5, 50, 200, 500, 1000, 2000, 4000]) {
    const controller = new AbortController()
    const job = diff(old, updated, { out: join(work, 'aborted'), signal: controller.signal })
    await sleep(after)
    let stopped = false
    const latency = await timed(() => {
      controller.abort()
      return job.catch(() => (stopped = true))
    })
    if (stopped) latencies.push(latency)
    else console.log(`the diff was done before it was aborted, after ${after} ms`)
  }
  const what = `${size >> 20} MiB against as much`
  console.log(`abort of a diff of ${what}: median ${median(latencies).toFixed(1)} ms, longest ${Math.max(...latencies).toFixed(1)} ms`)
  if (existsSync(join(work, 'aborted'))) throw new Error('an aborted job has published')
}

try {
  const [old, updated] = positionals.length === 2 ? positionals : makePair(small ? 1 << 20 : 45_000_000)
  const [delta, made] = [join(work, 'delta'), join(work, 'made')]
  await besideCommandLine('diff', () => diff(old, updated, { out: delta }), ['diff', old, updated, '-o', delta])
  await diff(old, updated, { out: delta })
  await besideCommandLine('apply', () => apply(old, delta, { out: made }), ['apply', old, delta, '-o', made])
  await eventLoopDelay('diff of paths', () => diff(old, updated, { onProgress() {} }))
  const bytes = [readFileSync(old), readFileSync(updated)]
  await eventLoopDelay('diff of bytes', () => diff(...bytes, { onProgress() {} }))
  const copy = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const job = apply(bytes[0], delta)
    copy.push(performance.now() - began)
    await job
  }
  console.log(`copying ${(bytes[0].length / 1e6).toFixed(0)} MB on call: ${median(copy).toFixed(1)} ms`)
  await abortLatency(small ? 8 << 20 : 1 << 30)
  const binary = readdirSync(addon).find((name) => name.endsWith('.node'))
  console.log(`${binary}: ${(statSync(join(addon, binary)).size / (1 << 20)).toFixed(2)} MiB`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
