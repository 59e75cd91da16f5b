/**
 * The shape of what an acquire returns: connections, streams, spans and views. The verbs of the admission path live on these handles.
 */

import type { Decision, Direction, ScopeClass } from './decision.ts'
import type { Limits } from './policy/policy.ts'

/** Six counters, as go-libp2p's resource manager; `connectionsPending` only on prefix scopes, 0 elsewhere. */
export interface Usage {
  readonly streamsInbound: number
  readonly streamsOutbound: number
  readonly connectionsInbound: number
  readonly connectionsOutbound: number
  readonly connectionsPending: number
  readonly fileDescriptors: number
  /** Bytes. */
  readonly memory: number
}

/**
 * Reservation of bytes on a scope and everything above it. Priorities as go-libp2p: `low` 101, `medium` 152, `high` 203, `always` 255;
 * admitted iff `used + bytes <= limit * (1 + priority) / 256` at every edge.
 */
export type MemoryPriority = 'low' | 'medium' | 'high' | 'always'

export interface MemoryAccount {
  /** Bytes held through this account. */
  readonly used: number
  /** @param bytes non-negative integer; throws `MisuseError` otherwise. @param priority @default 'always' */
  reserve(bytes: number, priority?: MemoryPriority): Decision
  /** Charges bytes that are already in memory (received before they could be refused). Never refuses; may take usage above the limit. Returns true when every scope is still within its limit. */
  force(bytes: number): boolean
  /** Gives bytes back. More than held clamps to what is held. */
  free(bytes: number): void
}

export interface Handle extends Disposable {
  /** False once released; a released handle admits nothing and frees nothing twice. */
  readonly open: boolean
  /** Idempotent. Releases everything held below this handle too (a connection's streams, a span's memory). */
  release(): void
}

/** A scope inside a scope, for work with a beginning and an end; all it holds is freed with it. */
export interface Span extends Handle {
  readonly name: string
  readonly memory: MemoryAccount
  readonly usage: Usage
  openSpan(): Decision<Span>
}

export interface Connection extends Handle {
  /** Counts up from 1 over the life of a governor. */
  readonly id: number
  readonly name: string
  readonly direction: Direction
  /** Canonical text of the remote address as charged: an IP, `relay:<id>`, or `other:<first component>`. */
  readonly address: string
  readonly transport: string
  readonly peer: string | undefined
  readonly allowlisted: boolean
  readonly memory: MemoryAccount
  readonly usage: Usage
  /** Open streams of this connection. */
  readonly streams: ReadonlySet<Stream>
  /** Moves the connection from the transient to the peer scope. Refused: stays transient and may be tried again. A second peer is refused by `handle.state`. */
  setPeer(peer: string): Decision
  /** Spends the rate of kind `stream-open` and charges stream scopes. Before `setPeer`: charged to transient and system only. */
  openStream(direction: Direction): Decision<Stream>
  /** Spends `cost` events of a rate kind on every level the policy names (connection, peer, IP, prefixes, node): all or none. @param cost @default 1 */
  spend(kind: string, cost?: number): Decision
  openSpan(): Decision<Span>
}

export interface Stream extends Handle {
  readonly id: number
  readonly name: string
  readonly direction: Direction
  readonly connection: Connection
  readonly protocol: string | undefined
  readonly service: string | undefined
  readonly memory: MemoryAccount
  readonly usage: Usage
  /** Moves the stream from transient to the protocol scopes. Refused: stays transient and may be tried again. A second protocol, or one before the connection has its peer, is refused by `handle.state`. */
  setProtocol(protocol: string): Decision
  /** Needs a protocol; once. Refused: protocol scopes stay. */
  setService(service: string): Decision
  openSpan(): Decision<Span>
}

/** A named scope addressed directly: the view, and for services work that belongs to no stream. */
export interface ScopeView {
  readonly name: string
  readonly scopeClass: ScopeClass
  readonly usage: Usage
  readonly limits: Limits
  readonly memory: MemoryAccount
  openSpan(): Decision<Span>
  /** Takes effect at once. A peer or protocol scope whose limits were set here is never collected. A prefix scope takes `connections`, `streamsInbound` and `memory`; another limit there throws `MisuseError`. */
  setLimits(limits: Partial<Limits>): void
}

export type ScopeSelector =
  | { readonly scope: 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient' }
  | { readonly scope: 'peer' | 'service' | 'protocol' | 'prefix'; readonly key: string }
  | { readonly scope: 'servicePeer' | 'protocolPeer'; readonly key: string; readonly peer: string }
