/**
 * The node's identity, `node.key`: an Ed25519 private key in libp2p's protobuf form, the same bytes go-libp2p and kubo write. Created once, atomically, mode
 * 0600. A file that cannot be read as a key is an error and stays as it is: a new key would be a new identity, and whoever knows the node would lose it.
 */

import { chmodSync, closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { generateKeyPair, generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { stateError, systemErrorCode } from '@sluice/runtime'
import type { Libp2pOptions } from 'libp2p'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'

export type NodeKey = NonNullable<Libp2pOptions['privateKey']>

const SEED_BYTES = 32

/** Reads the key, or makes one when there is no file. */
export async function loadKey(path: string): Promise<NodeKey> {
  const stored = read(path)
  if (stored !== undefined) return parse(path, stored)
  const key = await generateKeyPair('Ed25519')
  create(path, privateKeyToProtobuf(key))
  return key
}

function read(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path)
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
    return bytes
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw stateError('Cannot read the node key', path, error)
  }
}

async function parse(path: string, bytes: Uint8Array): Promise<NodeKey> {
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type !== 'Ed25519') throw new Error(`it is of type ${key.type}, not Ed25519`)
    // The stored form holds the public key too; bytes damaged in either half must not become somebody else's identity.
    const derived = await generateKeyPairFromSeed('Ed25519', key.raw.subarray(0, SEED_BYTES))
    if (!derived.publicKey.equals(key.publicKey)) throw new Error('its public half does not belong to its private half')
    if (!Buffer.from(privateKeyToProtobuf(key)).equals(bytes)) throw new Error('there are bytes too many')
    return key
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `The node key ${path} is corrupt (${reason}). It was left as it is. Restore it from a backup; or move it away, and the next start makes a new key, which is a new peer id.`
    throw new CommandFailure(EXIT.failure, message, error)
  }
}

/** Written in full under another name, then linked: at no instant is there half a key, and a key that appeared meanwhile is not replaced. */
function create(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${process.pid}.new`
  try {
    rmSync(draft, { force: true })
    const fd = openSync(draft, 'wx', 0o600)
    try {
      writeSync(fd, bytes)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    linkSync(draft, path)
  } catch (error) {
    throw stateError('Cannot write the node key', path, error)
  } finally {
    rmSync(draft, { force: true })
  }
}
