/** `version`, the first message of each side, and the nonce of `ping` and `pong`. Sources: https://developer.bitcoin.org/reference/p2p_networking.html#version, BIP 31, BIP 37. */

import { USER_AGENT_BYTES_MAX } from './commands.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './violation.ts'
import { i32, i64, u64, varBytes } from './writer.ts'

/** Full blocks are served. Source: Core `src/protocol.h`. */
export const NODE_NETWORK = 1n
/** Blocks carry their witnesses. Source: BIP 144. */
export const NODE_WITNESS = 8n

/** Services (8), IPv6 address (16), port (2). */
const NET_ADDRESS_BYTES = 26

export interface Version {
  readonly protocol: number
  readonly services: bigint
  /** Seconds since 1970. */
  readonly time: bigint
  /** 26 bytes each: services, IPv6 address, port. Core fills the second with zeros. */
  readonly receiver: Buffer
  readonly sender: Buffer
  readonly nonce: bigint
  /** At most 256 bytes. */
  readonly userAgent: string
  readonly startHeight: number
  /** Whether transactions are wanted; absent means yes. */
  readonly relay: boolean
}

/** An address field that says nothing. */
export function noAddress(): Buffer {
  return Buffer.alloc(NET_ADDRESS_BYTES)
}

export function encodeVersion(version: Version): Buffer {
  return Buffer.concat([
    i32(version.protocol),
    u64(version.services),
    i64(version.time),
    version.receiver,
    version.sender,
    u64(version.nonce),
    varBytes(Buffer.from(version.userAgent, 'latin1')),
    i32(version.startHeight),
    Buffer.from([version.relay ? 1 : 0]),
  ])
}

/** Unknown fields at the end are allowed: that is how `version` has grown. */
export function decodeVersion(payload: Buffer): Decoded<Version> {
  const reader = new Reader(payload)
  const protocol = reader.i32()
  const services = reader.u64()
  const time = reader.i64()
  const receiver = reader.bytes(NET_ADDRESS_BYTES)
  const sender = reader.bytes(NET_ADDRESS_BYTES)
  const nonce = reader.u64()
  const userAgent = reader.bytes(reader.count(USER_AGENT_BYTES_MAX, 1)).toString('latin1')
  const startHeight = reader.i32()
  const relay = reader.remaining === 0 || reader.u8() !== 0
  return reader.finish({ protocol, services, time, receiver, sender, nonce, userAgent, startHeight, relay }, 'allow')
}

export function encodeNonce(nonce: bigint): Buffer {
  return u64(nonce)
}

export function decodeNonce(payload: Buffer): Decoded<bigint> {
  const reader = new Reader(payload)
  return reader.finish(reader.u64())
}
