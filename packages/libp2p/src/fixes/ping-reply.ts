/**
 * @libp2p/ping 3.1.13: whoever pings keeps every byte of the answer and compares only when it has exactly 32, so an answer that is longer is kept without end and the ping never
 * returns. A kad-dht node pings each new contact, that is, any stranger that asks for it.
 *
 * Source: https://github.com/libp2p/js-libp2p/blob/main/packages/protocol-ping/src/ping.ts (`onPong` in `ping`).
 *
 * Mended here by handing the first 32 bytes to whoever pings and nothing after them; a remote that goes on is reset.
 */

import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { RegistrarLike } from '../work/components.ts'

/** Bytes of a ping and of its answer: the libp2p ping specification. */
const ANSWER_BYTES = 32

/** Bytes after the answer that are dropped before the stream is reset; a slip, not a flood. */
export const SURPLUS_BYTES_MAX = 4096

const PING = /^\/[^/]+\/ping\/1\.0\.0$/

interface Receiving extends Stream {
  onData?: (data: StreamMessageEvent['data']) => void
}

function boundAnswer(stream: Receiving): void {
  const { onData } = stream
  if (onData === undefined) return
  let room = ANSWER_BYTES
  let surplus = 0
  stream.onData = data => {
    const kept = data.byteLength <= room ? data : data.subarray(0, room)
    room -= kept.byteLength
    surplus += data.byteLength - kept.byteLength
    if (kept.byteLength > 0) onData.call(stream, kept)
    if (surplus > SURPLUS_BYTES_MAX && stream.status === 'open') stream.abort(new Error('the answer to a ping goes on after its end'))
  }
}

export function boundPingAnswers(registrar: RegistrarLike): void {
  const getMiddleware = registrar.getMiddleware.bind(registrar)
  registrar.getMiddleware = protocol => {
    const middleware = getMiddleware(protocol)
    if (!PING.test(protocol)) return middleware
    return [
      (stream, connection, next) => {
        if (stream.direction === 'outbound') boundAnswer(stream)
        next(stream, connection)
      },
      ...middleware,
    ]
  }
}
