/**
 * Streams a remote has opened and said nothing on yet. js-libp2p makes a stream object at the SYN, some twenty kilobytes with its listeners and the negotiation waiting on it; here an id
 * and its account wait until the first frame that says something, so that opening streams costs the node little more than it costs the remote. On the wire nothing differs: the
 * acceptance is sent at the first data either way.
 *
 * As with js-libp2p's negotiation, a stream that stays silent is reset after `SILENT_MS`.
 */

import type { Stream as GovernorStream } from '@sluice/core'

/** js-libp2p's `inboundStreamProtocolNegotiationTimeout`, in milliseconds. */
export const SILENT_MS = 10_000
const SWEEP_MS = 1_000

interface Silent {
  readonly handle: GovernorStream
  readonly sinceMs: number
}

/** Of one connection; bounded by what its `admit` admits. */
export class SilentStreams {
  readonly #streams = new Map<number, Silent>()
  readonly #now: () => number
  readonly #expire: (id: number) => void
  #timer: NodeJS.Timeout | undefined

  /** @param now milliseconds @param expire called with the id of a stream that was silent for too long; it is forgotten and released already */
  constructor(now: () => number, expire: (id: number) => void) {
    this.#now = now
    this.#expire = expire
  }

  get size(): number {
    return this.#streams.size
  }

  has(id: number): boolean {
    return this.#streams.has(id)
  }

  add(id: number, handle: GovernorStream): void {
    this.#streams.set(id, { handle, sinceMs: this.#now() })
    this.#schedule()
  }

  /** Forgets the stream and hands over its account. */
  take(id: number): GovernorStream | undefined {
    const silent = this.#streams.get(id)
    if (silent !== undefined) this.#streams.delete(id)
    return silent?.handle
  }

  /** Forgets all; their accounts go with the connection's. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { handle } of this.#streams.values()) handle.release()
    this.#streams.clear()
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  #sweep(): void {
    this.#timer = undefined
    const nowMs = this.#now()
    for (const [id, { handle, sinceMs }] of this.#streams) {
      // In order of arrival: the rest is younger.
      if (nowMs - sinceMs < SILENT_MS) break
      this.#streams.delete(id)
      handle.release()
      this.#expire(id)
    }
    if (this.#streams.size > 0) this.#schedule()
  }
}
