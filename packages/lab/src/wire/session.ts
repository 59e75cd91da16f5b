/**
 * A yamux session written by hand: it keeps itself alive (answers pings, declines what the other side opens) and otherwise does exactly what the attack says.
 * It never grants receive window unless told to, so that "a peer that does not read" costs it nothing.
 *
 * It is not a muxer: no limits, no state per stream beyond the send window, and ids are used up, never reused.
 */

import type { StreamMessageEvent } from '@libp2p/interface'
import type { FrameHeader } from './frames.ts'
import {
  ACK,
  DATA,
  dataFrame,
  FIN,
  frame,
  GO_AWAY,
  HEADER_BYTES,
  INITIAL_WINDOW_BYTES,
  multistreamMessage,
  PING,
  proposal,
  RST,
  readHeader,
  SYN,
  WINDOW_UPDATE,
} from './frames.ts'
import type { DialInit, EncryptedConnection } from './handshake.ts'
import { dialEncrypted } from './handshake.ts'

/** Payload of the largest DATA frame we write; with its header it fits one noise message (65,535 bytes less the tag). */
export const PAYLOAD_BYTES_MAX = 65_000
/** Longest to wait for a first stream of theirs. */
const SETTLE_MS = 1_000
const DECLINE = Buffer.concat([multistreamMessage('/multistream/1.0.0'), multistreamMessage('na')])

/** What a stream we opened has seen. */
export class SessionStream {
  readonly id: number
  sendWindowBytes = INITIAL_WINDOW_BYTES
  receivedBytes = 0
  /** The other side has finished writing or has reset the stream. */
  ended = false
  reset = false
  #waiting: (() => void) | undefined

  constructor(id: number) {
    this.id = id
  }

  /** Resolves at the next window update, data, end or close. */
  changed(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = resolve
    })
  }

  notify(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }
}

export class Session {
  readonly #connection: EncryptedConnection
  readonly #streams = new Map<number, SessionStream>()
  readonly #closed = Promise.withResolvers<void>()
  readonly #spokenTo = Promise.withResolvers<void>()
  #pending: Buffer = Buffer.alloc(0)
  /** Bytes of a DATA frame still to come, and the stream they belong to. */
  #bodyBytes = 0
  #bodyStream = 0
  #nextId = 1
  #left = false
  /** Bytes given to the connection since it opened. */
  sentBytes = 0
  /** Streams of ours the other side has reset. */
  resets = 0
  open = true

  private constructor(connection: EncryptedConnection) {
    this.#connection = connection
    connection.stream.addEventListener('close', () => this.#onClose())
    connection.stream.addEventListener('message', (event: StreamMessageEvent) => this.#onData(event.data.subarray()))
  }

  static async dial(init: DialInit): Promise<Session> {
    return new Session(await dialEncrypted(init))
  }

  /** Resolves when the connection is over, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** True when the other side ended the connection. */
  get cut(): boolean {
    return !this.open && !this.#left
  }

  /**
   * Resolves when the other side has opened a stream of its own, which a stock node does once it listens for ours: a burst before that makes its muxer close
   * (at most ten early streams). Also when the session is over, or after a second.
   */
  async settle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, SETTLE_MS)
    await Promise.race([this.#spokenTo.promise, this.closed, promise])
    clearTimeout(timer)
  }

  /** Writes bytes as they are; resolves when the connection can take more. Rejects when it is over. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.open) throw new Error('the session is over')
    this.sentBytes += bytes.byteLength
    if (this.#connection.stream.send(bytes)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stream = this.#connection.stream
    const done = (): void => resolve()
    stream.addEventListener('drain', done, { once: true })
    stream.addEventListener('close', done, { once: true })
    await promise
    stream.removeEventListener('drain', done)
    stream.removeEventListener('close', done)
    if (!this.open) throw new Error('the session is over')
  }

  /** Takes the next stream id without writing anything. */
  takeId(): number {
    const id = this.#nextId
    this.#nextId += 2
    return id
  }

  /** Takes an id and watches what comes back on it. */
  track(): SessionStream {
    const stream = new SessionStream(this.takeId())
    this.#streams.set(stream.id, stream)
    return stream
  }

  forget(stream: SessionStream): void {
    this.#streams.delete(stream.id)
  }

  /** Opens a stream and proposes a protocol in the first frame. @param windowBytes receive window granted beyond the initial one. @default 0 */
  async openStream(protocol: string, windowBytes = 0): Promise<SessionStream> {
    const stream = this.track()
    const first = proposal(protocol)
    stream.sendWindowBytes -= first.byteLength
    const frames = [dataFrame(SYN, stream.id, first)]
    if (windowBytes > 0) frames.push(frame(WINDOW_UPDATE, 0, stream.id, windowBytes))
    await this.write(Buffer.concat(frames))
    return stream
  }

  /** Sends at most one frame of payload, waiting for window. Resolves with the bytes sent; 0 when the stream or the session is over. */
  async send(stream: SessionStream, payload: Uint8Array): Promise<number> {
    while (stream.sendWindowBytes <= 0) {
      if (stream.ended || !this.open) return 0
      await stream.changed()
    }
    if (stream.ended || !this.open) return 0
    const bytes = Math.min(payload.byteLength, stream.sendWindowBytes, PAYLOAD_BYTES_MAX)
    stream.sendWindowBytes -= bytes
    await this.write(dataFrame(0, stream.id, payload.subarray(0, bytes)))
    return bytes
  }

  /** Ends the connection from our side. */
  leave(): void {
    if (!this.open) return
    this.#left = true
    this.#connection.transport.abort(new Error('left'))
  }

  #onClose(): void {
    this.open = false
    for (const stream of this.#streams.values()) stream.notify()
    this.#streams.clear()
    this.#closed.resolve()
  }

  #onData(chunk: Uint8Array): void {
    let bytes: Buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#pending.byteLength > 0) bytes = Buffer.concat([this.#pending, bytes])
    let offset = 0
    while (offset < bytes.byteLength) {
      if (this.#bodyBytes > 0) {
        const taken = Math.min(this.#bodyBytes, bytes.byteLength - offset)
        this.#bodyBytes -= taken
        offset += taken
        this.#onBody(taken)
        continue
      }
      if (bytes.byteLength - offset < HEADER_BYTES) break
      this.#onFrame(readHeader(bytes, offset))
      offset += HEADER_BYTES
    }
    this.#pending = offset === 0 ? bytes : Buffer.from(bytes.subarray(offset))
  }

  #onBody(bytes: number): void {
    const stream = this.#streams.get(this.#bodyStream)
    if (stream === undefined) return
    stream.receivedBytes += bytes
    stream.notify()
  }

  #onFrame(header: FrameHeader): void {
    if (header.type === DATA) {
      this.#bodyBytes = header.length
      this.#bodyStream = header.streamId
    }
    if (header.streamId === 0) this.#onSession(header)
    else if (header.streamId % 2 === 0) this.#onTheirs(header)
    else this.#onOurs(header)
  }

  #onSession(header: FrameHeader): void {
    if (header.type === PING && (header.flags & SYN) !== 0) this.#answer(frame(PING, ACK, 0, header.length))
    // A session that is told to go away takes no more streams, even where the connection stays: that is a cut.
    else if (header.type === GO_AWAY) this.#connection.transport.abort(new Error('told to go away'))
  }

  /** Streams the other side opens (identify, ping): accepted and declined, which is all a live peer must do. */
  #onTheirs(header: FrameHeader): void {
    if ((header.flags & SYN) === 0) return
    this.#spokenTo.resolve()
    this.#answer(Buffer.concat([frame(WINDOW_UPDATE, ACK, header.streamId, 0), dataFrame(0, header.streamId, DECLINE)]))
  }

  #onOurs(header: FrameHeader): void {
    if ((header.flags & RST) !== 0) this.resets += 1
    const stream = this.#streams.get(header.streamId)
    if (stream === undefined) return
    if (header.type === WINDOW_UPDATE) stream.sendWindowBytes += header.length
    if ((header.flags & (FIN | RST)) !== 0) {
      stream.ended = true
      stream.reset ||= (header.flags & RST) !== 0
      this.#streams.delete(header.streamId)
    }
    stream.notify()
  }

  #answer(bytes: Buffer): void {
    if (!this.open) return
    this.sentBytes += bytes.byteLength
    this.#connection.stream.send(bytes)
  }
}
