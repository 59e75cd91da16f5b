/**
 * Bounds what a connection may send while it only has to name its encrypter or muxer. Multistream answers every message it is sent, without end:
 * a peer that never gets to the point could otherwise keep the node parsing, and queueing answers nobody reads, until the upgrade deadline.
 *
 * Both negotiations wait for an answer, so an honest peer sends well under a kilobyte. The handshake proper is not counted here: its messages have bounds of their own.
 */

import type { MessageStream } from '@libp2p/interface'
import type { NodeContext } from '../context.ts'
import type { ConnectionRecord } from './record.ts'

/** Bytes a negotiation before the muxer may take. Honest: about 60; with an optimistic TLS 1.3 ClientHello behind it about 2,000. */
export const HANDSHAKE_NEGOTIATION_BYTES_MAX = 16_384

interface Receiving {
  onData?: (data: { readonly byteLength: number }) => void
}

/** Counts from now until the returned function is called. Streams that do not receive through `onData` are left alone. */
export function guardNegotiation(context: NodeContext, record: ConnectionRecord, stream: MessageStream): () => void {
  const receiving = stream as unknown as Receiving
  const original = receiving.onData
  if (typeof original !== 'function') {
    return () => {}
  }
  let bytes = 0
  let over = false
  const counting = (data: { readonly byteLength: number }): void => {
    bytes += data.byteLength
    if (!over && bytes > HANDSHAKE_NEGOTIATION_BYTES_MAX) {
      stop()
      const message = `sent ${bytes} bytes without agreeing on an encrypter or muxer; at most ${HANDSHAKE_NEGOTIATION_BYTES_MAX} are accepted`
      if (context.cut(record, 'negotiation-bytes', message)) {
        return
      }
    }
    original.call(stream, data)
  }
  const stop = (): void => {
    over = true
    if (receiving.onData === counting) {
      // Not `delete`: that would make a slow object of the stream, for as long as it lives.
      receiving.onData = original
    }
  }
  receiving.onData = counting
  return stop
}
