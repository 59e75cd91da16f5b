/**
 * Hooks into @libp2p/yamux 8: frames are looked at before they are decoded, a stream object is made when a stream first says something and never for a refused one, and windows never
 * outgrow the read buffer behind them (upstream they do, and pausing such a stream resets it).
 */

import type { Stream, StreamMuxer } from '@libp2p/interface'
import type { Stream as GovernorStream } from '@sluice/core'
import type { Chunk } from '../stream/shape.ts'
import type { MuxerGuard } from './guard.ts'
import { guardCreateStream, guardSend } from './outbound.ts'
import { SilentStreams } from './silent-streams.ts'
import { YAMUX_HEADER_BYTES, YamuxFrames } from './yamux-frames.ts'

const WINDOW_UPDATE = 1
const SYN = 1
const RST = 8

interface FrameHeader {
  readonly type: number
  readonly flag: number
  readonly streamID: number
  readonly length: number
}

export interface RuntimeYamux extends StreamMuxer {
  onData(data: Chunk): void
  incomingStream(id: number): void
  onRemoteStream(stream: Stream): void
  handleStreamMessage(frame: { readonly header: FrameHeader }): void
  sendFrame(header: FrameHeader): boolean
  send(data: Chunk): boolean
  readonly client: boolean
  streamOptions?: { maxStreamWindowSize?: number; maxReadBufferLength?: number }
  readonly streams: (Stream & { readonly streamId: number })[]
}

/** Members this file relies on, for the self-test. */
export const YAMUX_METHODS = [
  'onData',
  'handleStreamMessage',
  'incomingStream',
  'onRemoteStream',
  'sendFrame',
  'send',
  'createStream',
] as const

export function isYamux(muxer: StreamMuxer): muxer is RuntimeYamux {
  const members = muxer as unknown as Record<string, unknown>
  return YAMUX_METHODS.every(name => typeof members[name] === 'function')
}

/** A window update with RST for each of these streams. */
function resetFrames(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * YAMUX_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, id] of ids.entries()) {
    const at = index * YAMUX_HEADER_BYTES
    bytes[at + 1] = WINDOW_UPDATE
    bytes[at + 3] = RST
    view.setUint32(at + 4, id)
  }
  return bytes
}

export function guardYamux(muxer: RuntimeYamux, guard: MuxerGuard): void {
  const frames = new YamuxFrames()
  const onData = muxer.onData.bind(muxer)
  const handleStreamMessage = muxer.handleStreamMessage.bind(muxer)
  const incomingStream = muxer.incomingStream.bind(muxer)
  const onRemoteStream = muxer.onRemoteStream.bind(muxer)
  let admitted: GovernorStream | undefined

  if (guard.shaping) {
    const { yamuxWindowBytesMax, streamReadBytesMax } = guard.context.policy().transports
    const window = Math.min(yamuxWindowBytesMax, streamReadBytesMax)
    const options = muxer.streamOptions ?? {}
    muxer.streamOptions = {
      ...options,
      maxStreamWindowSize: Math.min(options.maxStreamWindowSize ?? window, window),
      maxReadBufferLength: streamReadBytesMax,
    }
  }

  muxer.onData = data => {
    if (!guard.inspect(data, frames, guard.context.policy().transports.yamuxFrameBytesMax)) return
    onData(data)
    sendResets()
    guard.onHandled()
  }

  // Of one piece of received data; sent together, for each message of its own costs an encryption and a system call.
  const refused: number[] = []
  const sendResets = (): void => {
    if (refused.length === 0) return
    const frames = resetFrames(refused.splice(0))
    if (!guard.ended) muxer.send(frames)
  }
  const reset = (id: number): void => {
    refused.push(id)
  }
  const silent = new SilentStreams(
    () => guard.context.governor.now(),
    id => {
      guard.negotiating--
      reset(id)
      sendResets()
    },
  )
  guard.state.onClose(() => silent.clear())

  /** An id that opens a stream: of the other side's parity, and not in use. Anything else gets the muxer's own answer. */
  const opens = (id: number): boolean => muxer.client === (id % 2 === 0) && !muxer.streams.some(stream => stream.streamId === id)

  const open = (id: number, handle: GovernorStream): void => {
    admitted = handle
    try {
      incomingStream(id)
    } finally {
      // Still here when the muxer refused it by a limit of its own.
      admitted?.release()
      admitted = undefined
    }
  }

  muxer.handleStreamMessage = frame => {
    if (guard.ended) return
    const { streamID, flag, type, length } = frame.header
    const said = type !== WINDOW_UPDATE || length > 0 || (flag & ~SYN) !== 0
    if (!said && (flag & SYN) !== 0 && !silent.has(streamID) && opens(streamID)) {
      const handle = guard.admit()
      if (handle === undefined) return reset(streamID)
      guard.negotiating++
      silent.add(streamID, handle)
      return
    }
    const handle = silent.take(streamID)
    if (handle !== undefined) {
      guard.negotiating--
      if ((flag & RST) !== 0) {
        handle.release()
        return
      }
      open(streamID, handle)
    }
    handleStreamMessage(frame)
  }

  muxer.incomingStream = id => {
    if (guard.ended) return
    if (!opens(id)) return incomingStream(id)
    const handle = guard.admit()
    if (handle === undefined) return reset(id)
    open(id, handle)
  }

  muxer.onRemoteStream = stream => {
    const handle = admitted
    admitted = undefined
    if (handle !== undefined) guard.guard(stream, handle)
    onRemoteStream(stream)
  }

  guardCreateStream(muxer, guard)
  guardSend(muxer, guard)
}
