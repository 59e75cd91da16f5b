/**
 * Reads mplex message headers (two varints: id and type, length) before the muxer does: the js-libp2p decoder takes an unknown type or an endless varint for "not enough data yet" and
 * buffers up to 4 MB behind it, so faults are found here. Keeps no payload, only the varint in progress.
 * Source: https://github.com/libp2p/specs/tree/master/mplex
 */

import type { FrameCounts, FrameFault, FrameScanner } from './frames.ts'

const NEW_STREAM = 0
const TYPE_MAX = 6
const RESET_RECEIVER = 5
/** Bytes of the longest header varint the specification allows: 9 bytes of 7 bits, 63 bits; js-libp2p reads at most 8. */
const VARINT_BYTES_MAX = 8

export class MplexFrames implements FrameScanner {
  readonly counts: FrameCounts = { pings: 0, resets: 0, updates: 0, control: 0, silentOpens: 0, silentRun: 0 }
  #bodyBytes = 0
  #type = -1
  #value = 0
  #varintBytes = 0

  scan(chunk: Uint8Array, frameBytesMax: number): FrameFault | undefined {
    let offset = 0
    while (offset < chunk.byteLength) {
      if (this.#bodyBytes > 0) {
        const taken = Math.min(this.#bodyBytes, chunk.byteLength - offset)
        this.#bodyBytes -= taken
        offset += taken
        continue
      }
      const byte = chunk[offset++]!
      if (this.#varintBytes === VARINT_BYTES_MAX)
        return { reason: 'malformed-frame', message: `mplex varint of more than ${VARINT_BYTES_MAX} bytes` }
      this.#value += (byte & 0x7f) * 2 ** (7 * this.#varintBytes)
      this.#varintBytes++
      if (byte >= 0x80) continue
      const value = this.#value
      this.#value = 0
      this.#varintBytes = 0
      const fault = this.#type < 0 ? this.#onHead(value) : this.#onLength(value, frameBytesMax)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #onHead(head: number): FrameFault | undefined {
    const type = head % 8
    if (type > TYPE_MAX) return { reason: 'malformed-frame', message: `mplex type ${type}` }
    this.#type = type
    return undefined
  }

  #onLength(length: number, frameBytesMax: number): FrameFault | undefined {
    if (length > frameBytesMax) return { reason: 'frame-length', message: `mplex message of ${length} bytes, at most ${frameBytesMax}` }
    const { counts } = this
    if (this.#type >= RESET_RECEIVER) counts.resets++
    else if (this.#type !== NEW_STREAM && length === 0) counts.updates++
    this.#type = -1
    this.#bodyBytes = length
    return undefined
  }
}
