/**
 * go-libp2p's autoscaling and its default table, so that a Sluice node and a go node of the same size have the same limits.
 * Source: go-libp2p `p2p/host/resource-manager/limit_defaults.go` and `limits.go`.
 *
 * A limit is `base + floor(increasePerGiB * MiB / 1024)`, where MiB is the scaling memory; nothing is added up to 128 MiB.
 * Two differences, on purpose: the stream increase is the stream's own (go uses the connection's), and the protocol-peer memory increase is 4 MiB
 * per GiB (go's constant says 4 bytes, an evident slip of the pen).
 *
 * The two knobs are read as points on go's line: `memory` picks the scale at which go's system scope would have that much memory, `connections` the one
 * at which it would accept that many inbound connections. Below go's base, limits shrink in proportion instead.
 */

import type { Limits } from '../policy/policy.ts'

export const MIB: number = 2 ** 20

/** Limits in numbers only. */
export type NumericLimits = { readonly [K in keyof Limits]: number }

/** `[base, increase per GiB of scaling memory]`; `fileDescriptors`: `[base, fraction of the descriptors]`. Memory in bytes. */
export type ScaledLimits = { readonly [K in keyof Limits]: readonly [number, number] }

function row(
  connections: readonly [readonly [number, number], readonly [number, number], readonly [number, number]],
  streams: readonly [readonly [number, number], readonly [number, number], readonly [number, number]],
  memory: readonly [number, number],
  fileDescriptors: readonly [number, number],
): ScaledLimits {
  return {
    streams: streams[2],
    streamsInbound: streams[0],
    streamsOutbound: streams[1],
    connections: connections[2],
    connectionsInbound: connections[0],
    connectionsOutbound: connections[1],
    fileDescriptors,
    memory: [memory[0] * MIB, memory[1] * MIB],
  }
}

type Triple = readonly [readonly [number, number], readonly [number, number], readonly [number, number]]
const NONE: Triple = [
  [0, 0],
  [0, 0],
  [0, 0],
]

/** Inbound, outbound and total of one quantity, each `[base, increase]`. */
function io(inbound: readonly [number, number], outbound: readonly [number, number], total: readonly [number, number] = outbound): Triple {
  return [inbound, outbound, total]
}

const SYSTEM = row(io([64, 64], [128, 128]), io([1024, 1024], [2048, 2048]), [128, 1024], [256, 1])
const TRANSIENT = row(io([32, 16], [64, 32]), io([128, 128], [256, 256]), [32, 128], [64, 1 / 4])

/** Names of the eleven class limits of a policy. */
export type ScaledClass =
  | 'system'
  | 'transient'
  | 'allowlistedSystem'
  | 'allowlistedTransient'
  | 'serviceDefault'
  | 'servicePeerDefault'
  | 'protocolDefault'
  | 'protocolPeerDefault'
  | 'peerDefault'
  | 'connection'
  | 'stream'

/** go's default table. A 0 in it is a limit that can never be reached because nothing of the sort is charged there (a service holds no connections). */
export const SCALING: Readonly<Record<ScaledClass, ScaledLimits>> = {
  system: SYSTEM,
  transient: TRANSIENT,
  allowlistedSystem: SYSTEM,
  allowlistedTransient: TRANSIENT,
  serviceDefault: row(NONE, io([1024, 512], [4096, 2048]), [64, 128], [0, 0]),
  servicePeerDefault: row(NONE, io([128, 4], [256, 8]), [16, 4], [0, 0]),
  protocolDefault: row(NONE, io([512, 256], [2048, 512]), [64, 164], [0, 0]),
  protocolPeerDefault: row(NONE, io([64, 4], [128, 8], [256, 16]), [16, 4], [0, 0]),
  peerDefault: row(io([8, 0], [8, 0]), io([256, 128], [512, 256]), [64, 128], [4, 1 / 64]),
  connection: row(io([1, 0], [1, 0]), NONE, [32, 0], [1, 0]),
  stream: row(NONE, io([1, 0], [1, 0]), [16, 0], [0, 0]),
}

/** Limits of a service or protocol, scaled: streams and memory only. */
function service(streams: Triple, memory: readonly [number, number]): ScaledLimits {
  return row(NONE, streams, memory, [0, 0])
}

const IDENTIFY = service(io([64, 64], [64, 64], [128, 128]), [4, 4])
const PING = service(io([64, 64], [64, 64]), [4, 4])
const AUTONAT = service(io([64, 4], [64, 4]), [4, 2])
const HOLEPUNCH = service(io([32, 8], [32, 8], [64, 16]), [4, 4])
const RELAY = service(io([256, 256], [256, 256]), [16, 16])
const CIRCUIT = service(io([640, 640], [640, 640]), [16, 16])
const IDENTIFY_PEER = service(io([16, 0], [16, 0], [32, 0]), [1, 0])
const IDENTIFY_PROTOCOL_PEER = service(io([16, 0], [16, 0], [32, 0]), [8192.5, 0])
const PING_PEER = service(io([2, 0], [3, 0], [4, 0]), [8192.5, 0])
const SINGLE_PEER = service(io([2, 0], [2, 0]), [1, 0])
const RELAY_PEER = service(io([64, 0], [64, 0]), [1, 0])
const CIRCUIT_PEER = service(io([128, 0], [128, 0]), [32, 0])

/** The services and protocols go-libp2p ships with. Source: go-libp2p `limits.go`, `SetDefaultServiceLimits`. */
export const BUILT_IN: {
  readonly services: Readonly<Record<string, ScaledLimits>>
  readonly servicePeers: Readonly<Record<string, ScaledLimits>>
  readonly protocols: Readonly<Record<string, ScaledLimits>>
  readonly protocolPeers: Readonly<Record<string, ScaledLimits>>
} = {
  services: {
    'libp2p.identify': IDENTIFY,
    'libp2p.ping': PING,
    'libp2p.autonat': AUTONAT,
    'libp2p.holepunch': HOLEPUNCH,
    'libp2p.relay/v2': RELAY,
  },
  servicePeers: {
    'libp2p.identify': IDENTIFY_PEER,
    'libp2p.ping': PING_PEER,
    'libp2p.autonat': SINGLE_PEER,
    'libp2p.holepunch': SINGLE_PEER,
    'libp2p.relay/v2': RELAY_PEER,
  },
  protocols: {
    '/ipfs/id/1.0.0': IDENTIFY,
    '/ipfs/id/push/1.0.0': IDENTIFY,
    '/ipfs/ping/1.0.0': PING,
    '/libp2p/autonat/1.0.0': AUTONAT,
    '/libp2p/dcutr': HOLEPUNCH,
    '/libp2p/circuit/relay/0.2.0/hop': CIRCUIT,
    '/libp2p/circuit/relay/0.2.0/stop': CIRCUIT,
  },
  protocolPeers: {
    '/ipfs/id/1.0.0': IDENTIFY_PROTOCOL_PEER,
    '/ipfs/id/push/1.0.0': IDENTIFY_PROTOCOL_PEER,
    '/ipfs/ping/1.0.0': PING_PEER,
    '/libp2p/autonat/1.0.0': SINGLE_PEER,
    '/libp2p/dcutr': SINGLE_PEER,
    '/libp2p/circuit/relay/0.2.0/hop': CIRCUIT_PEER,
    '/libp2p/circuit/relay/0.2.0/stop': CIRCUIT_PEER,
  },
}

/** Where on go's line to read each quantity. Bytes of scaling memory, or a factor below 1 when the knob asks for less than go's base. */
export interface Scale {
  /** For streams and memory. */
  readonly memory: Point
  /** For connections. */
  readonly connections: Point
  /** Descriptors to share out. */
  readonly fileDescriptors: number
}

/** `mib`: whole MiB of scaling memory above the base. `shrink`: at most 1, applied to bases. */
export interface Point {
  readonly mib: number
  readonly shrink: number
}

/** Where go's `Scale(memoryBytes, …)` stands: nothing is added up to 128 MiB. */
export function pointOf(memoryBytes: number): Point {
  return { mib: memoryBytes > 128 * MIB ? Math.floor(memoryBytes / MIB) : 0, shrink: 1 }
}

/** The point at which `[base, increase]` gives `wanted`. */
export function pointFor(wanted: number, base: number, increase: number): Point {
  if (wanted < base) return { mib: 0, shrink: wanted / base }
  return { mib: Math.ceil(((wanted - base) * 1024) / increase), shrink: 1 }
}

/** go's `AutoScale`: an eighth of the memory and half of the descriptors. */
export function autoscale(machine: { readonly memoryBytes: number; readonly fileDescriptors: number }): Scale {
  const point = pointOf(Math.floor(machine.memoryBytes / 8))
  return { memory: point, connections: point, fileDescriptors: Math.floor(machine.fileDescriptors / 2) }
}

function at(point: Point, base: number, increase: number): number {
  if (point.shrink < 1) return base === 0 ? 0 : Math.max(1, Math.floor(base * point.shrink))
  return base + Math.floor((increase * point.mib) / 1024)
}

/** The eight numbers of one row at a scale. */
export function scaleLimits(limits: ScaledLimits, scale: Scale): NumericLimits {
  const [fdBase, fdFraction] = limits.fileDescriptors
  const { memory, connections, fileDescriptors } = scale
  return {
    streams: at(memory, ...limits.streams),
    streamsInbound: at(memory, ...limits.streamsInbound),
    streamsOutbound: at(memory, ...limits.streamsOutbound),
    connections: at(connections, ...limits.connections),
    connectionsInbound: at(connections, ...limits.connectionsInbound),
    connectionsOutbound: at(connections, ...limits.connectionsOutbound),
    fileDescriptors: fdFraction > 0 && fileDescriptors > 0 ? Math.max(Math.floor(fdFraction * fileDescriptors), fdBase) : fdBase,
    memory: at(memory, ...limits.memory),
  }
}

/** The most of the system's inbound streams that one prefix may hold. */
const PREFIX_SHARE_MAX = 7 / 8

/**
 * Inbound streams of a prefix that may hold as many as so many peers. An IP gets two: a heavy honest peer and another one beside it. A /24, a relay or a /48 gets 8, a /16 or a /32 32, which mostly is
 * more than the share of the system's that nobody may take alone.
 */
export function prefixStreams(peers: number, { memory }: Scale): number {
  const most = Math.floor(at(memory, ...SCALING.system.streamsInbound) * PREFIX_SHARE_MAX)
  return Math.max(1, Math.min(peers * at(memory, ...SCALING.peerDefault.streamsInbound), most))
}
