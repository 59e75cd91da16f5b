/**
 * Reads yamux frame headers from the decrypted bytes of a connection before the muxer does any work on them: counts what each chunk asks for, and finds the frame that must not be
 * buffered (too long, or no yamux at all) at its header.
 *
 * It keeps no payload: at most eleven bytes of a header cut in two by a chunk boundary. It decides nothing about streams; the muxer stays the one that knows them.
 * Source: https://github.com/hashicorp/yamux/blob/master/spec.md
 */

import type { FrameCounts, FrameFault, FrameScanner } from './frames.ts'

/** Bytes of a yamux header. */
export const YAMUX_HEADER_BYTES = 12

const DATA = 0
const WINDOW_UPDATE = 1
const PING = 2
const GO_AWAY = 3
const SYN = 1
const RST = 8

export class YamuxFrames implements FrameScanner {
  readonly counts: FrameCounts = { pings: 0, resets: 0, updates: 0, control: 0, silentOpens: 0, silentRun: 0 }
  readonly #split = new Uint8Array(YAMUX_HEADER_BYTES)
  #splitBytes = 0
  #bodyBytes = 0

  scan(chunk: Uint8Array, frameBytesMax: number): FrameFault | undefined {
    let offset = 0
    while (offset < chunk.byteLength) {
      if (this.#bodyBytes > 0) {
        const taken = Math.min(this.#bodyBytes, chunk.byteLength - offset)
        this.#bodyBytes -= taken
        offset += taken
        continue
      }
      if (this.#splitBytes === 0 && chunk.byteLength - offset >= YAMUX_HEADER_BYTES) {
        const fault = this.#header(chunk, offset, frameBytesMax)
        if (fault !== undefined) return fault
        offset += YAMUX_HEADER_BYTES
        continue
      }
      const taken = Math.min(YAMUX_HEADER_BYTES - this.#splitBytes, chunk.byteLength - offset)
      this.#split.set(chunk.subarray(offset, offset + taken), this.#splitBytes)
      this.#splitBytes += taken
      offset += taken
      if (this.#splitBytes === YAMUX_HEADER_BYTES) {
        this.#splitBytes = 0
        const fault = this.#header(this.#split, 0, frameBytesMax)
        if (fault !== undefined) return fault
      }
    }
    return undefined
  }

  #header(bytes: Uint8Array, at: number, frameBytesMax: number): FrameFault | undefined {
    const type = bytes[at + 1]!
    if (bytes[at] !== 0 || type > GO_AWAY) return { reason: 'malformed-frame', message: `yamux version ${bytes[at]} type ${type}` }
    const flags = bytes[at + 3]!
    const length = bytes[at + 8]! * 2 ** 24 + ((bytes[at + 9]! << 16) | (bytes[at + 10]! << 8) | bytes[at + 11]!)
    const { counts } = this
    if (type === WINDOW_UPDATE && flags === SYN && length === 0) {
      counts.silentRun++
      if (counts.silentRun > counts.silentOpens) counts.silentOpens = counts.silentRun
    } else counts.silentRun = 0
    if (type === DATA) {
      if (length > frameBytesMax)
        return { reason: 'frame-length', message: `yamux DATA frame of ${length} bytes, at most ${frameBytesMax}` }
      this.#bodyBytes = length
      if ((flags & RST) !== 0) counts.resets++
      else if (length === 0 && (flags & SYN) === 0) counts.updates++
    } else if (type === WINDOW_UPDATE) {
      if ((flags & RST) !== 0) counts.resets++
      else counts.updates++
    } else if (type === PING) {
      counts.pings++
    } else {
      counts.control++
    }
    return undefined
  }
}
