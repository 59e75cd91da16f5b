/**
 * A stream: charged to peer, transient and system until its protocol is known, then to peer, protocol-peer, protocol and system, and with a service to
 * service-peer and service as well; besides, as a number, to the prefixes of its connection. A refused move leaves it where it was, and may be tried again with another
 * name.
 *
 * Its edges are seven plain fields in the order of checks, `NOWHERE` where there is none. `npm run bench -- resources` is why: an array of edges costs an
 * allocation a stream and a bounds check an edge.
 */

import { ADMITTED, type Decision, type Denial, type Direction } from '../decision.ts'
import type { MemoryAccount, MemoryPriority, Stream, Usage } from '../handles.ts'
import { MEMORY, NOTHING, STREAM } from '../resources/counters.ts'
import type { LimitTable } from '../resources/limits.ts'
import { PrefixPath } from '../resources/prefix-path.ts'
import { type Level, memoryBlocked, NOWHERE, type Scope, streamBlocked } from '../resources/scope.ts'
import { Account } from './account.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Subject } from './denials.ts'
import type { Engine } from './engine.ts'
import { checkName } from './names.ts'

export class StreamHandle extends Account implements Stream {
  readonly id: number
  readonly connection: ConnectionHandle
  readonly inbound: boolean
  protocol: string | undefined
  service: string | undefined
  previous: StreamHandle | undefined
  next: StreamHandle | undefined
  /** Of its connection; none when it came in through the allow list. */
  prefixes: PrefixPath
  peerScope: Scope
  transientScope: Scope
  protocolPeerScope: Scope
  servicePeerScope: Scope
  protocolScope: Scope
  serviceScope: Scope
  systemScope: Scope

  /** Charges nothing: `openStream` has looked and charges. */
  constructor(
    engine: Engine,
    id: number,
    connection: ConnectionHandle,
    inbound: boolean,
    cost: number,
    prefixes: PrefixPath,
    transient: Scope,
    system: Scope,
  ) {
    super(engine, cost)
    this.id = id
    this.connection = connection
    this.inbound = inbound
    this.protocol = undefined
    this.service = undefined
    this.previous = undefined
    this.next = undefined
    this.prefixes = prefixes
    this.peerScope = connection.peerScope
    this.transientScope = transient
    this.protocolPeerScope = NOWHERE
    this.servicePeerScope = NOWHERE
    this.protocolScope = NOWHERE
    this.serviceScope = NOWHERE
    this.systemScope = system
  }

  get kind(): number {
    return STREAM
  }

  get name(): string {
    return `${this.connection.name}.stream-${this.id}`
  }

  get reference(): string {
    return `s${this.id}`
  }

  get direction(): Direction {
    return this.inbound ? 'inbound' : 'outbound'
  }

  get memory(): MemoryAccount {
    return this
  }

  get limits(): LimitTable {
    return this.engine.graph.streamLimits
  }

  get subject(): Subject {
    return this.connection
  }

  get usage(): Usage {
    const open = this.open ? 1 : 0
    return {
      streamsInbound: this.inbound ? open : 0,
      streamsOutbound: this.inbound ? 0 : open,
      connectionsInbound: 0,
      connectionsOutbound: 0,
      connectionsPending: 0,
      fileDescriptors: 0,
      memory: this.bytes,
    }
  }

  setProtocol(protocol: string): Decision {
    checkName('protocol', protocol)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'protocol', t: engine.tick(), s: this.id, n: protocol })
    if (!this.open) return engine.released(this)
    if (this.protocol !== undefined || this.peerScope === NOWHERE) return engine.wrongState(this)
    const { inbound, bytes } = this
    const graph = engine.graph
    const scope = graph.protocol(protocol)
    const peerScope = graph.protocolPeer(this.peerScope, scope)
    let would: Denial | undefined
    if (streamBlocked(peerScope, inbound, bytes) !== NOTHING || streamBlocked(scope, inbound, bytes) !== NOTHING) {
      const decision = this.#judge(peerScope, scope)
      if (!decision.allow) return decision
      would = decision.would
    }
    this.transientScope.removeStream(inbound, bytes)
    this.transientScope = NOWHERE
    peerScope.addStream(inbound, bytes)
    scope.addStream(inbound, bytes)
    this.protocolPeerScope = peerScope
    this.protocolScope = scope
    this.protocol = protocol
    return would === undefined ? ADMITTED : { allow: true, handle: undefined, would }
  }

  setService(service: string): Decision {
    checkName('service', service)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'service', t: engine.tick(), s: this.id, n: service })
    if (!this.open) return engine.released(this)
    if (this.protocol === undefined || this.service !== undefined) return engine.wrongState(this)
    const { inbound, bytes } = this
    const graph = engine.graph
    const scope = graph.service(service)
    const peerScope = graph.servicePeer(this.peerScope, scope)
    let would: Denial | undefined
    if (streamBlocked(peerScope, inbound, bytes) !== NOTHING || streamBlocked(scope, inbound, bytes) !== NOTHING) {
      const decision = this.#judge(peerScope, scope)
      if (!decision.allow) return decision
      would = decision.would
    }
    peerScope.addStream(inbound, bytes)
    scope.addStream(inbound, bytes)
    this.servicePeerScope = peerScope
    this.serviceScope = scope
    this.service = service
    return would === undefined ? ADMITTED : { allow: true, handle: undefined, would }
  }

  fits(bytes: number, priority: MemoryPriority): boolean {
    return (
      bytes <= this.engine.graph.streamLimits.memoryAt(priority) - this.bytes &&
      !memoryBlocked(this.peerScope, bytes, priority) &&
      !memoryBlocked(this.transientScope, bytes, priority) &&
      !memoryBlocked(this.protocolPeerScope, bytes, priority) &&
      !memoryBlocked(this.servicePeerScope, bytes, priority) &&
      !memoryBlocked(this.protocolScope, bytes, priority) &&
      !memoryBlocked(this.serviceScope, bytes, priority) &&
      !memoryBlocked(this.systemScope, bytes, priority)
    )
  }

  charge(bytes: number): void {
    this.bytes += bytes
    this.peerScope.memory += bytes
    this.transientScope.memory += bytes
    this.protocolPeerScope.memory += bytes
    this.servicePeerScope.memory += bytes
    this.protocolScope.memory += bytes
    this.serviceScope.memory += bytes
    this.systemScope.memory += bytes
  }

  level(index: number): Level | undefined {
    switch (index) {
      case 0:
        return this
      case 1:
        return this.peerScope
      case 2:
        return this.transientScope
      case 3:
        return this.protocolPeerScope
      case 4:
        return this.servicePeerScope
      case 5:
        return this.protocolScope
      case 6:
        return this.serviceScope
      case 7:
        return this.systemScope
      default:
        return undefined
    }
  }

  /** Charged to the peer from now on: its connection has learned whose it is. */
  adopt(peer: Scope, transient: Scope, system: Scope): void {
    const { inbound, bytes } = this
    this.peerScope.removeStream(inbound, bytes)
    peer.addStream(inbound, bytes)
    this.peerScope = peer
    if (this.transientScope !== transient) {
      this.transientScope.removeStream(inbound, bytes)
      transient.addStream(inbound, bytes)
      this.transientScope = transient
    }
    if (this.systemScope === system) return
    this.systemScope.removeStream(inbound, bytes)
    system.addStream(inbound, bytes)
    this.systemScope = system
  }

  release(): void {
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'release', t: engine.tick(), o: this.reference })
    if (!this.open) return
    this.connection.unlink(this)
    this.shut()
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** Charged to these prefixes from now on; where it was before gives it back, or was forgotten. */
  enterPrefixes(prefixes: PrefixPath): void {
    prefixes.addStream(this.inbound)
    this.prefixes = prefixes
  }

  /** Gives back everything; whoever calls takes it off the connection's list. */
  shut(): void {
    const { inbound, bytes } = this
    this.open = false
    this.engine.streamCount--
    if (this.spans !== undefined) this.closeSpans()
    this.prefixes.removeStream(inbound)
    this.peerScope.removeStream(inbound, bytes)
    this.transientScope.removeStream(inbound, bytes)
    this.protocolPeerScope.removeStream(inbound, bytes)
    this.servicePeerScope.removeStream(inbound, bytes)
    this.protocolScope.removeStream(inbound, bytes)
    this.serviceScope.removeStream(inbound, bytes)
    this.systemScope.removeStream(inbound, bytes)
    this.bytes = 0
    this.used = 0
    // A closed stream that somebody keeps must not keep a whole peer alive.
    this.prefixes = PrefixPath.NONE
    this.peerScope = NOWHERE
    this.transientScope = NOWHERE
    this.protocolPeerScope = NOWHERE
    this.servicePeerScope = NOWHERE
    this.protocolScope = NOWHERE
    this.serviceScope = NOWHERE
    this.systemScope = NOWHERE
  }

  /** One of the two scopes is full: which, and does its rule refuse? */
  #judge(peerScope: Scope, scope: Scope): Decision {
    const { engine, inbound, bytes, direction } = this
    let would: Denial | undefined
    for (let index = 0; index < 2; index++) {
      const next = index === 0 ? peerScope : scope
      const resource = streamBlocked(next, inbound, bytes)
      if (resource === NOTHING) continue
      const enforced = engine.limitEnforced(next.kind)
      if (!enforced && would !== undefined) continue
      const denial = engine.scopeDenial(next, resource, direction, resource === MEMORY ? bytes : 1, !enforced, this.connection)
      if (enforced) return { allow: false, denial }
      would = denial
    }
    return would === undefined ? ADMITTED : { allow: true, handle: undefined, would }
  }
}
