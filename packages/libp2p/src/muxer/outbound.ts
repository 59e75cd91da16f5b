/**
 * Overrides every muxer gets for what we send: streams of our own are admitted before they are opened, and a full socket is the moment to look at what waits behind it.
 */

import type { CreateStreamOptions, Stream, StreamMuxer } from '@libp2p/interface'
import type { Chunk } from '../stream/shape.ts'
import type { MuxerGuard } from './guard.ts'

export function guardCreateStream(muxer: StreamMuxer, guard: MuxerGuard): void {
  const createStream = muxer.createStream.bind(muxer)
  muxer.createStream = async (options?: CreateStreamOptions): Promise<Stream> => {
    const handle = guard.admitOutbound()
    let stream: Stream
    try {
      stream = await createStream(options)
    } catch (error) {
      handle.release()
      throw error
    }
    guard.guard(stream, handle)
    return stream
  }
}

export function guardSend(muxer: { send(data: Chunk): boolean }, guard: MuxerGuard): void {
  const send = muxer.send.bind(muxer)
  muxer.send = data => {
    const more = send(data)
    if (!more) guard.settle()
    return more
  }
}
