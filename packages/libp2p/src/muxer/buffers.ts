/**
 * The bytes a connection holds below its streams, as far as they can be read: the muxer's decoder, the encrypter's decoder and buffers, the raw connection's. Decoders are private
 * upstream; where one is not found it counts as empty, and the self-test says so.
 */

import type { StreamMuxer } from '@libp2p/interface'
import type { ConnectionState } from '../context.ts'

interface Decoding {
  readonly decoder?: { readonly buffer?: { readonly byteLength: number }; readonly _buffer?: { readonly byteLength: number } }
}

/** Bytes of an unfinished frame; undefined where the object has no decoder we know. */
export function decoderBytes(object: object | undefined): number | undefined {
  const decoder = (object as Decoding | undefined)?.decoder
  return (decoder?.buffer ?? decoder?._buffer)?.byteLength
}

export interface ConnectionBytes {
  readonly received: number
  readonly unsent: number
}

export function connectionBytes(state: ConnectionState, muxer: StreamMuxer): ConnectionBytes {
  const { raw, encrypted } = state
  let received = decoderBytes(muxer) ?? 0
  let unsent = 0
  if (raw !== undefined) {
    received += raw.readBufferLength
    unsent += raw.writeBufferLength
  }
  if (encrypted !== undefined && encrypted !== raw) {
    received += encrypted.readBufferLength + (decoderBytes(encrypted) ?? 0)
    unsent += encrypted.writeBufferLength
  }
  return { received, unsent }
}
