/**
 * Puts a guard on a js-libp2p stream by own properties over its prototype's methods: one set of shared functions for all streams, no closure and no proxy per stream, so that a short
 * request/response stream pays about two microseconds. The guard is found through a symbol on the stream.
 *
 * `protocol` and `remoteWriteStatus` become accessors: the first is assigned by js-libp2p's connection when multistream has agreed, in both directions, and nothing else tells; the
 * second is what @libp2p/utils' byte stream looks at on every read, and nothing else tells that it reads.
 */

import type { Stream } from '@libp2p/interface'
import type { Stream as GovernorStream } from '@sluice/core'
import { repairOnDrain } from '../fixes/on-drain.ts'
import { StreamGuard, UNREAD_HIGH_BYTES, UNREAD_LOW_BYTES } from './guard.ts'
import { StreamIterator } from './iterator.ts'
import type { StreamOwner } from './owner.ts'
import type { ByteList, Chunk, RuntimeStream, RuntimeYamuxStream } from './shape.ts'
import { YAMUX_STATE } from './shape.ts'

/** Name of the listener by which @libp2p/utils' byteStream (and so lpStream and pbStream) takes a stream's data. Where a bundler renames it, its buffer is bounded by its own 4 MB only. */
const BYTE_STREAM_LISTENER = 'byteStreamOnMessageListener'

const GUARD = Symbol('sluice.stream')
const PROTOCOL = Symbol('sluice.protocol')
const REMOTE_WRITE = Symbol('sluice.remoteWriteStatus')
const DISPATCHING = Symbol('sluice.dispatching')

/** A stream's methods as they were: its prototype's, the same for all streams of a muxer. */
interface BaseMethods {
  readonly send: (data: Chunk) => boolean
  readonly onData: ((data: Chunk) => void) | undefined
  readonly dispatchReadBuffer: (() => void) | undefined
  readonly addEventListener: (...args: unknown[]) => void
  readonly removeEventListener: (...args: unknown[]) => void
  readonly sendWindowUpdate: (() => void) | undefined
  readonly sendPause: (() => void) | undefined
  readonly sendResume: (() => void) | undefined
}

interface GuardedStream extends RuntimeYamuxStream {
  [GUARD]: StreamGuard
  [PROTOCOL]: string
  [REMOTE_WRITE]: Stream['remoteWriteStatus']
  [DISPATCHING]: boolean
}

const bases = new WeakMap<object, BaseMethods>()

function basesOf(stream: RuntimeStream): BaseMethods {
  const prototype: object = Object.getPrototypeOf(stream)
  let base = bases.get(prototype)
  if (base === undefined) {
    base = prototype as BaseMethods
    const { send, onData, dispatchReadBuffer, addEventListener, removeEventListener, sendWindowUpdate, sendPause, sendResume } = base
    base = { send, onData, dispatchReadBuffer, addEventListener, removeEventListener, sendWindowUpdate, sendPause, sendResume }
    bases.set(prototype, base)
  }
  return base
}

function baseOf(stream: object): BaseMethods {
  return bases.get(Object.getPrototypeOf(stream))!
}

export function guardOf(stream: object): StreamGuard | undefined {
  return (stream as Partial<GuardedStream>)[GUARD]
}

/** @param handle the stream's account; released when the stream and the handlers on it are done */
export function guardStream(target: Stream, owner: StreamOwner, handle: GovernorStream): StreamGuard {
  const stream = target as GuardedStream
  const base = basesOf(stream)
  const guard = new StreamGuard(stream, owner, handle)
  const { protocol, remoteWriteStatus } = stream
  stream[GUARD] = guard
  stream[PROTOCOL] = protocol
  stream[REMOTE_WRITE] = remoteWriteStatus
  stream[DISPATCHING] = false
  stream.send = send
  stream.addEventListener = addEventListener
  stream.removeEventListener = removeEventListener
  if (base.onData !== undefined) stream.onData = onData
  if (base.dispatchReadBuffer !== undefined) stream.dispatchReadBuffer = dispatchReadBuffer
  repairOnDrain(stream)
  if (owner.shaping) {
    stream[Symbol.asyncIterator] = iterate
    const { streamReadBytesMax } = owner.context.policy().transports
    stream.maxReadBufferLength = streamReadBytesMax
    if (base.sendWindowUpdate !== undefined && base.sendPause !== undefined && base.sendResume !== undefined) {
      stream.sendWindowUpdate = sendWindowUpdate
      stream.sendPause = sendPause
      stream.sendResume = sendResume
      stream.maxReadBufferLength += UNREAD_HIGH_BYTES
      guard.grant = () => {
        if (stream.status === 'open') base.sendWindowUpdate!.call(stream)
      }
    }
  }
  Object.defineProperties(stream, ACCESSORS)
  base.addEventListener.call(stream, 'close', onClose)
  if (protocol !== '') guard.onProtocol(protocol)
  return guard
}

const ACCESSORS: PropertyDescriptorMap & ThisType<GuardedStream> = {
  protocol: {
    configurable: true,
    enumerable: true,
    get() {
      return this[PROTOCOL]
    },
    set(protocol: string) {
      this[PROTOCOL] = protocol
      if (protocol !== '') this[GUARD].onProtocol(protocol)
    },
  },
  remoteWriteStatus: {
    configurable: true,
    enumerable: true,
    get() {
      if (this[GUARD].handedBytes !== 0 && !this[DISPATCHING]) this[GUARD].onByteStreamRead()
      return this[REMOTE_WRITE]
    },
    set(status: Stream['remoteWriteStatus']) {
      this[REMOTE_WRITE] = status
    },
  },
}

function onClose(this: unknown, event: Event): void {
  const guard = event.target === null ? undefined : guardOf(event.target)
  guard?.onEnd()
}

function send(this: GuardedStream, data: Chunk): boolean {
  const guard = this[GUARD]
  if (guard.negotiating) guard.onNegotiationReply()
  if (guard.owner.shaping) {
    const unsent = this.writeBufferLength
    // Judged before this message: one message of any size may wait, a second one behind a full buffer may not.
    if (unsent > 0 && unsent > guard.owner.context.policy().transports.streamWriteBytesMax) {
      guard.cut('write-buffer', `${unsent} bytes unsent and more written; the remote does not read`)
      return false
    }
  }
  const more = baseOf(this).send.call(this, data)
  if (this.writeBufferLength > 0) guard.onUnsent()
  return more
}

function onData(this: GuardedStream, data: Chunk): void {
  const guard = this[GUARD]
  if (guard.negotiating) guard.onNegotiationBytes(data.byteLength)
  guard.unreadBeforeBytes = guard.unreadBytes
  baseOf(this).onData!.call(this, data)
  if (guard.ended) return
  if (this.readBuffer !== undefined) compact(this.readBuffer)
  guard.onReceived(data.byteLength)
}

/** Hands what is buffered to the listeners; also called when a reader resumes or begins to listen. */
function dispatchReadBuffer(this: GuardedStream): void {
  const guard = this[GUARD]
  const before = this.readBufferLength
  this[DISPATCHING] = true
  try {
    baseOf(this).dispatchReadBuffer!.call(this)
  } finally {
    this[DISPATCHING] = false
  }
  if (guard.ended) return
  if (guard.byteStreamListener !== undefined) guard.onHanded(before - this.readBufferLength)
  else if (guard.withheld !== 0) guard.onRead()
}

/** Pieces of an unread buffer that are joined into one copy: each small view costs more than its bytes and keeps alive all it was received with. */
const PIECES_MAX = 64
/** Average size of a piece below which joining is worth its copy. */
const PIECE_BYTES_MIN = 1024

interface Pieces {
  readonly bufs?: readonly Uint8Array[]
}

function compact(buffer: ByteList): void {
  const pieces = (buffer as unknown as Pieces).bufs?.length
  if (pieces === undefined || pieces < PIECES_MAX + buffer.byteLength / PIECE_BYTES_MIN) return
  const joined = buffer.slice()
  buffer.consume(buffer.byteLength)
  buffer.append(joined)
}

function iterate(this: GuardedStream): StreamIterator {
  return new StreamIterator(this[GUARD])
}

function nameOf(listener: unknown): string {
  return typeof listener === 'function' ? listener.name : ''
}

function addEventListener(this: GuardedStream, ...args: unknown[]): void {
  if (args[0] === 'message' && nameOf(args[1]) === BYTE_STREAM_LISTENER) this[GUARD].byteStreamListener = args[1]
  baseOf(this).addEventListener.apply(this, args)
}

function removeEventListener(this: GuardedStream, ...args: unknown[]): void {
  const guard = this[GUARD]
  if (args[0] === 'message' && args[1] !== undefined && args[1] === guard.byteStreamListener) {
    guard.byteStreamListener = undefined
    guard.onByteStreamRead()
  }
  baseOf(this).removeEventListener.apply(this, args)
}

function sendWindowUpdate(this: GuardedStream): void {
  const guard = this[GUARD]
  // What opens or accepts the stream rides on a window update and must not be held back.
  if (guard.withheld !== 0 && this.state !== YAMUX_STATE.init && this.state !== YAMUX_STATE.synReceived) {
    guard.windowOwed = true
    return
  }
  // Half a window is left: the sender is not waiting. Upstream credits every frame by a frame of its own, which costs us a message and the sender small pieces when its window is short.
  // `npm run bench -- overhead`, bulk throughput, is why; go-yamux does the same.
  if (this.state === YAMUX_STATE.established && this.recvWindowCapacity * 2 > this.recvWindow) return
  // The window doubles when it was used up within four round trips, read or not: an epoch that began long ago keeps it as it is.
  if (guard.unreadBeforeBytes > UNREAD_LOW_BYTES) this.epochStart = 0
  baseOf(this).sendWindowUpdate!.call(this)
}

/** Upstream, a pause before the stream was accepted overwrites the state that would have sent the SYN or ACK; here that goes out first. */
function sendPause(this: GuardedStream): void {
  const base = baseOf(this)
  if (this.state === YAMUX_STATE.init || this.state === YAMUX_STATE.synReceived) base.sendWindowUpdate!.call(this)
  base.sendPause!.call(this)
}

/** Upstream, resuming marks the stream as established whatever it was, and grants a window to a stream that is over. */
function sendResume(this: GuardedStream): void {
  if (this.status === 'open' && this.state === YAMUX_STATE.paused) baseOf(this).sendResume!.call(this)
}
