/**
 * A cursor over one payload. The first fault sticks: later reads return zeros and empty buffers, so a codec reads field after field and asks once, in `finish`.
 * Loops over announced counts are safe because `count` bounds them by the message's maximum and by the bytes that are really there.
 */

import type { Decoded, Violation, ViolationRule } from './violation.ts'

const EMPTY = Buffer.alloc(0)

export class Reader {
  readonly #bytes: Buffer
  #offset = 0
  #violation: Violation | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#violation === undefined ? this.#bytes.length - this.#offset : 0
  }

  get failed(): boolean {
    return this.#violation !== undefined
  }

  fail(rule: ViolationRule, actual = 0, limit = 0): void {
    this.#violation ??= { rule, position: this.#offset, actual, limit }
  }

  /** Moves on by `length` and returns where the field began, or -1 when the payload ends first. */
  #take(length: number): number {
    if (this.#violation !== undefined) return -1
    const start = this.#offset
    if (start + length > this.#bytes.length) {
      this.fail('truncated', this.#bytes.length, start + length)
      return -1
    }
    this.#offset = start + length
    return start
  }

  u8(): number {
    const at = this.#take(1)
    return at < 0 ? 0 : this.#bytes.readUInt8(at)
  }

  /** Ports are the one big-endian field of the protocol. */
  u16be(): number {
    const at = this.#take(2)
    return at < 0 ? 0 : this.#bytes.readUInt16BE(at)
  }

  u32(): number {
    const at = this.#take(4)
    return at < 0 ? 0 : this.#bytes.readUInt32LE(at)
  }

  i32(): number {
    const at = this.#take(4)
    return at < 0 ? 0 : this.#bytes.readInt32LE(at)
  }

  u64(): bigint {
    const at = this.#take(8)
    return at < 0 ? 0n : this.#bytes.readBigUInt64LE(at)
  }

  i64(): bigint {
    const at = this.#take(8)
    return at < 0 ? 0n : this.#bytes.readBigInt64LE(at)
  }

  /** A view into the payload, not a copy. */
  bytes(length: number): Buffer {
    const at = this.#take(length)
    return at < 0 ? EMPTY : this.#bytes.subarray(at, at + length)
  }

  hash(): Buffer {
    return this.bytes(32)
  }

  /** The canonical variable-length integer, up to 2^64 - 1. */
  compactSize64(): bigint {
    const at = this.#offset
    const first = this.u8()
    if (first < 0xfd) return BigInt(first)
    const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8
    const start = this.#take(width)
    if (start < 0) return 0n
    const value =
      width === 2
        ? BigInt(this.#bytes.readUInt16LE(start))
        : width === 4
          ? BigInt(this.#bytes.readUInt32LE(start))
          : this.#bytes.readBigUInt64LE(start)
    const least = width === 2 ? 0xfdn : width === 4 ? 0x1_0000n : 0x1_0000_0000n
    if (value >= least) return value
    this.#offset = at
    this.fail('compact-size', Number(value), Number(least))
    return 0n
  }

  /** A canonical compact size of at most `maximum`; more is a `count` violation. */
  compactSize(maximum: number): number {
    const at = this.#offset
    const value = this.compactSize64()
    if (value <= BigInt(maximum)) return Number(value)
    this.#offset = at
    this.fail('count', Number(value), maximum)
    return 0
  }

  /** A compact size that announces elements of at least `bytesEach`: bounded by `maximum`, and by what the payload still holds. */
  count(maximum: number, bytesEach: number): number {
    const value = this.compactSize(maximum)
    if (this.failed) return 0
    if (value * bytesEach <= this.remaining) return value
    this.fail('truncated', this.#bytes.length, this.#offset + value * bytesEach)
    return 0
  }

  /** The decoded value, or the first fault. Bytes after the last field are one, unless `trailing` is `allow`. */
  finish<T>(value: T, trailing: 'allow' | 'refuse' = 'refuse'): Decoded<T> {
    if (trailing === 'refuse' && this.remaining > 0) this.fail('trailing', this.#bytes.length, this.#offset)
    return this.#violation === undefined ? { ok: true, value } : { ok: false, violation: this.#violation }
  }
}
