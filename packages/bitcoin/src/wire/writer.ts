/** Little-endian fields to bytes: the pieces every encoder is made of. */

export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value, 0)
  return bytes
}

export function i32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32LE(value, 0)
  return bytes
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64LE(value, 0)
  return bytes
}

export function i64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64LE(value, 0)
  return bytes
}

export function u16be(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16BE(value, 0)
  return bytes
}

/** The shortest spelling of a count, 1, 3, 5 or 9 bytes. Source: Bitcoin Core `src/serialize.h`, WriteCompactSize. @throws RangeError below 0 or from 2^64 */
export function compactSize(value: number | bigint): Buffer {
  if (value < 0xfd) return Buffer.from([Number(value)].map(asByte))
  if (value <= 0xffff) return Buffer.from([0xfd, Number(value) & 0xff, Number(value) >> 8])
  if (value <= 0xffffffff) return Buffer.concat([Buffer.from([0xfe]), u32(Number(value))])
  return Buffer.concat([Buffer.from([0xff]), u64(BigInt(value))])
}

function asByte(value: number): number {
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`A compact size is a whole number from 0, not ${value}.`)
  return value
}

export function varBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([compactSize(bytes.length), bytes])
}
