/**
 * The runtime members of js-libp2p's streams that this part overrides or reads. Some are typed private upstream; the self-test proves that they are where this says.
 */

import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

export type Chunk = StreamMessageEvent['data']
export type ByteList = Uint8ArrayList

/** What every stream of @libp2p/utils' AbstractStream has; a stream of another making lacks the optional ones. */
export interface RuntimeStream extends Stream {
  onData?(data: Chunk): void
  dispatchReadBuffer?(): void
  /** Data not yet dispatched. */
  readonly readBuffer?: ByteList
}

/** @libp2p/yamux 8: `StreamState` of a yamux stream. */
export const YAMUX_STATE = { init: 0, synReceived: 2, established: 3, paused: 5 } as const

export interface RuntimeYamuxStream extends RuntimeStream {
  state: number
  /** Bytes of the whole receive window, and those of it the sender may still send. */
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  /** When the current receive window was granted, milliseconds since the epoch. */
  epochStart: number
  sendWindowUpdate(): void
  sendPause(): void
  sendResume(): void
}
