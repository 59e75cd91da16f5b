/**
 * A scope: seven counters and the limits they are held to. One class for every kind of named scope, so that the hot path sees one shape.
 *
 * Order of checks inside a scope, as go-libp2p's resource manager: direction, total, file descriptors, memory. What a leaf (connection, stream, span) is charged to is
 * written in that leaf's own fields; `NOWHERE` stands where there is no edge, so that charging needs no branches.
 */

import type { ScopeClass } from '../decision.ts'
import type { MemoryPriority, Usage } from '../handles.ts'
import type { Limits } from '../policy/policy.ts'
import {
  CONNECTIONS,
  CONNECTIONS_INBOUND,
  CONNECTIONS_OUTBOUND,
  CONNECTIONS_PENDING,
  FILE_DESCRIPTORS,
  MEMORY,
  NOTHING,
  PEER,
  PREFIX,
  PROTOCOL,
  PROTOCOL_PEER,
  SCOPE_CLASSES,
  SERVICE,
  SERVICE_PEER,
  STREAMS,
  STREAMS_INBOUND,
  STREAMS_OUTBOUND,
  SYSTEM,
} from './counters.ts'
import { LimitTable, UNLIMITED_LIMITS } from './limits.ts'

/** Whatever can be named in a denial. Names are made when somebody reads them. */
export interface Named {
  readonly name: string
}

/** Anything bytes are charged to: a scope, or a leaf of its own. */
export interface Level extends Named {
  readonly kind: number
  readonly limits: LimitTable
  /** Bytes charged to it. */
  readonly bytes: number
}

export class Scope implements Level {
  // What a stream touches comes first, so that it shares cache lines: at 100,000 peers the time goes into fetching them.
  limits: LimitTable
  streamsInbound: number
  streamsOutbound: number
  memory: number
  /** Peer scopes: the sub-scopes used last, and all of them once there are two. */
  recentProtocol: Scope | undefined
  recentService: Scope | undefined
  connectionsInbound: number
  connectionsOutbound: number
  fileDescriptors: number
  /** Inbound connections without a peer; prefix scopes only. */
  connectionsPending: number
  /** Code of the scope class. */
  readonly kind: number
  /** Peer id, protocol or service name, or the whole name of a prefix; empty for the scopes there is one of. */
  readonly key: string
  /** The peer of a servicePeer or protocolPeer scope. */
  readonly peer: Scope | undefined
  /** Limits were set at run time: never collected. */
  sticky: boolean
  /** Collected: whoever still refers to it has to look the name up again. */
  dead: boolean
  /** Bytes held directly through views: they keep a scope alive. */
  direct: number
  protocols: Map<string, Scope> | undefined
  services: Map<string, Scope> | undefined

  constructor(kind: number, key: string, limits: LimitTable, peer?: Scope) {
    this.limits = limits
    this.streamsInbound = 0
    this.streamsOutbound = 0
    this.memory = 0
    this.recentProtocol = undefined
    this.recentService = undefined
    this.connectionsInbound = 0
    this.connectionsOutbound = 0
    this.fileDescriptors = 0
    this.connectionsPending = 0
    this.kind = kind
    this.key = key
    this.peer = peer
    this.sticky = false
    this.dead = false
    this.direct = 0
    this.protocols = undefined
    this.services = undefined
  }

  /** As go-libp2p spells it: `system`, `peer:ID`, `protocol:/a/1.0.0`, `protocol:/a/1.0.0.peer:ID`, … */
  get name(): string {
    switch (this.kind) {
      case PEER:
        return `peer:${this.key}`
      case SERVICE:
        return `service:${this.key}`
      case PROTOCOL:
        return `protocol:${this.key}`
      case SERVICE_PEER:
        return `service:${this.key}.peer:${this.peer?.key ?? ''}`
      case PROTOCOL_PEER:
        return `protocol:${this.key}.peer:${this.peer?.key ?? ''}`
      case PREFIX:
        return this.key
      default:
        return SCOPE_CLASSES[this.kind] ?? ''
    }
  }

  get bytes(): number {
    return this.memory
  }

  get scopeClass(): ScopeClass {
    return SCOPE_CLASSES[this.kind] ?? 'system'
  }

  get usage(): Usage {
    return {
      streamsInbound: this.streamsInbound,
      streamsOutbound: this.streamsOutbound,
      connectionsInbound: this.connectionsInbound,
      connectionsOutbound: this.connectionsOutbound,
      connectionsPending: this.connectionsPending,
      fileDescriptors: this.fileDescriptors,
      memory: this.memory,
    }
  }

  /** Nothing charged, nothing pinned. go ignores memory here; a scope that holds bytes would lose them, so we do not. */
  get idle(): boolean {
    return (
      this.connectionsInbound === 0 &&
      this.connectionsOutbound === 0 &&
      this.streamsInbound === 0 &&
      this.streamsOutbound === 0 &&
      this.memory === 0 &&
      this.direct === 0
    )
  }

  addConnection(inbound: boolean, fileDescriptors: number, bytes: number): void {
    if (inbound) this.connectionsInbound++
    else this.connectionsOutbound++
    this.fileDescriptors += fileDescriptors
    this.memory += bytes
  }

  removeConnection(inbound: boolean, fileDescriptors: number, bytes: number): void {
    if (inbound) this.connectionsInbound--
    else this.connectionsOutbound--
    this.fileDescriptors -= fileDescriptors
    this.memory -= bytes
  }

  addStream(inbound: boolean, bytes: number): void {
    if (inbound) this.streamsInbound++
    else this.streamsOutbound++
    this.memory += bytes
  }

  removeStream(inbound: boolean, bytes: number): void {
    if (inbound) this.streamsInbound--
    else this.streamsOutbound--
    this.memory -= bytes
  }
}

/** Where there is no edge. It counts like any scope and limits nothing; nobody reads it. */
export const NOWHERE: Scope = new Scope(SYSTEM, 'nowhere', new LimitTable(UNLIMITED_LIMITS, Number.POSITIVE_INFINITY))

/** The resource that would not fit, as a code; 0 when all fit. */
export function connectionBlocked(scope: Scope, inbound: boolean, fileDescriptors: number, bytes: number): number {
  const limits = scope.limits
  if (inbound) {
    if (scope.connectionsInbound >= limits.connectionsInbound) return CONNECTIONS_INBOUND
  } else if (scope.connectionsOutbound >= limits.connectionsOutbound) return CONNECTIONS_OUTBOUND
  if (scope.connectionsInbound + scope.connectionsOutbound >= limits.connections) return CONNECTIONS
  if (fileDescriptors > limits.fileDescriptors - scope.fileDescriptors) return FILE_DESCRIPTORS
  return bytes > limits.memory - scope.memory ? MEMORY : NOTHING
}

/** The resource that would not fit, as a code; 0 when all fit. */
export function streamBlocked(scope: Scope, inbound: boolean, bytes: number): number {
  const limits = scope.limits
  if (inbound) {
    if (scope.streamsInbound >= limits.streamsInbound) return STREAMS_INBOUND
  } else if (scope.streamsOutbound >= limits.streamsOutbound) return STREAMS_OUTBOUND
  if (scope.streamsInbound + scope.streamsOutbound >= limits.streams) return STREAMS
  return bytes > limits.memory - scope.memory ? MEMORY : NOTHING
}

/** The same for several streams at once, their memory aside. */
export function streamsBlocked(scope: Scope, inbound: number, outbound: number): number {
  const limits = scope.limits
  if (inbound > 0 && inbound > limits.streamsInbound - scope.streamsInbound) return STREAMS_INBOUND
  if (outbound > 0 && outbound > limits.streamsOutbound - scope.streamsOutbound) return STREAMS_OUTBOUND
  const held = scope.streamsInbound + scope.streamsOutbound
  return inbound + outbound > 0 && inbound + outbound > limits.streams - held ? STREAMS : NOTHING
}

/** Would these bytes go over the limit in force at this priority? Written as a subtraction: the sum could pass 2^53. */
export function memoryBlocked(scope: Scope, bytes: number, priority: MemoryPriority): boolean {
  return bytes > scope.limits.memoryAt(priority) - scope.memory
}

/** How much of a resource a scope holds now. */
export function heldOf(scope: Scope, resource: number): number {
  switch (resource) {
    case CONNECTIONS:
      return scope.connectionsInbound + scope.connectionsOutbound
    case CONNECTIONS_INBOUND:
      return scope.connectionsInbound
    case CONNECTIONS_OUTBOUND:
      return scope.connectionsOutbound
    case STREAMS:
      return scope.streamsInbound + scope.streamsOutbound
    case STREAMS_INBOUND:
      return scope.streamsInbound
    case STREAMS_OUTBOUND:
      return scope.streamsOutbound
    case CONNECTIONS_PENDING:
      return scope.connectionsPending
    case FILE_DESCRIPTORS:
      return scope.fileDescriptors
    default:
      return scope.memory
  }
}

/** The limit on a resource, memory at priority `always`. */
export function limitOf(limits: LimitTable, resource: number): number {
  switch (resource) {
    case CONNECTIONS:
      return limits.connections
    case CONNECTIONS_INBOUND:
      return limits.connectionsInbound
    case CONNECTIONS_OUTBOUND:
      return limits.connectionsOutbound
    case STREAMS:
      return limits.streams
    case STREAMS_INBOUND:
      return limits.streamsInbound
    case STREAMS_OUTBOUND:
      return limits.streamsOutbound
    case CONNECTIONS_PENDING:
      return limits.pending
    case FILE_DESCRIPTORS:
      return limits.fileDescriptors
    default:
      return limits.memory
  }
}

/** `base` with what `override` names replaced. */
export function mergeLimits(base: Limits, override: Partial<Limits>): Limits {
  return { ...base, ...override }
}
