/**
 * One regtest block of any size with nothing but its coinbase: the cheapest valid bulk there is. The output is worth nothing and its script is `OP_RETURN` and a push of
 * filler, which no consensus rule bounds in length (10 kB holds only for scripts that are executed) and which never enters the UTXO set. Without witnesses a block weighs four
 * times its size, so 1,000,000 bytes is the most.
 *
 * Rules kept: BIP 34 height push, scriptSig of 2 to 100 bytes, BIP 66 and 65 versions (0x20000000), merkle root = txid, regtest's easiest target.
 */

import { BLOCK_HEADER_BYTES, compactSize, hash256, u32 } from '@sluice/bitcoin'

/** Largest block without witnesses: weight 4,000,000 (BIP 141) at four per byte. */
export const BLOCK_BYTES_MAX = 1_000_000
/** Room for the header, the coinbase's fixed fields and a salt. */
export const BLOCK_BYTES_MIN = 512
/** The easiest target; regtest never moves it. */
const BITS = 0x207fffff
const VERSION = 0x20000000
const FILLER = 0x5a
const OP_RETURN = 0x6a
const OP_PUSHDATA4 = 0x4e
const SCRIPT_SIG_BYTES_MAX = 100

export interface BlockInit {
  /** 1 or more. */
  readonly height: number
  /** 32 bytes, wire order. */
  readonly previous: Buffer
  /** Seconds since 1970. */
  readonly time: number
  /** Size of the block, 512 to 1,000,000 bytes. */
  readonly bytes: number
  /** Tells blocks of one height apart; at most 80 bytes of ASCII. */
  readonly salt: string
}

export interface MadeBlock {
  readonly height: number
  readonly hash: Buffer
  readonly bytes: Buffer
}

/** BIP 34's height as a script push: OP_1 to OP_16, then minimal little-endian with a sign byte. */
export function heightPush(height: number): Buffer {
  if (height <= 16) return Buffer.from([0x50 + height])
  const digits: number[] = []
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) digits.push(rest % 256)
  if (digits.at(-1)! >= 0x80) digits.push(0)
  return Buffer.from([digits.length, ...digits])
}

/** The coinbase up to its output script: version, one input, one output of value 0. */
function coinbaseHead(height: number, salt: string): Buffer {
  const tag = Buffer.from(`sluice ${salt}`, 'ascii')
  const scriptSig = Buffer.concat([heightPush(height), Buffer.from([tag.length]), tag])
  if (scriptSig.length > SCRIPT_SIG_BYTES_MAX)
    throw new RangeError(`The salt '${salt}' makes the scriptSig ${scriptSig.length} bytes; ${SCRIPT_SIG_BYTES_MAX} is the most.`)
  return Buffer.concat([
    u32(1),
    Buffer.from([1]),
    Buffer.alloc(32),
    u32(0xffffffff),
    compactSize(scriptSig.length),
    scriptSig,
    u32(0xffffffff),
    Buffer.from([1]),
    Buffer.alloc(8),
  ])
}

/** Makes and mines one block: the same bytes for the same arguments, about two tries at regtest's target. @throws RangeError for a size or salt out of range */
export function makeBlock({ height, previous, time, bytes: size, salt }: BlockInit): MadeBlock {
  if (size < BLOCK_BYTES_MIN || size > BLOCK_BYTES_MAX)
    throw new RangeError(`A block of ${size} bytes: it must be ${BLOCK_BYTES_MIN} to ${BLOCK_BYTES_MAX}.`)
  const head = coinbaseHead(height, salt)
  const fixed = BLOCK_HEADER_BYTES + 1 + head.length + 4
  // The script's own length prefix takes 3 bytes or 5: try the short one first.
  const prefixBytes = size - fixed - 3 <= 0xffff ? 3 : 5
  const scriptBytes = size - fixed - prefixBytes
  const bytes = Buffer.alloc(size, FILLER)
  bytes[BLOCK_HEADER_BYTES] = 1
  head.copy(bytes, BLOCK_HEADER_BYTES + 1)
  let at = BLOCK_HEADER_BYTES + 1 + head.length
  at += compactSize(scriptBytes).copy(bytes, at)
  if (at + scriptBytes + 4 !== size) throw new RangeError(`No block of exactly ${size} bytes exists; take a few bytes more or less.`)
  bytes[at] = OP_RETURN
  bytes[at + 1] = OP_PUSHDATA4
  bytes.writeUInt32LE(scriptBytes - 6, at + 2)
  bytes.writeUInt32LE(0, size - 4)
  bytes.writeUInt32LE(VERSION, 0)
  previous.copy(bytes, 4)
  hash256(bytes.subarray(BLOCK_HEADER_BYTES + 1)).copy(bytes, 36)
  bytes.writeUInt32LE(time, 68)
  bytes.writeUInt32LE(BITS, 72)
  return { height, hash: mine(bytes.subarray(0, BLOCK_HEADER_BYTES)), bytes }
}

/** The target is these three bytes and 29 zero bytes. */
const TARGET_TOP = 0x7fffff

/** Counts the nonce up until the hash lies below the target. */
function mine(header: Buffer): Buffer {
  for (let nonce = 0; ; nonce++) {
    header.writeUInt32LE(nonce, 76)
    const hash = hash256(header)
    // In wire order the top bytes come last: little-endian.
    if (hash.readUIntLE(29, 3) < TARGET_TOP) return hash
  }
}
