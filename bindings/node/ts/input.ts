/** What callers name files by, and the bytes that they hand over instead. */

import { fileURLToPath } from 'node:url'

import * as native from '../native.js'
import { invalid, PatchcoreError } from './errors.js'

/** A file: a path, a `file:` URL, or, on Unix, the bytes of a path that is no UTF-8. */
export type FilePath = string | URL | Uint8Array

/** Bytes in memory. */
export type Bytes = NodeJS.ArrayBufferView | ArrayBufferLike

/**
 * Where an operation gets bytes from: a file, or bytes in memory. A string or a URL is always a path, and bytes are always
 * content; a path whose name is no UTF-8 is written `{ path: Buffer }`.
 *
 * Bytes are copied before the call returns. What has to be copied costs time on the event loop, about 20 ms for 45 MB: name
 * large files by their paths.
 */
export type Input = string | URL | Bytes | { readonly path: FilePath }

/** @internal */
export function pathArgument(path: FilePath): string | Buffer {
  if (typeof path === 'string') return path
  if (path instanceof URL) return fileURLToPath(path)
  if (path instanceof Uint8Array) return Buffer.from(path)
  throw invalid('a path is a string, a file: URL, or a Uint8Array with the bytes of one')
}

/** @internal */
export function inputArgument(input: Input): native.Snapshot | string | Buffer {
  if (typeof input === 'string' || input instanceof URL) return pathArgument(input)
  const bytes = bytesOf(input)
  if (bytes) return snapshot(bytes)
  if (typeof input === 'object' && input !== null && 'path' in input) return pathArgument(input.path)
  throw invalid('an input is a path (a string, a file: URL or { path }) or bytes (a Buffer, a view or an ArrayBuffer)')
}

/** @internal */
export function inputArguments(inputs: Iterable<Input>): (native.Snapshot | string | Buffer)[] {
  if (typeof inputs !== 'object' || inputs === null || bytesOf(inputs) || !(Symbol.iterator in inputs)) {
    throw invalid('several inputs are an array of paths or bytes')
  }
  return Array.from(inputs, inputArgument)
}

/**
 * The bytes of a view or buffer, in memory that no other thread writes meanwhile. A detached one throws, as everywhere in
 * JavaScript.
 *
 * @internal
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  let bytes: Uint8Array
  if (ArrayBuffer.isView(value)) bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) bytes = new Uint8Array(value)
  else return undefined
  return bytes.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes
}

function snapshot(bytes: Uint8Array): native.Snapshot {
  const snapshot = new native.Snapshot()
  if (snapshot.copy(bytes)) return snapshot
  throw new PatchcoreError('NO_MEMORY', `${bytes.byteLength} bytes could not be allocated; name the file by its path`)
}
