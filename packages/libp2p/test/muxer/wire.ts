/**
 * Muxer frames as bytes, with nothing checked. Yamux: https://github.com/hashicorp/yamux/blob/master/spec.md; mplex: https://github.com/libp2p/specs/tree/master/mplex
 */

export const DATA = 0
export const WINDOW_UPDATE = 1
export const PING = 2
export const GO_AWAY = 3
export const SYN = 1
export const ACK = 2
export const FIN = 4
export const RST = 8

export function yamuxFrame(type: number, flags: number, id: number, length: number, payload?: Uint8Array): Buffer {
  const header = Buffer.alloc(12)
  header[1] = type
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(id, 4)
  header.writeUInt32BE(length, 8)
  return payload === undefined ? header : Buffer.concat([header, payload])
}

export function data(id: number, payload: Uint8Array, flags = 0): Buffer {
  return yamuxFrame(DATA, flags, id, payload.byteLength, payload)
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  while (left >= 0x80) {
    bytes.push((left % 128) + 128)
    left = Math.floor(left / 128)
  }
  bytes.push(left)
  return Buffer.from(bytes)
}

export function mplexMessage(id: number, type: number, payload: Uint8Array): Buffer {
  return Buffer.concat([varint(id * 8 + type), varint(payload.byteLength), payload])
}

/** One multistream message of at most 126 characters. */
export function multistream(text: string): Buffer {
  return Buffer.concat([varint(text.length + 1), Buffer.from(`${text}\n`)])
}

/** Header and proposal in one go. */
export function proposal(protocol: string): Buffer {
  return Buffer.concat([multistream('/multistream/1.0.0'), multistream(protocol)])
}
