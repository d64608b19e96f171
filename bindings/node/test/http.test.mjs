// From a web server that behaves, and from one that does not. It is one of this process, which jobs do not block.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import { diffTrees, fetchFile, scanTree, updateFromPackageInfo, updateFromServiceManifest } from 'libpatchcore'

import { codeOf, contents, folder, sleep, trees } from './support.mjs'

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const quick = { proxy: 'none', retries: 1 }

/** A server whose answers `answer` gives; its URL, and the requests that came. */
async function serve(t, answer) {
  const requests = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${server.address().port}`, requests }
}

/** Answers as a web host does, with parts where they are asked for. */
function part(request, response, bytes) {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const headers = { etag: '"one"', 'accept-ranges': 'bytes', 'content-length': bytes.length - start }
  if (start > 0) headers['content-range'] = `bytes ${start}-${bytes.length - 1}/${bytes.length}`
  response.writeHead(start > 0 ? 206 : 200, headers)
  response.end(bytes.subarray(start))
}

test('a directory is updated from a web server', async (t) => {
  const { path, one, two } = trees(t)
  await diffTrees(one, two, { out: join(path, 'p.zip'), version: '1.0.1' })
  const bytes = readFileSync(join(path, 'p.zip'))
  const info = { url: 'packages/p.zip', hash: sha256(bytes), size: bytes.length, version: '1.0.1' }
  const { url, requests } = await serve(t, (request, response) => {
    if (request.url === '/info.json') response.end(JSON.stringify(info))
    else if (request.url === '/packages/p.zip') part(request, response, bytes)
    else response.writeHead(404).end()
  })
  const report = await updateFromPackageInfo(one, new URL('/info.json', url), quick)
  assert.deepEqual([report.action, report.fetched.transferred, report.url], ['applied', bytes.length, `${url}/packages/p.zip`])
  assert.deepEqual(requests.map((request) => request.url), ['/info.json', '/packages/p.zip'])
  assert.equal((await scanTree(one)).digest, (await scanTree(two)).digest)
  const missing = await updateFromServiceManifest(one, `${url}/none.json`, quick).catch((error) => error)
  assert.deepEqual([missing.code, missing.outcome], ['ERR_PATCHCORE_NOT_FOUND', 'unchanged'])
})

test('a download that broke off goes on where it stopped', async (t) => {
  const out = join(folder(t), 'out')
  const bytes = randomBytes(3 << 20)
  const { url, requests } = await serve(t, (request, response) => {
    if (requests.length > 1) return part(request, response, bytes)
    response.writeHead(200, { etag: '"one"', 'content-length': bytes.length })
    response.write(bytes.subarray(0, 1 << 20), () => setTimeout(() => response.destroy(), 50))
  })
  const fetched = await fetchFile(url, { out, digest: sha256(bytes), ...quick })
  assert.deepEqual([fetched.size, fetched.transferred], [bytes.length, bytes.length])
  assert.match(requests[1].headers.range, /^bytes=[1-9]\d*-$/)
  assert.ok(readFileSync(out).equals(bytes))
})

test('an abort while a download stands still rejects at once, and what came is kept for the next one', async (t) => {
  const path = folder(t)
  const out = join(path, 'out')
  const bytes = randomBytes(1 << 20)
  const { url, requests } = await serve(t, (request, response) => {
    if (requests.length > 1) return part(request, response, bytes)
    response.writeHead(200, { etag: '"one"', 'content-length': bytes.length })
    response.write(bytes.subarray(0, 1 << 19))
  })
  const controller = new AbortController()
  const promise = fetchFile(url, { out, signal: controller.signal, ...quick })
  await sleep(500)
  const began = performance.now()
  controller.abort('enough')
  await assert.rejects(promise, (error) => error === 'enough')
  assert.ok(performance.now() - began < 100)
  while ((await codeOf(fetchFile(url, { out, ...quick }))) === 'ERR_PATCHCORE_BUSY') await sleep(20)
  assert.deepEqual(contents(path), ['out'])
  assert.ok(readFileSync(out).equals(bytes))
  assert.match(requests.at(-1).headers.range, /^bytes=[1-9]\d*-$/)
})

test('a server that says nothing, or nonsense, has its own code each', async (t) => {
  const path = folder(t)
  const out = join(path, 'out')
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/broken') response.destroy()
    else if (request.url === '/forbidden') response.writeHead(403).end()
    else if (request.url === '/large') response.writeHead(200, { 'content-length': 1 << 30 }).write('x')
    else if (request.url !== '/silent') response.writeHead(404).end()
  })
  const code = (of, options) => codeOf(fetchFile(`${url}/${of}`, { out, ...quick, retries: 0, ...options }))
  assert.equal(await code('missing'), 'ERR_PATCHCORE_NOT_FOUND')
  assert.equal(await code('forbidden'), 'ERR_PATCHCORE_PERMISSION')
  assert.equal(await code('broken'), 'ERR_PATCHCORE_NETWORK')
  assert.equal(await code('large', { maxSize: 1 << 20 }), 'ERR_PATCHCORE_LIMIT')
  assert.equal(await code('silent', { idleTimeout: 200 }), 'ERR_PATCHCORE_TIMEOUT')
  assert.equal(await codeOf(fetchFile('http://127.0.0.1:1/', { out, ...quick, retries: 0 })), 'ERR_PATCHCORE_NETWORK')
  assert.equal(await codeOf(fetchFile('gopher://localhost/', { out })), 'ERR_PATCHCORE_INVALID_ARGUMENT')
  assert.deepEqual(contents(path), [])
})

test('https is never answered without TLS, and authorities are certificates', async (t) => {
  const path = folder(t)
  // What answers speaks no TLS at all, so that a client that did not insist on it would be found out.
  const { url } = await serve(t, (_request, response) => response.end('not secret'))
  const secure = url.replace('http:', 'https:')
  assert.equal(await codeOf(fetchFile(secure, { out: join(path, 'out'), ...quick, retries: 0 })), 'ERR_PATCHCORE_NETWORK')
  const authorities = join(path, 'none.pem')
  writeFileSync(authorities, 'no certificate')
  assert.notEqual(await codeOf(fetchFile(secure, { out: join(path, 'out'), authorities, ...quick })), undefined)
})
