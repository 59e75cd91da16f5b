/**
 * Hooks into @libp2p/yamux 8: frames are looked at before they are decoded, a refused stream is answered with a bare RST before a stream object is made of it, and windows never
 * outgrow the read buffer behind them (upstream they do, and pausing such a stream resets it).
 */

import type { Stream, StreamMuxer } from '@libp2p/interface'
import type { Stream as GovernorStream } from '@sluice/core'
import type { Chunk } from '../stream/shape.ts'
import type { MuxerGuard } from './guard.ts'
import { guardCreateStream, guardSend } from './outbound.ts'
import { YamuxFrames } from './yamux-frames.ts'

const WINDOW_UPDATE = 1
const RST = 8

export interface RuntimeYamux extends StreamMuxer {
  onData(data: Chunk): void
  incomingStream(id: number): void
  onRemoteStream(stream: Stream): void
  sendFrame(header: { type: number; flag: number; streamID: number; length: number }): boolean
  send(data: Chunk): boolean
  readonly client: boolean
  streamOptions?: { maxStreamWindowSize?: number; maxReadBufferLength?: number }
  readonly streams: (Stream & { readonly streamId: number })[]
}

/** Members this file relies on, for the self-test. */
export const YAMUX_METHODS = ['onData', 'incomingStream', 'onRemoteStream', 'sendFrame', 'send', 'createStream'] as const

export function isYamux(muxer: StreamMuxer): muxer is RuntimeYamux {
  const members = muxer as unknown as Record<string, unknown>
  return YAMUX_METHODS.every(name => typeof members[name] === 'function')
}

export function guardYamux(muxer: RuntimeYamux, guard: MuxerGuard): void {
  const frames = new YamuxFrames()
  const onData = muxer.onData.bind(muxer)
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
    guard.onHandled()
  }

  muxer.incomingStream = id => {
    if (guard.ended) return
    // Not a new stream, or one that ends the connection: the muxer's own answer.
    if (muxer.client !== (id % 2 === 0) || muxer.streams.some(stream => stream.streamId === id)) {
      incomingStream(id)
      return
    }
    admitted = guard.admit()
    if (admitted === undefined) {
      if (!guard.ended) muxer.sendFrame({ type: WINDOW_UPDATE, flag: RST, streamID: id, length: 0 })
      return
    }
    try {
      incomingStream(id)
    } finally {
      // Still here when the muxer refused it by a limit of its own.
      admitted?.release()
      admitted = undefined
    }
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
