/**
 * Yamux frames and multistream messages as bytes, with nothing checked: an attacker must be able to write what a muxer would refuse to write.
 *
 * Yamux header (12 bytes, big endian): version, type, flags (2), stream id (4), length (4).
 * Source: https://github.com/hashicorp/yamux/blob/master/spec.md
 * Multistream message: unsigned varint length, text, newline.
 * Source: https://github.com/multiformats/multistream-select
 */

export const HEADER_BYTES = 12

export const DATA = 0
export const WINDOW_UPDATE = 1
export const PING = 2
export const GO_AWAY = 3

export const SYN = 1
export const ACK = 2
export const FIN = 4
export const RST = 8

/** Receive window of a new stream before any update. Source: yamux specification. */
export const INITIAL_WINDOW_BYTES = 256 * 1024

export interface FrameHeader {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly length: number
}

/** Writes a header at an offset. @param length bytes that follow (DATA), window delta, ping value or reason */
export function writeHeader(target: Buffer, offset: number, header: FrameHeader): void {
  target[offset] = 0
  target[offset + 1] = header.type
  target.writeUInt16BE(header.flags, offset + 2)
  target.writeUInt32BE(header.streamId, offset + 4)
  target.writeUInt32BE(header.length, offset + 8)
}

export function frame(type: number, flags: number, streamId: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  writeHeader(bytes, 0, { type, flags, streamId, length })
  return bytes
}

export function dataFrame(flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.byteLength)
  writeHeader(bytes, 0, { type: DATA, flags, streamId, length: payload.byteLength })
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

export function readHeader(bytes: Buffer, offset: number): FrameHeader {
  return {
    type: bytes.readUInt8(offset + 1),
    flags: bytes.readUInt16BE(offset + 2),
    streamId: bytes.readUInt32BE(offset + 4),
    length: bytes.readUInt32BE(offset + 8),
  }
}

/** One multistream message of at most 126 characters (a one-byte length prefix; longer text throws a RangeError). */
export function multistreamMessage(text: string): Buffer {
  const body = Buffer.from(`${text}\n`)
  if (body.byteLength > 127) throw new RangeError(`multistream message of ${body.byteLength} bytes, at most 127`)
  return Buffer.concat([Buffer.from([body.byteLength]), body])
}

/** The header and a protocol in one go, without waiting for an answer. */
export function proposal(protocol: string): Buffer {
  return Buffer.concat([multistreamMessage('/multistream/1.0.0'), multistreamMessage(protocol)])
}
