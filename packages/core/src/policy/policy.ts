/**
 * The shape of a policy. `fields.ts` holds the table of paths, defaults, ranges and sources; `validate.ts` turns a `PolicyInput` into a `Policy`.
 */

/** `enforce` refuses; `observe` decides and counts, never refuses. */
export type Mode = 'enforce' | 'observe'

/** The most a scope may hold: a non-negative integer, `unlimited`, or `block` (nothing at all). 0 means `block`. Integers above 2^53-1 mean `unlimited`. */
export type Limit = number | 'unlimited' | 'block'

/** Eight limits of a scope, as go-libp2p's `BaseLimit`. */
export interface Limits {
  readonly streams: Limit
  readonly streamsInbound: Limit
  readonly streamsOutbound: Limit
  readonly connections: Limit
  readonly connectionsInbound: Limit
  readonly connectionsOutbound: Limit
  readonly fileDescriptors: Limit
  /** Bytes. */
  readonly memory: Limit
}

/** GCRA: `perSecond` events sustained, `burst` at once. `perSecond` 0 with a burst means: never again once the burst is spent. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** Principal levels, narrow to wide. IPv4: `ip` = /32, `/24`, `/16`. IPv6: `ip` = /64, `/56`, `/48`, `/32`. */
export type PrefixLevel = 'ip' | '/24' | '/16' | '/56' | '/48' | '/32'
export type RateLevel = 'connection' | 'peer' | PrefixLevel | 'node'

export interface PrefixLimits {
  /** Concurrent inbound connections, half-open ones included. */
  readonly connections: Limit
  /** Concurrent half-open inbound connections (accepted, no peer yet). */
  readonly pending: Limit
  /** Streams opened by the remotes of these connections, open at once; un-negotiated ones included. */
  readonly streams: Limit
  /** New inbound connections per second. */
  readonly rate: Rate | 'unlimited'
}

/**
 * A network with limits of its own. The most specific one replaces the level limits for the addresses inside it, as go's network-prefix limits do.
 * An honest NAT of 60 peers is one line: `{ network: '203.0.113.7/32', connections: 60 }`. Where `connections` is given, what is left out follows from it: `pending` is as many, and for every
 * 8 of them `streams` are those of an IP and `rate` go's 0.2/s and burst 16. Where it is not, `rate` stays with the levels, and so do the three numbers unless one of them is given; then
 * the others are unlimited.
 */
export interface NetworkLimits extends Partial<PrefixLimits> {
  /** CIDR, e.g. `203.0.113.7/32`. */
  readonly network: string
  /** `network`: one account for the whole CIDR. `ip`: these limits for each IP inside it. @default 'network' */
  readonly per?: 'network' | 'ip'
}

export interface ScopeLimits {
  readonly system: Limits
  readonly transient: Limits
  readonly allowlistedSystem: Limits
  readonly allowlistedTransient: Limits
  readonly serviceDefault: Limits
  readonly servicePeerDefault: Limits
  readonly protocolDefault: Limits
  readonly protocolPeerDefault: Limits
  readonly peerDefault: Limits
  readonly connection: Limits
  readonly stream: Limits
  /** Overrides by name; what an entry leaves out falls back to the class default. */
  readonly services: Readonly<Record<string, Partial<Limits>>>
  readonly servicePeers: Readonly<Record<string, Partial<Limits>>>
  readonly protocols: Readonly<Record<string, Partial<Limits>>>
  readonly protocolPeers: Readonly<Record<string, Partial<Limits>>>
  readonly peers: Readonly<Record<string, Partial<Limits>>>
}

/** What the libp2p adapter enforces below the engine's scopes. Bytes and milliseconds. */
export interface TransportPolicy {
  /** Deadline of an inbound upgrade while the pending table is empty. */
  readonly upgradeDeadlineMs: number
  /** … and when it is full; linear in between. */
  readonly upgradeDeadlineMinMs: number
  /** Bytes of multistream messages a stream may send before its protocol is agreed; data sent optimistically behind the last one is not counted. */
  readonly negotiationBytesMax: number
  /** Multistream messages a stream may send before its protocol is agreed. */
  readonly negotiationMessagesMax: number
  /** Largest yamux DATA frame accepted. */
  readonly yamuxFrameBytesMax: number
  /** Largest receive window a yamux stream may grow to; at most the read buffer. */
  readonly yamuxWindowBytesMax: number
  /** Largest mplex message accepted. */
  readonly mplexMessageBytesMax: number
  /** Bytes a stream may hold unread (buffer and iterator queue) before its reader is paused, or the stream reset where the transport cannot pause. */
  readonly streamReadBytesMax: number
  /** Bytes a stream may hold unsent before it is reset. */
  readonly streamWriteBytesMax: number
  /** Streams open and not yet negotiated on one connection. */
  readonly negotiatingStreamsMax: number
  /** Longest a socket is paused at once, so that ping monitors on either side are not tripped. */
  readonly socketPauseMs: number
}

export interface Policy {
  readonly mode: Mode
  /** Mode per rule; absent: the global mode. Keys are `RuleName`s. */
  readonly rules: Readonly<Record<string, Mode>>
  /** Knob: budget of accounted bytes; the system scope's memory limit. */
  readonly memory: number
  /** Knob: inbound connections the node is meant for; scales prefix limits and the system's connection limits. */
  readonly connections: number
  readonly limits: ScopeLimits
  readonly prefixes: {
    readonly ipv4: { readonly ip: PrefixLimits; readonly '/24': PrefixLimits; readonly '/16': PrefixLimits }
    readonly ipv6: { readonly ip: PrefixLimits; readonly '/56': PrefixLimits; readonly '/48': PrefixLimits; readonly '/32': PrefixLimits }
    readonly networks: readonly NetworkLimits[]
    /** Per relay, for connections through it. */
    readonly relay: PrefixLimits
    /** Per kind of address that is neither IP nor relayed (`memory`, `onion3`, `dns4` before it is resolved, …). */
    readonly other: PrefixLimits
    /** `exempt`: no prefix limits or rates. `public`: treated as the public Internet. */
    readonly loopback: 'exempt' | 'public'
    readonly private: 'exempt' | 'public'
    /** Most principals tracked at once; the least used fold into their parent prefix. */
    readonly tableMax: number
  }
  /** Rates by kind, by level. Kinds the adapter spends are in `fields.ts`; others may be added. */
  readonly rates: Readonly<Record<string, Readonly<Partial<Record<RateLevel, Rate | 'unlimited'>>>>>
  readonly gate: {
    /** Multiaddr prefixes (`/ip4/192.0.2.7`, `/ip4/52.55`, `/ip4/10.0.0.0/ipcidr/8`, with or without `/p2p/ID`), CIDRs, IPs or peer ids. */
    readonly allow: readonly string[]
    readonly deny: readonly string[]
  }
  /** Memory charged to the scopes of each connection and stream while it is open. Bytes. */
  readonly costs: { readonly connection: number; readonly stream: number }
  readonly transports: TransportPolicy
}

/** Any part of a policy. Numbers may be text with a unit (`512MB`, `64MiB`, `'unlimited'` where a limit stands), as they come from a file. Checked by `validatePolicy`. */
export type PolicyInput = Input<Policy>

type Input<T> = T extends readonly (infer E)[]
  ? readonly Input<E>[]
  : T extends number
    ? number | string
    : T extends object
      ? { readonly [K in keyof T]?: Input<T[K]> }
      : T
