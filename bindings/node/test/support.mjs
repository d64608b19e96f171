// What several tests need: files, content, and what became of a promise.

import { randomFillSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An empty folder that goes when the test ends. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'libpatchcore-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What is in a folder. */
export const contents = (path) => readdirSync(path).sort()

/** The first, second, … version of a file of some kilobytes: each inserts something into the one before. */
export function version(number) {
  let bytes = Buffer.alloc(40_000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 2_654_435_761) >>> 13
  for (let n = 1; n < number; n++) {
    bytes = Buffer.concat([bytes.subarray(0, n * 1000), Buffer.alloc(500, n), bytes.subarray(n * 1000)])
  }
  return bytes
}

/** Two files of so many bytes that differ in a few places, as paths; what they share is noise. */
export function largePair(into, size) {
  const [old, updated] = [join(into, 'old'), join(into, 'new')]
  const bytes = randomFillSync(Buffer.allocUnsafe(size))
  writeFileSync(old, bytes)
  for (let at = 1000; at + 100 < size; at += size / 50) randomFillSync(bytes, Math.floor(at), 100)
  writeFileSync(updated, bytes)
  return { old, updated }
}

/** Two files of so many bytes of words that have little in common, as paths: megabytes of them take seconds to compare. */
export function unlikePair(into, size) {
  const [old, updated] = [join(into, 'old'), join(into, 'new')]
  for (const file of [old, updated]) {
    const noise = randomFillSync(new Uint16Array(size / 4))
    writeFileSync(file, Buffer.concat(Array.from(noise, (word) => words[word & 4095])).subarray(0, size))
  }
  return { old, updated }
}

const words = Array.from({ length: 4096 }, (_, i) => Buffer.from(`${Math.imul(i, 2_654_435_761).toString(36)} `))

/** The code that a promise is rejected with, or undefined. */
export const codeOf = (promise) =>
  promise.then(
    () => undefined,
    (error) => error.code ?? error,
  )

/** Waits until nothing but `expected` is in a folder: a worker that was stopped takes its temporary file away by itself. */
export async function settled(path, expected) {
  for (let waited = 0; contents(path).join() !== expected.join() && waited < 5000; waited += 20) await sleep(20)
  return contents(path)
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Three versions of a directory, the paths of which are `one`, `two` and `three`; `path` is where they lie. */
export function trees(t) {
  const path = folder(t)
  const house = { path }
  for (const [name, number] of [['one', 1], ['two', 2], ['three', 3]]) {
    const root = join(path, name)
    house[name] = root
    mkdirSync(root)
    writeFileSync(join(root, 'big'), version(number))
    writeFileSync(join(root, 'same'), 'same')
    if (number === 1) {
      writeFileSync(join(root, 'gone'), 'gone')
    } else {
      mkdirSync(join(root, 'docs'))
      writeFileSync(join(root, 'docs/new'), `new in version ${number}`)
    }
  }
  return house
}
