/**
 * Hooks into @libp2p/mplex 12. The protocol has no flow control, so what does not fit is reset. Its own rate limiter disconnects a peer at the sixth stream within a second, honest or
 * not, and leaves the connection open behind the closed muxer: ours take its place.
 */

import type { Stream, StreamMuxer } from '@libp2p/interface'
import type { Chunk } from '../stream/shape.ts'
import type { MuxerGuard } from './guard.ts'
import { MplexFrames } from './mplex-frames.ts'
import { guardCreateStream, guardSend } from './outbound.ts'

export interface RuntimeMplex extends StreamMuxer {
  onData(data: Chunk): void
  onRemoteStream(stream: Stream): void
  send(data: Chunk): boolean
  readonly rateLimiter: { consume(key: string, points?: number): unknown }
}

export const MPLEX_METHODS = ['onData', 'onRemoteStream', 'send', 'createStream'] as const

export function isMplex(muxer: StreamMuxer): muxer is RuntimeMplex {
  const members = muxer as Partial<RuntimeMplex>
  return MPLEX_METHODS.every(name => typeof members[name] === 'function') && typeof members.rateLimiter?.consume === 'function'
}

export function guardMplex(muxer: RuntimeMplex, guard: MuxerGuard): void {
  const frames = new MplexFrames()
  const onData = muxer.onData.bind(muxer)
  const onRemoteStream = muxer.onRemoteStream.bind(muxer)

  if (guard.shaping) {
    const consume = muxer.rateLimiter.consume.bind(muxer.rateLimiter)
    muxer.rateLimiter.consume = (key, points) => (key === 'new-stream' ? undefined : consume(key, points))
  }

  muxer.onData = data => {
    if (!guard.inspect(data, frames, guard.context.policy().transports.mplexMessageBytesMax)) return
    onData(data)
    guard.onHandled()
  }

  muxer.onRemoteStream = stream => {
    const handle = guard.admit()
    if (handle === undefined) {
      if (!guard.ended) stream.abort(new Error('stream refused'))
      return
    }
    guard.guard(stream, handle)
    onRemoteStream(stream)
  }

  guardCreateStream(muxer, guard)
  guardSend(muxer, guard)
}
