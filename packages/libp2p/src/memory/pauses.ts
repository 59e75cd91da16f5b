/**
 * Pauses sockets in pulses: each pause is shorter than any ping monitor's patience, and between two the socket is read for a moment, so that pings on either side get through.
 * Only where pausing a connection makes its sender wait; elsewhere it would only move the bytes to another buffer.
 */

import type { MessageStream } from '@libp2p/interface'
import type { MuxerGuard } from '../muxer/guard.ts'

/** How long a socket is read between two pauses, in milliseconds. A ping and its answer need one turn of the event loop each; 100 ms is the longest turn we aim at. */
export const READ_BETWEEN_PAUSES_MS = 100

export class SocketPauses {
  readonly #paused = new Map<MuxerGuard, number>()
  readonly #readUntil = new WeakMap<MuxerGuard, number>()

  get size(): number {
    return this.#paused.size
  }

  /** Pauses a connection unless it is paused or in its moment between two pauses. */
  pause(guard: MuxerGuard, nowMs: number): void {
    if (this.#paused.has(guard) || !guard.backpressure || (this.#readUntil.get(guard) ?? 0) > nowMs) return
    const stream = readerOf(guard)
    if (stream?.readStatus !== 'readable') return
    stream.pause()
    this.#paused.set(guard, nowMs)
  }

  /** Ends the pauses that have lasted long enough; all of them when `pauseMs` is 0. */
  resumeDue(nowMs: number, pauseMs: number): void {
    for (const [guard, sinceMs] of this.#paused) {
      if (nowMs - sinceMs >= pauseMs) this.resume(guard, nowMs)
    }
  }

  resume(guard: MuxerGuard, nowMs: number): void {
    if (!this.#paused.delete(guard)) return
    this.#readUntil.set(guard, nowMs + READ_BETWEEN_PAUSES_MS)
    const stream = readerOf(guard)
    if (stream?.readStatus === 'paused') stream.resume()
  }
}

/** What the muxer reads from. Its read status is public on streams only, but every message stream of @libp2p/utils has one. */
function readerOf(guard: MuxerGuard): (MessageStream & { readonly readStatus?: string }) | undefined {
  return guard.state.encrypted ?? guard.state.raw
}
