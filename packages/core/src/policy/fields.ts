/**
 * The table of policy fields: path, type, default, range, meaning and source of every value a policy may hold. Validation, defaults, the report of where a value came from,
 * and (in the daemon) the JSON Schema, the manual and the environment names all come from this one table.
 *
 * A `*` in a path stands for any key (a rule, a protocol, a peer, a rate kind). Rate levels and their reasoning are in `rate-fields.ts`, transports in `transport-fields.ts`;
 * both are part of this table.
 */

import { BUILT_IN, SCALING } from '../resources/scaling.ts'
import { RATE_FIELDS } from './rate-fields.ts'
import { TRANSPORT_FIELDS } from './transport-fields.ts'

/**
 * `size`: bytes, as a number or text with a unit. `count`: a whole number. `duration`: milliseconds, or text with a unit. `limit`: a count, `unlimited` or `block`.
 * `sizeLimit`: a size, `unlimited` or `block`. `rate`: `{ perSecond, burst }` or `unlimited`. `choice`: one of `choices`. `targets`: a list of addresses, prefixes and peer ids.
 * `networks`: a list of networks with limits of their own.
 */
export type FieldType = 'size' | 'count' | 'duration' | 'limit' | 'sizeLimit' | 'rate' | 'choice' | 'targets' | 'networks'

/**
 * What moves the default: `autoscale` (the machine alone), `memory` or `connections` (the knob, or what stands in for it when it is absent), `fixed` (nothing).
 */
export type FieldScale = 'autoscale' | 'memory' | 'connections' | 'fixed'

export interface Field {
  readonly path: string
  readonly type: FieldType
  readonly scale: FieldScale
  /** The default, or the base it is scaled from. Absent: the class default stands in (overrides by name), or it is computed by `resources/scaling.ts`. */
  readonly default?: unknown
  /** Lowest and highest value; counts, sizes and durations only. */
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  readonly text: string
  /** Where the number comes from. */
  readonly source: string
}

/** Inbound connections the fixed prefix defaults are meant for; the knob `connections` scales them from here. */
export const CONNECTIONS_BASE = 256

const GO_TABLE = 'go-libp2p limit_defaults.go, scaled (resources/scaling.ts)'
const OURS = 'ours'

/** The most entries of any list or record in a policy. A policy is held in memory, compiled and shown; beyond this a list belongs in a file of its own. */
export const POLICY_ENTRIES_MAX = 1_000_000

/** Most kinds of rates, the built-in ones included: each is a column over the principal table and a cell per connection. */
export const RATE_KINDS_MAX = 64

/** The eight limits of a scope, in the order they are checked and shown. */
export const LIMIT_NAMES: readonly [string, string][] = [
  ['streams', 'open streams, both directions'],
  ['streamsInbound', 'open inbound streams'],
  ['streamsOutbound', 'open outbound streams'],
  ['connections', 'open connections, both directions'],
  ['connectionsInbound', 'open inbound connections'],
  ['connectionsOutbound', 'open outbound connections'],
  ['fileDescriptors', 'file descriptors held by connections'],
  ['memory', 'bytes of accounted memory'],
]

const SCOPE_TEXTS: Readonly<Record<string, string>> = {
  system: 'the whole node',
  transient: 'connections without a peer and streams without a protocol',
  allowlistedSystem: 'allow-listed connections, counted apart from the system scope',
  allowlistedTransient: 'allow-listed connections without a peer',
  serviceDefault: 'a service that has no entry under `limits.services`',
  servicePeerDefault: 'one peer in one service',
  protocolDefault: 'a protocol that has no entry under `limits.protocols`',
  protocolPeerDefault: 'one peer in one protocol',
  peerDefault: 'a peer that has no entry under `limits.peers`',
  connection: 'one connection',
  stream: 'one stream',
}

function scaleOf(name: string): FieldScale {
  if (name === 'fileDescriptors') return 'autoscale'
  return name.startsWith('connections') ? 'connections' : 'memory'
}

function limitFields(): Field[] {
  const fields: Field[] = []
  for (const scope of Object.keys(SCALING)) {
    for (const [name, what] of LIMIT_NAMES) {
      fields.push({
        path: `limits.${scope}.${name}`,
        type: name === 'memory' ? 'sizeLimit' : 'limit',
        scale: scaleOf(name),
        text: `Most ${what} of ${SCOPE_TEXTS[scope]}.`,
        source: GO_TABLE,
      })
    }
  }
  for (const [group, what] of OVERRIDES) {
    for (const [name, holds] of LIMIT_NAMES) {
      fields.push({
        path: `limits.${group}.*.${name}`,
        type: name === 'memory' ? 'sizeLimit' : 'limit',
        scale: scaleOf(name),
        text: `Most ${holds} of ${what}.`,
        source: group in BUILT_IN ? 'go-libp2p limits.go for the built-in ones; else the class default' : 'the class default',
      })
    }
  }
  return fields
}

const OVERRIDES: readonly [string, string][] = [
  ['services', 'the service of that name'],
  ['servicePeers', 'one peer in the service of that name'],
  ['protocols', 'the protocol of that id'],
  ['protocolPeers', 'one peer in the protocol of that id'],
  ['peers', 'the peer of that id'],
]

type PrefixRow = readonly [
  path: string,
  what: string,
  connections: number,
  pending: number,
  perSecond: number,
  burst: number,
  peers: number,
  source: string,
]

/**
 * Pending: at 4 half-open connections an IP, and 16 a /24, ten silent sockets of one or two IPs take 8 places of the transient scope's 80 and lock nobody out
 * (a node with a single global cap of 10 refuses 96 % of honest dials under the same ten). Rates of /24, /16 and IPv6 /32, where go has none: the go ratio of
 * `/48` (64 connections: 0.5/s, burst 80) taken up to whole sites, so that 64 honest peers behind a /24 can come back at once after our restart. `peers`: how many peers' worth of
 * inbound streams the prefix may hold, see `resources/scaling.ts`.
 */
const PREFIXES: readonly PrefixRow[] = [
  ['ipv4.ip', 'one IPv4 address', 8, 4, 0.2, 16, 2, 'go-libp2p conn_limiter.go, rate limiter; pending: ours'],
  ['ipv4./24', 'one IPv4 /24', 64, 16, 2, 128, 8, OURS],
  ['ipv4./16', 'one IPv4 /16', 512, 64, 16, 1024, 32, OURS],
  ['ipv6.ip', 'one IPv6 /64', 8, 4, 0.2, 16, 2, 'go-libp2p numbers for /56, taken to the /64; pending: ours'],
  ['ipv6./56', 'one IPv6 /56', 8, 4, 0.2, 16, 2, 'go-libp2p conn_limiter.go, rate limiter; pending: ours'],
  ['ipv6./48', 'one IPv6 /48', 64, 16, 0.5, 80, 8, 'go-libp2p conn_limiter.go, rate limiter; pending: ours'],
  ['ipv6./32', 'one IPv6 /32', 512, 64, 16, 1024, 32, OURS],
  ['relay', 'all connections through one relay', 64, 16, 2, 128, 8, `${OURS}: as a /24, since a relay stands for many strangers`],
  ['other', 'one kind of address that is neither IP nor relayed', 64, 16, 2, 128, 8, `${OURS}: as a /24`],
]

/** Path of each prefix level under `prefixes`, and how many peers' worth of inbound streams it may hold. */
export const PREFIX_STREAM_PEERS: readonly (readonly [path: string, peers: number])[] = PREFIXES.map(([path, , , , , , peers]) => [
  path,
  peers,
])

function prefixFields(): Field[] {
  return PREFIXES.flatMap(([path, what, connections, pending, perSecond, burst, peers, source]): Field[] => [
    {
      path: `prefixes.${path}.connections`,
      type: 'limit',
      scale: 'connections',
      default: connections,
      text: `Most inbound connections of ${what} at once, half-open ones included.`,
      source,
    },
    {
      path: `prefixes.${path}.pending`,
      type: 'limit',
      scale: 'connections',
      default: pending,
      text: `Most half-open inbound connections of ${what} at once.`,
      source,
    },
    {
      path: `prefixes.${path}.streams`,
      type: 'limit',
      scale: 'memory',
      text: `Most streams opened by ${what} at once, un-negotiated ones included.`,
      source: `ours: go-libp2p's inbound stream limit of ${peers} peers; at most 7/8 of the system's, so that no prefix takes the last streams`,
    },
    {
      path: `prefixes.${path}.rate`,
      type: 'rate',
      scale: 'connections',
      default: { perSecond, burst },
      text: `New inbound connections of ${what}.`,
      source,
    },
  ])
}

const LOCAL: readonly string[] = ['exempt', 'public']

const OWN_FIELDS: readonly Field[] = [
  {
    path: 'mode',
    type: 'choice',
    scale: 'fixed',
    default: 'enforce',
    choices: ['enforce', 'observe'],
    text: '`enforce` refuses; `observe` decides and counts, never refuses.',
    source: OURS,
  },
  {
    path: 'rules.*',
    type: 'choice',
    scale: 'fixed',
    choices: ['enforce', 'observe'],
    text: 'Mode of one rule, e.g. `gate.deny`, `limit.peer`, `rate.ping`. Absent: the global mode.',
    source: OURS,
  },
  {
    path: 'memory',
    type: 'size',
    scale: 'autoscale',
    min: 1024 * 1024,
    text: "Budget of accounted bytes: the system scope's memory limit; the other memory and stream limits follow on go's line.",
    source: "go-libp2p autoscaling: 128 MiB plus an eighth of the machine's memory",
  },
  {
    path: 'connections',
    type: 'count',
    scale: 'autoscale',
    min: 1,
    max: 2 ** 31 - 1,
    text: 'Inbound connections the node is meant for. Scales the connection limits of system and transient, and the limits of prefixes, which are meant for 256.',
    source: 'the greater of 256 and go-libp2p autoscaling (js-libp2p: 300, both directions)',
  },
  {
    path: 'prefixes.networks',
    type: 'networks',
    scale: 'fixed',
    default: [],
    text: "Networks with limits of their own, e.g. an honest NAT: `{ network: '203.0.113.7/32', connections: 60 }`. The most specific one replaces the limits of every level.",
    source:
      "go-libp2p network-prefix limits; absent `pending`: as `connections`; absent `streams` and `rate`: those of an IP, go's 0.2/s and burst 16, per 8 connections",
  },
  {
    path: 'prefixes.loopback',
    type: 'choice',
    scale: 'fixed',
    default: 'exempt',
    choices: LOCAL,
    text: 'Addresses of this machine (127.0.0.0/8, ::1): without prefix limits and rates, or as the public Internet.',
    source: 'go-libp2p: loopback unlimited',
  },
  {
    path: 'prefixes.private',
    type: 'choice',
    scale: 'fixed',
    default: 'exempt',
    choices: LOCAL,
    text: 'Private, link-local and carrier-grade NAT addresses: without prefix limits and rates, or as the public Internet.',
    source: 'ours: a cluster or a LAN is not a stranger (go-libp2p limits it like the Internet)',
  },
  {
    path: 'prefixes.tableMax',
    type: 'count',
    scale: 'fixed',
    default: 262_144,
    min: 1024,
    max: 2 ** 24,
    text: 'Most principals tracked at once; counts from the start of the node. When full, the least used fold into their parent prefix.',
    source: 'ours: a row costs about 100 bytes, so 25 MB at most',
  },
  {
    path: 'gate.allow',
    type: 'targets',
    scale: 'fixed',
    default: [],
    text: 'Admitted when the normal scopes are full: multiaddr prefixes (with or without /p2p), networks, IPs, peer ids.',
    source: OURS,
  },
  {
    path: 'gate.deny',
    type: 'targets',
    scale: 'fixed',
    default: [],
    text: 'Refused always; wins over `gate.allow`. Multiaddr prefixes, networks, IPs, peer ids.',
    source: OURS,
  },
  {
    path: 'costs.connection',
    type: 'size',
    scale: 'fixed',
    default: 40 * 1024,
    min: 0,
    text: 'Bytes charged to the scopes of a connection while it is open.',
    source:
      'measured, rounded up to 4 KiB: 38,266 bytes of heap and external memory for an idle, identified one on a protected js-libp2p 3.3 node (31,373 on a plain one); `npm run bench -- costs`',
  },
  {
    path: 'costs.stream',
    type: 'size',
    scale: 'fixed',
    default: 20 * 1024,
    min: 0,
    text: 'Bytes charged to the scopes of a stream while it is open.',
    source:
      'measured, rounded up to 4 KiB: 16,712 bytes of heap and external memory for an idle negotiated one on a protected js-libp2p 3.3 node (16,772 on a plain one); `npm run bench -- costs`',
  },
]

/** Every field, in the order of the manual. Paths are unique. */
export const FIELDS: readonly Field[] = [...OWN_FIELDS, ...limitFields(), ...prefixFields(), ...RATE_FIELDS, ...TRANSPORT_FIELDS]
