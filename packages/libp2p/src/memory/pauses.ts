/**
 * Pauses sockets in pulses: each pause is shorter than any ping monitor's patience, and between two the socket is read for one piece, so that pings on either side get through.
 * Only where pausing a connection makes its sender wait; elsewhere it would only move the bytes to another buffer.
 */

import type { MessageStream } from '@libp2p/interface'
import type { MuxerGuard } from '../muxer/guard.ts'

export class SocketPauses {
  /** When each paused connection was paused; undefined while it may read one piece. At most the open connections. */
  readonly #held = new Map<MuxerGuard, number | undefined>()
  readonly #now: () => number

  /** @param now milliseconds, the engine's clock */
  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#held.size
  }

  has(guard: MuxerGuard): boolean {
    return this.#held.has(guard)
  }

  /** From now on until `release` the connection is read one piece per pulse. */
  hold(guard: MuxerGuard): void {
    if (this.#held.has(guard) || !guard.backpressure) return
    this.#held.set(guard, undefined)
    // Not from inside the dispatch: a stream that is just resuming would undo the pause below it.
    guard.onPiece = () => queueMicrotask(() => this.#pause(guard))
    guard.onPiece()
  }

  #pause(guard: MuxerGuard): void {
    if (!this.#held.has(guard) || this.#held.get(guard) !== undefined) return
    const stream = readerOf(guard)
    if (stream?.readStatus !== 'readable') return
    stream.pause()
    this.#held.set(guard, this.#now())
  }

  /** Lets those read one piece that have been paused for `pauseMs`. */
  pulse(pauseMs: number): void {
    for (const [guard, sinceMs] of this.#held) {
      if (sinceMs === undefined || this.#now() - sinceMs < pauseMs) continue
      this.#held.set(guard, undefined)
      resume(guard)
    }
  }

  release(guard: MuxerGuard): void {
    if (!this.#held.delete(guard)) return
    guard.onPiece = undefined
    resume(guard)
  }

  /** Releases all that `keep` does not want held. */
  releaseUnless(keep: (guard: MuxerGuard) => boolean): void {
    for (const guard of this.#held.keys()) if (!keep(guard)) this.release(guard)
  }
}

function resume(guard: MuxerGuard): void {
  const stream = readerOf(guard)
  if (stream?.status === 'open' && stream.readStatus === 'paused') stream.resume()
}

/** What the muxer reads from. Its read status is public on streams only, but every message stream of @libp2p/utils has one. */
function readerOf(guard: MuxerGuard): (MessageStream & { readonly readStatus?: string }) | undefined {
  return guard.state.encrypted ?? guard.state.raw
}
