/**
 * The named scopes and how to find them: system, transient, their allow-listed twins, and tables of peers, protocols and services with their per-peer sub-scopes.
 *
 * Sub-scopes hang off their peer, which remembers the one it used last: most peers speak one protocol most of the time, and then finding it is one comparison.
 * Tables are bounded: idle peers and protocols are collected when there are too many of them, and names past the cap of protocols or services share one
 * scope, `protocol:*` or `service:*`. It charges nothing itself; the handles of `admission/` do.
 */

import type { Limits, ScopeLimits } from '../policy/policy.ts'
import {
  ALLOWLISTED_SYSTEM,
  ALLOWLISTED_TRANSIENT,
  PEER,
  PROTOCOL,
  PROTOCOL_PEER,
  SERVICE,
  SERVICE_PEER,
  SYSTEM,
  TRANSIENT,
} from './counters.ts'
import { LimitTable } from './limits.ts'
import { mergeLimits, Scope } from './scope.ts'

/** Peers without a connection that may wait for the next collection; past this they are collected at once. */
export const IDLE_PEERS_MAX = 8192
/** Protocol scopes; names past it share `protocol:*`. A node speaks tens. */
export const PROTOCOLS_MAX = 4096
/** Service scopes; names past it share `service:*`. */
export const SERVICES_MAX = 1024
/** Name of the scope that names past a cap share. */
export const OVERFLOW_KEY = '*'

type Overrides = Readonly<Record<string, Partial<Limits>>>

/** Limit tables of a class: one for all, and one for each name with an override. */
class ClassLimits {
  readonly standard: LimitTable
  readonly #named: Map<string, LimitTable> = new Map()

  constructor(standard: Limits, named: Overrides) {
    this.standard = new LimitTable(standard)
    for (const [name, override] of Object.entries(named)) this.#named.set(name, new LimitTable(mergeLimits(standard, override)))
  }

  of(name: string): LimitTable {
    return this.#named.size === 0 ? this.standard : (this.#named.get(name) ?? this.standard)
  }
}

export class Graph {
  readonly system: Scope
  readonly transient: Scope
  readonly allowlistedSystem: Scope
  readonly allowlistedTransient: Scope
  readonly peers: Map<string, Scope> = new Map()
  readonly protocols: Map<string, Scope> = new Map()
  readonly services: Map<string, Scope> = new Map()
  /** Limits of every connection and stream. */
  connectionLimits: LimitTable
  streamLimits: LimitTable
  /** Peers that lost or never had a connection since the last collection. */
  idlePeers: number
  #peerLimits: ClassLimits
  #protocolLimits: ClassLimits
  #serviceLimits: ClassLimits
  #protocolPeerLimits: ClassLimits
  #servicePeerLimits: ClassLimits
  #recentProtocol: Scope | undefined
  #recentService: Scope | undefined

  constructor(limits: ScopeLimits) {
    this.system = new Scope(SYSTEM, '', new LimitTable(limits.system))
    this.transient = new Scope(TRANSIENT, '', new LimitTable(limits.transient))
    this.allowlistedSystem = new Scope(ALLOWLISTED_SYSTEM, '', new LimitTable(limits.allowlistedSystem))
    this.allowlistedTransient = new Scope(ALLOWLISTED_TRANSIENT, '', new LimitTable(limits.allowlistedTransient))
    this.connectionLimits = new LimitTable(limits.connection)
    this.streamLimits = new LimitTable(limits.stream)
    this.idlePeers = 0
    this.#peerLimits = new ClassLimits(limits.peerDefault, limits.peers)
    this.#protocolLimits = new ClassLimits(limits.protocolDefault, limits.protocols)
    this.#serviceLimits = new ClassLimits(limits.serviceDefault, limits.services)
    this.#protocolPeerLimits = new ClassLimits(limits.protocolPeerDefault, limits.protocolPeers)
    this.#servicePeerLimits = new ClassLimits(limits.servicePeerDefault, limits.servicePeers)
    this.#recentProtocol = undefined
    this.#recentService = undefined
  }

  /** The peer's scope, made when there is none. */
  peer(id: string): Scope {
    const known = this.peers.get(id)
    if (known !== undefined) return known
    if (this.idlePeers >= IDLE_PEERS_MAX) this.collectPeers()
    const made = new Scope(PEER, id, this.#peerLimits.of(id))
    this.peers.set(id, made)
    this.idlePeers++
    return made
  }

  protocol(name: string): Scope {
    const recent = this.#recentProtocol
    if (recent !== undefined && recent.key === name) return recent
    let scope = this.protocols.get(name)
    if (scope === undefined) {
      if (this.protocols.size >= PROTOCOLS_MAX) this.collectProtocols()
      scope = enlist(this.protocols, PROTOCOL, name, this.#protocolLimits, PROTOCOLS_MAX)
    }
    if (scope.key === name) this.#recentProtocol = scope
    return scope
  }

  service(name: string): Scope {
    const recent = this.#recentService
    if (recent !== undefined && recent.key === name) return recent
    const scope = this.services.get(name) ?? enlist(this.services, SERVICE, name, this.#serviceLimits, SERVICES_MAX)
    if (scope.key === name) this.#recentService = scope
    return scope
  }

  protocolPeer(peer: Scope, protocol: Scope): Scope {
    const recent = peer.recentProtocol
    if (recent !== undefined && recent.key === protocol.key) return recent
    if (recent !== undefined) peer.protocols ??= new Map([[recent.key, recent]])
    const known = peer.protocols?.get(protocol.key)
    const scope = known ?? new Scope(PROTOCOL_PEER, protocol.key, this.#protocolPeerLimits.of(protocol.key), peer)
    if (known === undefined) peer.protocols?.set(protocol.key, scope)
    peer.recentProtocol = scope
    return scope
  }

  servicePeer(peer: Scope, service: Scope): Scope {
    const recent = peer.recentService
    if (recent !== undefined && recent.key === service.key) return recent
    if (recent !== undefined) peer.services ??= new Map([[recent.key, recent]])
    const known = peer.services?.get(service.key)
    const scope = known ?? new Scope(SERVICE_PEER, service.key, this.#servicePeerLimits.of(service.key), peer)
    if (known === undefined) peer.services?.set(service.key, scope)
    peer.recentService = scope
    return scope
  }

  /** Every sub-scope of a peer. */
  *subScopes(peer: Scope): IterableIterator<Scope> {
    if (peer.protocols !== undefined) yield* peer.protocols.values()
    else if (peer.recentProtocol !== undefined) yield peer.recentProtocol
    if (peer.services !== undefined) yield* peer.services.values()
    else if (peer.recentService !== undefined) yield peer.recentService
  }

  /** Drops idle peers with their sub-scopes. @returns how many */
  collectPeers(): number {
    let dropped = 0
    for (const [id, scope] of this.peers) {
      if (!scope.idle || scope.sticky || this.#pinned(scope)) continue
      this.peers.delete(id)
      scope.dead = true
      dropped++
    }
    this.idlePeers = 0
    return dropped
  }

  /** Drops idle protocols. Services stay, as in go: there are as many as the host registers. @returns how many */
  collectProtocols(): number {
    let dropped = 0
    for (const [name, scope] of this.protocols) {
      if (!scope.idle || scope.sticky) continue
      this.protocols.delete(name)
      scope.dead = true
      dropped++
    }
    if (this.#recentProtocol?.dead === true) this.#recentProtocol = undefined
    return dropped
  }

  /** New limits for every scope but those that were set at run time. */
  applyLimits(limits: ScopeLimits): void {
    this.#peerLimits = new ClassLimits(limits.peerDefault, limits.peers)
    this.#protocolLimits = new ClassLimits(limits.protocolDefault, limits.protocols)
    this.#serviceLimits = new ClassLimits(limits.serviceDefault, limits.services)
    this.#protocolPeerLimits = new ClassLimits(limits.protocolPeerDefault, limits.protocolPeers)
    this.#servicePeerLimits = new ClassLimits(limits.servicePeerDefault, limits.servicePeers)
    this.connectionLimits = new LimitTable(limits.connection)
    this.streamLimits = new LimitTable(limits.stream)
    relimit(this.system, new LimitTable(limits.system))
    relimit(this.transient, new LimitTable(limits.transient))
    relimit(this.allowlistedSystem, new LimitTable(limits.allowlistedSystem))
    relimit(this.allowlistedTransient, new LimitTable(limits.allowlistedTransient))
    for (const scope of this.protocols.values()) relimit(scope, this.#protocolLimits.of(scope.key))
    for (const scope of this.services.values()) relimit(scope, this.#serviceLimits.of(scope.key))
    for (const peer of this.peers.values()) {
      relimit(peer, this.#peerLimits.of(peer.key))
      for (const sub of this.subScopes(peer)) {
        relimit(sub, (sub.kind === PROTOCOL_PEER ? this.#protocolPeerLimits : this.#servicePeerLimits).of(sub.key))
      }
    }
  }

  /** A sub-scope that must outlive its peer's idleness. */
  #pinned(peer: Scope): boolean {
    for (const sub of this.subScopes(peer)) if (sub.sticky || !sub.idle) return true
    return false
  }
}

function enlist(table: Map<string, Scope>, kind: number, name: string, limits: ClassLimits, max: number): Scope {
  const key = table.size < max ? name : OVERFLOW_KEY
  const known = table.get(key)
  if (known !== undefined) return known
  const made = new Scope(kind, key, limits.of(key))
  table.set(key, made)
  return made
}

function relimit(scope: Scope, limits: LimitTable): void {
  if (!scope.sticky) scope.limits = limits
}
