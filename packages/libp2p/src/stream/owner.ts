/**
 * What a guarded stream needs of the connection it belongs to. The muxer part provides it.
 */

import type { Denial } from '@sluice/core'
import type { ConnectionState, NodeContext } from '../context.ts'
import type { StreamGuard } from './guard.ts'

export interface StreamOwner {
  readonly context: NodeContext
  readonly state: ConnectionState
  /** Flow is shaped: windows withheld, buffers capped. False in `observe`, where no byte on the wire may change. */
  readonly shaping: boolean
  /** Its streams can make the sender wait. */
  readonly backpressure: boolean
  /** Inbound streams open and not yet negotiated. */
  negotiating: number
  /** Streams that are closed while their handler still runs. */
  orphans: number
  /** Bytes its streams hold. */
  heldBytes: number
  /** The part of `heldBytes` that nobody has read. */
  unreadBytes: number
  /** A stream's charge has changed; `fits` is false when a scope is over its limit. @param moved by how much @param unreadMoved by how much its unread part */
  onCharged(guard: StreamGuard, fits: boolean, moved: number, unreadMoved: number): void
  /** Pings arrived behind others that are still unread. */
  onPipelinedPings(count: number): void
  /** Something the remote did that costs as much as `resets` streams it had reset; the connection is cut when there are too many. */
  onOffence(resets: number): void
  /** A stream of the remote was refused after it had been opened. */
  onRefused(denial: Denial): void
  /** The stream is over; nothing is held by it. */
  onStreamEnd(guard: StreamGuard): void
}
