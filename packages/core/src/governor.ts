/**
 * The governor's public shape: what adapters call and what operators ask. The implementation builds the rooms and hands out handles; the verbs live on the handles.
 *
 * The admission path, in order: address, gate, rate, transient scope, (handshake), peer scope, stream rate, stream scope, protocol and service scope, memory, release.
 */

import type { Clock, Random } from './clock.ts'
import type { Decision, Denial, Direction, Resource, RuleName, ScopeClass } from './decision.ts'
import type { GovernorEvent } from './events.ts'
import type { Limits, Mode, Policy, PolicyInput } from './policy/policy.ts'
import type { RecordedInput } from './recorder.ts'

export interface GovernorInit {
  /** Partial policy; what is absent takes its default. Validated: throws `PolicyError`. @default {} */
  readonly policy?: PolicyInput
  readonly clock: Clock
  readonly random: Random
  /** Bytes of memory of the machine (or cgroup) and its file descriptor limit, for autoscaling. @default 1 GiB and 1024 */
  readonly machine?: { readonly memoryBytes: number; readonly fileDescriptors: number }
  /** Pushed synchronously for denials, bans, and level changes only. Must not throw. */
  readonly onEvent?: (event: GovernorEvent) => void
  /** Receives every input in order, for replay. Costs when set, nothing when absent. */
  readonly onInput?: (input: RecordedInput) => void
}

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

export interface ScopeReport {
  readonly name: string
  readonly scopeClass: ScopeClass
  readonly usage: Usage
  readonly limits: Limits
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
  /** Moves the stream from transient to the protocol scopes. Refused: stays transient and may be tried again. A second protocol is refused by `handle.state`. */
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
  /** Takes effect at once. A peer or protocol scope whose limits were set here is never collected. */
  setLimits(limits: Partial<Limits>): void
}

export type ScopeSelector =
  | { readonly scope: 'system' | 'transient' | 'allowlistedSystem' | 'allowlistedTransient' }
  | { readonly scope: 'peer' | 'service' | 'protocol' | 'prefix'; readonly key: string }
  | { readonly scope: 'servicePeer' | 'protocolPeer'; readonly key: string; readonly peer: string }

/** Whom to ban or allow: an IP, a CIDR, a multiaddr prefix, or a peer id. */
export interface Ban {
  readonly target: string
  readonly createdMs: number
  readonly untilMs: number
  readonly reason: string
}

export interface DenialCount {
  readonly rule: RuleName
  readonly scopeClass: ScopeClass
  readonly resource: Resource
  readonly direction: Direction | undefined
  /** In `observe`: counted, not refused. */
  readonly mode: Mode
  readonly count: number
}

export interface ResourceReport {
  readonly schemaVersion: 1
  readonly atMs: number
  readonly mode: Mode
  readonly system: ScopeReport
  readonly transient: ScopeReport
  readonly allowlistedSystem: ScopeReport
  readonly allowlistedTransient: ScopeReport
  /** Sorted by name. */
  readonly services: readonly ScopeReport[]
  readonly protocols: readonly ScopeReport[]
  /** The fullest scopes, by highest share of any limit; at most `top` of each. */
  readonly peers: readonly ScopeReport[]
  readonly prefixes: readonly ScopeReport[]
  readonly counts: {
    readonly connections: number
    readonly streams: number
    readonly peers: number
    readonly prefixes: number
    readonly spans: number
  }
  readonly denials: readonly DenialCount[]
  readonly bans: number
}

export interface ExplainedRule {
  readonly rule: RuleName
  readonly scope: string
  readonly resource: Resource
  readonly current: number
  readonly limit: number
  readonly mode: Mode
  /** Would one more connection (or the subject's next event) pass this rule now? */
  readonly passes: boolean
  /** The policy path whose value is in force, e.g. `prefixes.ipv4.ip.connections`. */
  readonly policyPath: string
  /** What would have to happen to be let in, when it does not pass. */
  readonly remedy?: string
}

export interface Explanation {
  readonly subject: string
  readonly kind: 'peer' | 'ip' | 'prefix' | 'decision' | 'unknown'
  readonly rules: readonly ExplainedRule[]
  readonly bans: readonly Ban[]
  /** Newest first, at most 20. */
  readonly denials: readonly (Denial & { readonly atMs: number })[]
}

export interface Governor {
  readonly policy: Policy
  /** @param address multiaddr or `ip`, `ip:port`, `[ip6]:port` text. @param transport @default derived from the multiaddr (`tcp`, `ws`, `quic`, `memory`, `circuit`, …) */
  openConnection(address: string, direction: Direction, transport?: string): Decision<Connection>
  /**
   * Spends a rate kind without a connection handle (gater, before accept): charged to the address's IP, prefixes and the node.
   */
  spend(kind: string, address: string, cost?: number): Decision
  /** The source-address verification hint of QUIC Retry: true when the address should prove itself first. An address that does not parse: true. */
  shouldVerifySource(address: string): boolean
  /** Is the address allow-listed (by any entry without a peer id, or with this peer)? */
  isAllowed(address: string, peer?: string): boolean
  view(selector: ScopeSelector): ScopeView | undefined
  connections(): IterableIterator<Connection>
  /** @param top how many peers and prefixes to list. @default 100 */
  resources(top?: number): ResourceReport
  explain(subject: string): Explanation
  /** Validates all of it, then swaps it in; counters, bans and handles stay. Throws `PolicyError` and changes nothing when invalid. */
  setPolicy(policy: PolicyInput): void
  /** Changes the global mode only. */
  setMode(mode: Mode): void
  /** @param forMs @default Infinity. Returns the entry. Throws `MisuseError` on a target that does not parse. Closing what it forbids is the adapter's work: it gets a `ban` event. */
  ban(target: string, options?: { readonly forMs?: number; readonly reason?: string }): Ban
  /** True when there was one. */
  unban(target: string): boolean
  bans(): readonly Ban[]
  /** Adds or removes an allow-list entry at run time; lifts per-prefix caps at once. */
  allow(entry: string): void
  disallow(entry: string): boolean
  /** Does what is due (collection of idle scopes, expiry of bans, idle rate cells). Returns milliseconds until it wants to be called again. */
  advance(): number
  /** Milliseconds, the engine's own monotonic view of the clock. */
  now(): number
}
