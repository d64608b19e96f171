/** Signatures as minisign makes them: keys, what they sign, and whose signature is demanded. */

import type { SignatureFile, SignedFile } from '../native.js'
import * as native from '../native.js'
import { invalid, PatchcoreError } from './errors.js'
import { type FilePath, pathArgument } from './input.js'
import { type JobOptions, run } from './job.js'
import { given, type OutputOptions } from './options.js'

/** Whose signature is demanded. */
export interface TrustOptions {
  /**
   * Public keys, one of which must have signed: the texts of `.pub` files, or their second lines alone. An empty list is
   * refused; leave it out where no signature is demanded.
   */
  publicKeys?: readonly string[] | undefined
  /** The signature: the text of a `.minisig` file or its base64; by default that file is looked for beside the signed one. */
  signature?: string | undefined
}

/** How a key is made. */
export interface KeyOptions {
  /** A password for the secret key. */
  password?: string | undefined
  /** Replace existing files. */
  force?: boolean | undefined
}

/** How a file is signed. */
export interface SignOptions extends JobOptions, Pick<OutputOptions, 'noClobber'> {
  /** The file with the secret key. */
  key: FilePath
  /** The password of that key, where it has one. */
  password?: string | undefined
  /** What is signed beside the file; time and name of the file by default. */
  trustedComment?: string | undefined
  /** Where the signature goes; beside the file, as `FILE.minisig`, by default. */
  out?: FilePath | undefined
}

/**
 * Makes a new key and resolves to the text of the public one. The secret one goes into the file `path`, readable by its owner
 * alone, the public one into `path` with `.pub` after it.
 */
export async function createKeyFiles(path: FilePath, options: KeyOptions = {}): Promise<string> {
  const [file, { password, force }] = [pathArgument(path), options]
  return run<string>({}, (listener) => native.createKeyFiles(file, password, force, listener))
}

/** Signs a file. */
export async function signFile(file: FilePath, options: SignOptions): Promise<SignatureFile> {
  if (typeof options !== 'object' || options === null || options.key === undefined) {
    throw invalid('signing takes the file of a secret key; name it with key')
  }
  const [of, key] = [pathArgument(file), pathArgument(options.key)]
  const { password, trustedComment, out, noClobber } = options
  const how = given<native.SignOptions>({
    password,
    trustedComment,
    out: out === undefined ? undefined : pathArgument(out),
    noClobber,
  })
  return run(options, (listener) => native.signFile(of, key, how, listener))
}

/**
 * Checks that one of `publicKeys` signed a file. BAD_SIGNATURE where there is no signature or it does not fit, UNTRUSTED_KEY
 * where another key made it.
 */
export async function verifyFile(
  file: FilePath,
  options: JobOptions & TrustOptions & { publicKeys: readonly string[] },
): Promise<SignedFile> {
  const of = pathArgument(file)
  const trust = trustArgument(options ?? {})
  if (trust.publicKeys === undefined) throw invalid('whose signature counts is to be said; name keys with publicKeys')
  return run(options, (listener) => native.verifyFile(of, trust, listener))
}

/** The identifier of a public key, as minisign shows it. */
export function keyId(publicKey: string): string {
  if (typeof publicKey !== 'string') throw invalid('a public key is a text')
  const id = native.keyId(publicKey)
  if (typeof id === 'string') return id
  throw PatchcoreError.from(id)
}

/**
 * What the native half takes for no demand at all is refused where it may have been meant as one.
 *
 * @internal
 */
export function trustArgument({ publicKeys, signature }: TrustOptions): native.TrustArgument {
  if (signature !== undefined && publicKeys === undefined) {
    throw invalid('a signature alone says nothing; name the keys that count with publicKeys')
  }
  return given({ publicKeys: keysArgument(publicKeys), signature })
}

/** @internal */
export function keysArgument(publicKeys: readonly string[] | undefined): string[] | undefined {
  if (publicKeys === undefined) return undefined
  if (!Array.isArray(publicKeys)) throw invalid('publicKeys is an array of the texts of public keys')
  if (publicKeys.length > 0) return [...(publicKeys as readonly string[])]
  throw invalid('publicKeys is empty, so that nothing could be trusted; leave it out where no signature is demanded')
}
