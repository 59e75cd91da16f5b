/** Where the gateway asks before it serves history. Whoever keeps budgets and the queue answers; the gateway only counts and waits. */

import type { Piece } from './reply-bytes.ts'

/** One connected client. The same object for the life of the connection. */
export interface GatewayClient {
  /** Canonical text. */
  readonly ip: string
  /** Its place among the open connections of its IP: with `ip`, who it is. */
  readonly place: number
  /** From its `version`; '' before. Evidence, never identity. */
  readonly userAgent: string
  /** Ends the connection at the next boundary between messages. */
  close(reason: string): void
}

export interface BulkDesk {
  /** Asks for a turn. `go` is to be called once, now or later; a client has one piece asked for or in flight at a time. Never calling it leaves the client waiting. */
  ask(client: GatewayClient, piece: Piece, go: () => void): void
  /** Bytes of a reply that were handed to the client's socket, message header included: also of replies that did not wait. */
  sent(client: GatewayClient, command: string, bytes: number): void
  /** The piece is answered, or its answer will not come. @param bytes what was sent to the client since `go`, over all bulk replies */
  done(client: GatewayClient, piece: Piece, bytes: number): void
  /** The client has left; a piece still asked for is void, and `done` was called for one in flight. */
  gone(client: GatewayClient): void
}
