/**
 * The account of one connection's muxer: admits streams, spends the rates of what its frames ask for, counts the bytes that wait in buffers below the streams, and ends the connection
 * when a bound is passed. What is special to a muxer (frames, how a stream is refused) is in a file of its own; this is what they share.
 */

import type { Stream, StreamMuxer } from '@libp2p/interface'
import type { Denial, Stream as GovernorStream } from '@sluice/core'
import type { ConnectionState, NodeContext } from '../context.ts'
import type { MemoryBudget } from '../memory/budget.ts'
import type { CutReason } from '../refused.ts'
import { guardStream } from '../stream/attach.ts'
import type { StreamGuard } from '../stream/guard.ts'
import { SETTLE_BYTES } from '../stream/guard.ts'
import type { StreamOwner } from '../stream/owner.ts'
import { connectionBytes } from './buffers.ts'
import type { FrameScanner } from './frames.ts'
import { forEachPiece } from './pieces.ts'

/** Inbound streams refused before the connection is cut: an honest peer that runs into a limit stops opening when its streams are reset. */
export const REFUSALS_MAX = 256
/** Refusals forgiven per second. */
export const REFUSALS_FORGIVEN_PER_SECOND = 32
/** Closed streams of one connection whose handlers still run; above it no new stream is admitted. */
export const ORPHANS_MAX = 256
/** How long a connection may outlive its muxer, in milliseconds: after a GO_AWAY the other side closes its socket by itself. */
export const MUXER_CLOSED_GRACE_MS = 5_000

export class MuxerGuard implements StreamOwner {
  readonly context: NodeContext
  readonly state: ConnectionState
  readonly muxer: StreamMuxer
  readonly shaping: boolean
  readonly backpressure: boolean
  readonly streams: Set<StreamGuard> = new Set()
  negotiating = 0
  orphans = 0
  heldBytes = 0
  unreadBytes = 0
  /** Its socket is read in pulses: told of each piece that is handled. */
  onPiece: (() => void) | undefined
  /** Nothing of this connection is handled any more. */
  ended = false
  readonly #budget: MemoryBudget
  #blind = false
  #refusals = 0
  #refusedAtMs = 0
  #chargedBytes = 0
  #grace: NodeJS.Timeout | undefined

  constructor(muxer: StreamMuxer, state: ConnectionState, context: NodeContext, budget: MemoryBudget, backpressure: boolean) {
    this.muxer = muxer
    this.state = state
    this.context = context
    this.#budget = budget
    this.backpressure = backpressure
    this.shaping = context.mode() === 'enforce'
    state.onClose(() => this.#onClose())
  }

  /** Bytes waiting below the streams: muxer decoder, encrypter, socket. */
  get bufferedBytes(): number {
    return this.#chargedBytes
  }

  /** An account for a stream the remote opens, or undefined when it is refused; the caller then resets it as cheaply as it can. */
  admit(): GovernorStream | undefined {
    if (this.ended) return undefined
    const max = this.context.policy().transports.negotiatingStreamsMax
    if (
      this.negotiating >= max &&
      this.context.cutStream(this.state, 'negotiating-streams', `${this.negotiating} streams have not agreed on a protocol`)
    ) {
      this.onRefused(undefined)
      return undefined
    }
    if (this.orphans > ORPHANS_MAX && this.shaping) {
      this.onRefused(undefined)
      return undefined
    }
    const decision = this.state.handle.openStream('inbound')
    if (decision.allow) return decision.handle
    this.onRefused(decision.denial)
    return undefined
  }

  /** Throws `RefusedError`. */
  admitOutbound(): GovernorStream {
    const decision = this.state.handle.openStream('outbound')
    if (!decision.allow) throw this.context.refuse(decision.denial)
    return decision.handle
  }

  guard(stream: Stream, handle: GovernorStream): void {
    if (stream.status !== 'open') {
      handle.release()
      return
    }
    this.streams.add(guardStream(stream, this, handle))
  }

  onRefused(denial: Denial | undefined): void {
    const nowMs = this.context.governor.now()
    const forgiven = ((nowMs - this.#refusedAtMs) * REFUSALS_FORGIVEN_PER_SECOND) / 1000
    this.#refusals = Math.max(0, this.#refusals - forgiven) + 1
    this.#refusedAtMs = nowMs
    if (this.#refusals <= REFUSALS_MAX) return
    if (denial !== undefined) this.end(denial)
    else this.cut('negotiating-streams', `${REFUSALS_MAX} streams refused and it goes on opening more`)
  }

  /** Ends the connection over an engine's refusal. */
  end(denial: Denial): void {
    if (this.ended) return
    this.ended = true
    this.state.abort(this.context.refuse(denial, this.state))
  }

  cut(reason: CutReason, message: string): boolean {
    if (this.ended) return true
    const cut = this.context.cut(this.state, reason, message)
    if (cut) this.ended = true
    return cut
  }

  /** Looks at bytes before the muxer works on them. @returns false when the connection is over */
  inspect(data: Parameters<typeof forEachPiece>[0], scanner: FrameScanner, frameBytesMax: number): boolean {
    if (this.ended) return false
    if (this.#blind) return true
    const fault = forEachPiece(data, piece => scanner.scan(piece, frameBytesMax))
    if (fault !== undefined) {
      if (this.cut(fault.reason, fault.message)) return false
      // Only observed: the scanner has lost its place in the stream.
      this.#blind = true
    }
    const { counts } = scanner
    if (counts.silentOpens > 0) {
      const run = counts.silentOpens
      counts.silentOpens = 0
      counts.silentRun = 0
      if (this.#isSilentFlood(run)) return false
    }
    if (counts.pings > 0) {
      this.#spend('ping', counts.pings)
      counts.pings = 0
    }
    if (counts.resets > 0) {
      this.#spend('stream-reset', counts.resets)
      counts.resets = 0
    }
    if (counts.updates > 0) {
      this.#spend('window-update', counts.updates)
      counts.updates = 0
    }
    if (counts.control > 0) {
      this.#spend('control', counts.control)
      counts.control = 0
    }
    return !this.ended
  }

  /** More than can be admitted and refused without a cut: cut before a single one is looked at. */
  #isSilentFlood(opened: number): boolean {
    const max = this.context.policy().transports.negotiatingStreamsMax
    if (!this.shaping || opened <= max + REFUSALS_MAX) return false
    return this.cut('negotiating-streams', `${opened} streams opened in a row without a word on any, at most ${max} may be silent`)
  }

  #spend(kind: string, cost: number): void {
    if (this.ended) return
    const decision = this.state.handle.spend(kind, cost)
    if (!decision.allow) this.end(decision.denial)
  }

  /** The muxer has worked on what came in. */
  onHandled(): void {
    if (this.ended) return
    if (this.muxer.status !== 'open' && this.#grace === undefined) {
      this.#grace = setTimeout(() => this.state.abort(new Error('its muxer is closed')), MUXER_CLOSED_GRACE_MS)
      this.#grace.unref()
    }
    this.settle()
    this.onPiece?.()
  }

  /** What waits below the streams is charged to the connection; more unsent than a stream may hold means that the remote does not read at all. */
  settle(): void {
    if (this.ended) return
    const { received, unsent } = connectionBytes(this.state, this.muxer)
    const max = this.context.policy().transports.streamWriteBytesMax
    if (unsent > max && this.shaping && this.cut('write-buffer', `${unsent} bytes unsent on the connection; the remote does not read`))
      return
    const held = received + unsent
    const moved = held - this.#chargedBytes
    if (moved === 0 || (held > 0 && Math.abs(moved) < SETTLE_BYTES)) return
    this.#chargedBytes = held
    if (moved < 0) this.state.handle.memory.free(-moved)
    else if (!this.state.handle.memory.force(moved)) this.#budget.onOverfull(this, undefined)
    this.#budget.onConnectionCharged(this)
  }

  onCharged(guard: StreamGuard, fits: boolean, moved: number, unreadMoved: number): void {
    this.#budget.onCharged(guard, moved, unreadMoved)
    if (!fits && this.shaping) this.#budget.onOverfull(this, guard)
  }

  onPipelinedPings(count: number): void {
    this.#spend('ping', count)
  }

  onOffence(resets: number): void {
    this.#spend('stream-reset', resets)
  }

  onStreamEnd(guard: StreamGuard): void {
    this.streams.delete(guard)
    this.#budget.remove(guard)
  }

  #onClose(): void {
    this.ended = true
    clearTimeout(this.#grace)
    // js-libp2p ends the streams of a closed connection by itself, most of them before this; what it forgets must not stay charged.
    for (const guard of [...this.streams]) guard.onEnd()
    this.#chargedBytes = 0
    this.#budget.removeConnection(this)
  }
}
