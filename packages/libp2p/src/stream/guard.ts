/**
 * The account of one stream: its governor handle from the first frame, what it holds in every buffer we can see, and when its sender must wait.
 *
 * Bytes are counted once each: undispatched, in the iterator's queue, handed to a byte stream that has not read since, unsent. They are charged in steps of `SETTLE_BYTES`, so that a
 * stream whose bytes are read as they come is never charged at all and costs a few comparisons a chunk.
 *
 * What a plain event listener does with the data it was given cannot be seen, and is not counted.
 */

import type { Denial, Stream as GovernorStream } from '@sluice/core'
import type { CutReason } from '../refused.ts'
import type { StreamOwner } from './owner.ts'
import { PING_SERVICE, serviceOf } from './services.ts'
import type { RuntimeStream } from './shape.ts'

/** A charge moves when what is held moved by this much. The error per stream; a thousand streams are off by 16 MB at most, all of them below any watermark. */
export const SETTLE_BYTES: number = 16 * 1024
/** Unread bytes above which the sender gets no more window, and below which it does again. One initial yamux window, and a quarter of it. */
export const UNREAD_HIGH_BYTES: number = 256 * 1024
export const UNREAD_LOW_BYTES: number = 64 * 1024
/** Unsent bytes above which the stream's own sender must wait: a handler that answers what it reads is slowed by not being fed. */
export const UNSENT_HIGH_BYTES: number = 256 * 1024
export const UNSENT_LOW_BYTES: number = 64 * 1024
/** Chunks a byte stream may be handed without reading, whatever their size: each costs about 150 bytes beside its content. */
export const UNREAD_CHUNKS_MAX: number = 8192

/** A stream that the remote resets within this time of opening it, in milliseconds, was opened to be reset: dearer by so many resets than one that was given up later. */
const RAPID_MS = 1_000
const RAPID_RESETS = 4
/** Bytes of a ping. Source: libp2p ping specification. */
const PING_BYTES = 32

/** Why windows are withheld; a stream may have several reasons at once. */
export const WITHHELD = { unread: 1, unsent: 2, budget: 4 } as const

export class StreamGuard {
  readonly stream: RuntimeStream
  readonly owner: StreamOwner
  readonly handle: GovernorStream
  /** Until its protocol is agreed. */
  negotiating = true
  ended = false
  /** Bytes in the iterator's queue. */
  queuedBytes = 0
  /** The listener of the byte stream that reads this stream, if one does. */
  byteStreamListener: unknown
  /** Handed to the byte stream since its last read. */
  handedBytes = 0
  #handedChunks = 0
  /** What was unread when the last data arrived. */
  unreadBeforeBytes = 0
  /** Bits of `WITHHELD`. */
  withheld = 0
  /** A window update was skipped while withheld. */
  windowOwed = false
  /** Bytes the governor knows of, and how many of them are unread. */
  chargedBytes = 0
  chargedUnreadBytes = 0
  /** When unread bytes were last read, or first charged; by the engine's clock. */
  readMs = 0
  /** The ping protocol is spoken here. */
  #ping = false
  #messages = 0
  #negotiationBytes = 0
  #handlers = 0
  /** Grants what is owed; set where windows are ours to grant. */
  grant: (() => void) | undefined

  constructor(stream: RuntimeStream, owner: StreamOwner, handle: GovernorStream) {
    this.stream = stream
    this.owner = owner
    this.handle = handle
    if (handle.direction === 'inbound') owner.negotiating++
  }

  get unreadBytes(): number {
    return this.stream.readBufferLength + this.queuedBytes + this.handedBytes
  }

  /** The protocol is agreed. Throws the refusal when a scope has no room for it; the caller, js-libp2p's connection, aborts the stream with it. */
  onProtocol(protocol: string): void {
    this.#endNegotiation()
    if (this.ended || this.handle.protocol !== undefined) return
    const decision = this.handle.setProtocol(protocol)
    if (!decision.allow) throw this.#refuse(decision.denial)
    const service = serviceOf(protocol)
    this.#ping = service === PING_SERVICE
    if (service === undefined) return
    const inService = this.handle.setService(service)
    if (!inService.allow) throw this.#refuse(inService.denial)
  }

  #refuse(denial: Denial): Error {
    const error = this.owner.context.refuse(denial)
    this.stream.abort(error)
    if (this.handle.direction === 'inbound') this.owner.onRefused(denial)
    return error
  }

  #endNegotiation(): void {
    if (!this.negotiating) return
    this.negotiating = false
    if (this.handle.direction === 'inbound') this.owner.negotiating--
  }

  /** An answer to a multistream message is about to be sent. Throws when there were too many: nothing else ends js-libp2p's loop of answers. */
  onNegotiationReply(): void {
    if (this.handle.direction !== 'inbound') return
    const { context, state } = this.owner
    const max = context.policy().transports.negotiationMessagesMax
    const decision = state.handle.spend('multistream')
    if (!decision.allow) {
      const refused = context.refuse(decision.denial, state)
      state.abort(refused)
      throw refused
    }
    this.#messages++
    if (this.#messages <= max) return
    const error = this.cut(
      'negotiation-messages',
      `${this.#messages} multistream messages without agreeing on a protocol; at most ${max} are answered`,
    )
    if (error !== undefined) throw error
  }

  /** What arrives before the protocol is agreed is multistream, or data sent optimistically behind it: told apart by whether multistream gets through it at once. */
  onNegotiationBytes(bytes: number): void {
    const max = this.owner.context.policy().transports.negotiationBytesMax
    const before = this.#negotiationBytes
    this.#negotiationBytes += bytes
    if (before > max || this.#negotiationBytes <= max) return
    setImmediate(() => {
      if (!this.negotiating || this.ended || this.stream.writableNeedsDrain) return
      this.cut('negotiation-bytes', `${this.#negotiationBytes} bytes without agreeing on a protocol; at most ${max} are accepted`)
    })
  }

  /** Data was handed to a byte stream, which may or may not be read. */
  onHanded(bytes: number): void {
    if (bytes <= 0) return
    this.handedBytes += bytes
    this.#handedChunks++
  }

  /**
   * Data has arrived and been offered to whoever listens.
   * @param bytes of it
   */
  onReceived(bytes: number): void {
    const unread = this.unreadBytes
    if (unread === 0) return
    // Nobody who measures sends a ping before the last one was read; who does is paid for at once, the others when they are read.
    if (this.#ping && this.unreadBeforeBytes > 0) this.owner.onPipelinedPings(Math.ceil(bytes / PING_BYTES))
    if (this.ended) return
    if (this.owner.shaping) {
      if (unread > UNREAD_HIGH_BYTES) this.withhold(WITHHELD.unread)
      // Where windows are ours, what is unread when they are withheld and one window more may come.
      const max = this.owner.context.policy().transports.streamReadBytesMax + (this.grant === undefined ? 0 : UNREAD_HIGH_BYTES)
      if (unread > max) {
        this.cut('read-buffer', `${unread} bytes unread; at most ${max} are kept`)
        return
      }
      if (this.#handedChunks > UNREAD_CHUNKS_MAX) {
        this.cut('read-buffer', `${this.#handedChunks} chunks unread; at most ${UNREAD_CHUNKS_MAX} are kept`)
        return
      }
    }
    this.settle()
  }

  /** Whoever reads has read. */
  onRead(): void {
    if ((this.withheld & WITHHELD.unread) !== 0 && this.unreadBytes <= UNREAD_LOW_BYTES) this.release(WITHHELD.unread)
  }

  /** The byte stream has looked whether there is more: what it was handed before counts as read. */
  onByteStreamRead(): void {
    this.handedBytes = 0
    this.#handedChunks = 0
    this.onRead()
  }

  /** Something was left unsent after a send or a drain. */
  onUnsent(): void {
    const unsent = this.stream.writeBufferLength
    if (this.owner.shaping) {
      if (unsent > UNSENT_HIGH_BYTES && (this.withheld & WITHHELD.unsent) === 0) {
        this.withhold(WITHHELD.unsent)
        this.stream.addEventListener('drain', this.#onDrain)
      } else if (unsent <= UNSENT_LOW_BYTES && (this.withheld & WITHHELD.unsent) !== 0) {
        this.stream.removeEventListener('drain', this.#onDrain)
        this.release(WITHHELD.unsent)
      }
    }
    this.settle()
  }

  /** The stream itself sends what it can one microtask after the event. */
  readonly #onDrain = (): void => {
    queueMicrotask(() => {
      if (!this.ended) this.onUnsent()
    })
  }

  withhold(reason: number): void {
    this.withheld |= reason
  }

  release(reason: number): void {
    if ((this.withheld & reason) === 0) return
    this.withheld &= ~reason
    if (this.withheld !== 0 || !this.windowOwed) return
    this.windowOwed = false
    this.grant?.()
  }

  /** Brings the governor's account up to date when more is held than it knows by enough. What is held no more is given back by the sweep: a stream that fills and empties pays once. */
  settle(): void {
    if (this.ended) return
    const held = this.unreadBytes + this.stream.writeBufferLength
    if (held - this.chargedBytes >= SETTLE_BYTES) this.#charge(held)
  }

  /** Brings the account up to date in both directions. */
  sweep(): void {
    if (this.ended) return
    const held = this.unreadBytes + this.stream.writeBufferLength
    if (held === 0 || Math.abs(held - this.chargedBytes) >= SETTLE_BYTES || held < SETTLE_BYTES) this.#charge(held)
  }

  #charge(held: number): void {
    const moved = held - this.chargedBytes
    if (moved === 0) return
    this.chargedBytes = held
    this.owner.heldBytes += moved
    const unread = Math.min(held, this.unreadBytes)
    if (unread < this.chargedUnreadBytes || this.chargedUnreadBytes === 0) this.readMs = this.owner.context.governor.now()
    const unreadMoved = unread - this.chargedUnreadBytes
    this.chargedUnreadBytes = unread
    this.owner.unreadBytes += unreadMoved
    let fits = true
    if (moved > 0) fits = this.handle.memory.force(moved)
    else this.handle.memory.free(-moved)
    this.owner.onCharged(this, fits, moved, unreadMoved)
  }

  /** Resets the stream for what the remote did. @returns the error it was reset with, undefined in `observe` */
  cut(reason: CutReason, message: string): Error | undefined {
    const error = this.owner.context.cutStream(this.owner.state, reason, message)
    if (error === undefined) return undefined
    this.stream.abort(error)
    this.owner.onOffence(1)
    return error
  }

  /** A handler has begun on this stream. @returns what to call when it has settled; idempotent */
  onHandler(): () => void {
    this.#handlers++
    let running = true
    return () => {
      if (!running) return
      running = false
      this.#handlers--
      if (!this.ended || this.#handlers > 0) return
      this.owner.orphans--
      this.#charge(0)
      this.handle.release()
    }
  }

  /** The stream is closed, by whoever. The handle stays charged while a handler runs: what it holds is not free because its stream is. */
  onEnd(): void {
    if (this.ended) return
    this.#endNegotiation()
    this.withheld = 0
    this.windowOwed = false
    this.ended = true
    if (this.#handlers > 0) {
      this.owner.orphans++
      this.#charge(this.queuedBytes)
    } else {
      this.#charge(0)
      this.handle.release()
    }
    this.owner.onStreamEnd(this)
    if (this.stream.status === 'reset' && this.handle.direction === 'inbound' && this.#livedMs() < RAPID_MS)
      this.owner.onOffence(RAPID_RESETS)
  }

  #livedMs(): number {
    const { open, close } = this.stream.timeline
    return (close ?? Date.now()) - open
  }
}
