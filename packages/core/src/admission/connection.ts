/**
 * A connection: charged to its prefix scopes (inbound), transient and system until its peer is known, then to peer and system. Streams hang off it in a list
 * through their own fields, so that opening one allocates the stream and nothing else.
 *
 * A connection that came in through the allow list is charged to the allow-listed twins of transient and system, and to no prefix. If its peer turns out not to be
 * the one on the list, it is moved to the normal scopes, or stays where it is and is refused (`rehome.ts`).
 */

import type { Address } from '../address.ts'
import { ADMITTED, type Decision, type Direction } from '../decision.ts'
import type { Connection, MemoryAccount, MemoryPriority, Stream, Usage } from '../handles.ts'
import type { RateAccount } from '../rates/kind.ts'
import { CONNECTION, NOTHING } from '../resources/counters.ts'
import type { LimitTable } from '../resources/limits.ts'
import { PrefixPath } from '../resources/prefix-path.ts'
import { connectionBlocked, type Level, memoryBlocked, NOWHERE, type Scope } from '../resources/scope.ts'
import { Account } from './account.ts'
import type { Engine } from './engine.ts'
import { checkDirection, checkName } from './names.ts'
import { openStream } from './open-stream.ts'
import { movePeer } from './rehome.ts'
import { closeAccount, spendOn } from './spend.ts'
import type { StreamHandle } from './stream.ts'
import { StreamSet } from './stream-set.ts'

export class ConnectionHandle extends Account implements Connection {
  readonly id: number
  readonly inbound: boolean
  readonly transport: string
  readonly remote: Address
  /** 1 when the transport holds a descriptor of its own. */
  readonly fileDescriptors: number
  peer: string | undefined
  allowlisted: boolean
  firstStream: StreamHandle | undefined
  streamsInbound: number
  streamsOutbound: number
  previous: ConnectionHandle | undefined
  next: ConnectionHandle | undefined
  /** Prefix scopes it is charged to; none for outbound, exempt and allow-listed ones. */
  prefixes: PrefixPath
  /** Opened on the first spend. */
  account: RateAccount | undefined
  peerScope: Scope
  transientScope: Scope
  systemScope: Scope

  /** Charges nothing: `openConnection` has looked and charges. */
  constructor(
    engine: Engine,
    id: number,
    remote: Address,
    inbound: boolean,
    transport: string,
    fileDescriptors: number,
    cost: number,
    prefixes: PrefixPath,
    transient: Scope,
    system: Scope,
  ) {
    super(engine, cost)
    this.id = id
    this.remote = remote
    this.inbound = inbound
    this.transport = transport
    this.fileDescriptors = fileDescriptors
    this.peer = undefined
    this.allowlisted = system === engine.graph.allowlistedSystem
    this.firstStream = undefined
    this.streamsInbound = 0
    this.streamsOutbound = 0
    this.previous = undefined
    this.next = undefined
    this.prefixes = prefixes
    this.account = undefined
    this.peerScope = NOWHERE
    this.transientScope = transient
    this.systemScope = system
  }

  get kind(): number {
    return CONNECTION
  }

  get name(): string {
    return `conn-${this.id}`
  }

  get reference(): string {
    return `c${this.id}`
  }

  get direction(): Direction {
    return this.inbound ? 'inbound' : 'outbound'
  }

  get address(): string {
    return this.remote.text
  }

  get memory(): MemoryAccount {
    return this
  }

  get limits(): LimitTable {
    return this.engine.graph.connectionLimits
  }

  get subject(): this {
    return this
  }

  get streamCount(): number {
    return this.streamsInbound + this.streamsOutbound
  }

  get streams(): ReadonlySet<Stream> {
    return new StreamSet(this)
  }

  get usage(): Usage {
    const open = this.open ? 1 : 0
    return {
      streamsInbound: this.streamsInbound,
      streamsOutbound: this.streamsOutbound,
      connectionsInbound: this.inbound ? open : 0,
      connectionsOutbound: this.inbound ? 0 : open,
      connectionsPending: 0,
      fileDescriptors: open * this.fileDescriptors,
      memory: this.bytes,
    }
  }

  setPeer(peer: string): Decision {
    checkName('peer', peer)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'peer', t: engine.tick(), c: this.id, p: peer })
    if (!this.open) return engine.released(this)
    if (this.peer !== undefined) return engine.wrongState(this)
    const barred = engine.barredPeer(peer, this)
    if (barred !== undefined && !barred.observed) return { allow: false, denial: barred.denial }
    const scope = this.#peerScopeOf(peer)
    const { inbound, fileDescriptors, bytes } = this
    // Plain: not through the allow list, no stream before the peer was known, and room in the peer's scope.
    const plain = !this.allowlisted && this.firstStream === undefined
    if (!plain || barred !== undefined || connectionBlocked(scope, inbound, fileDescriptors, bytes) !== NOTHING) {
      return movePeer(engine, this, peer, scope, barred?.denial)
    }
    this.transientScope.removeConnection(inbound, fileDescriptors, bytes)
    this.transientScope = NOWHERE
    this.settlePeer(peer, scope)
    return ADMITTED
  }

  /**
   * The scope of a peer. The one that came last from the same place is asked first: behind most addresses there is one peer, and comparing its id is cheaper than looking it up
   * (`npm run bench -- resources`, `connection cycle`).
   */
  #peerScopeOf(peer: string): Scope {
    const { prefixes } = this
    const recent = prefixes.recentPeer
    if (recent !== undefined && recent.key === peer && !recent.dead) return recent
    const scope = this.engine.graph.peer(peer)
    if (prefixes !== PrefixPath.NONE) prefixes.recentPeer = scope
    return scope
  }

  /** Charges the peer's scope; the transient one has been left. */
  settlePeer(peer: string, scope: Scope): void {
    const { inbound } = this
    if (scope.connectionsInbound + scope.connectionsOutbound === 0) this.engine.graph.idlePeers--
    scope.addConnection(inbound, this.fileDescriptors, this.bytes)
    this.peerScope = scope
    this.peer = peer
    if (this.prefixes !== PrefixPath.NONE) this.prefixes.identified()
  }

  openStream(direction: Direction): Decision<Stream> {
    checkDirection(direction)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'stream', t: engine.tick(), c: this.id, d: direction === 'inbound' ? 'i' : 'o' })
    const id = engine.nextStreamId()
    if (!this.open) return engine.released(this)
    return openStream(engine, this, id, direction)
  }

  spend(kind: string, cost = 1): Decision {
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'spend', t: engine.tick(), c: this.id, k: kind, n: cost })
    if (!this.open) return engine.released(this)
    return spendOn(engine, this, kind, cost)
  }

  fits(bytes: number, priority: MemoryPriority): boolean {
    return (
      bytes <= this.engine.graph.connectionLimits.memoryAt(priority) - this.bytes &&
      !memoryBlocked(this.peerScope, bytes, priority) &&
      !memoryBlocked(this.transientScope, bytes, priority) &&
      !memoryBlocked(this.systemScope, bytes, priority)
    )
  }

  charge(bytes: number): void {
    this.bytes += bytes
    this.peerScope.memory += bytes
    this.transientScope.memory += bytes
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
        return this.systemScope
      default:
        return undefined
    }
  }

  link(stream: StreamHandle): void {
    const first = this.firstStream
    stream.next = first
    if (first !== undefined) first.previous = stream
    this.firstStream = stream
    if (stream.inbound) this.streamsInbound++
    else this.streamsOutbound++
  }

  /** Takes a stream off the list. It keeps its `next`, so that a walk standing on it goes on. */
  unlink(stream: StreamHandle): void {
    const { previous, next } = stream
    if (previous === undefined) this.firstStream = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    if (stream.inbound) this.streamsInbound--
    else this.streamsOutbound--
  }

  release(): void {
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'release', t: engine.tick(), o: this.reference })
    if (!this.open) return
    this.open = false
    for (let stream = this.firstStream; stream !== undefined; stream = stream.next) stream.shut()
    this.firstStream = undefined
    this.streamsInbound = 0
    this.streamsOutbound = 0
    if (this.spans !== undefined) this.closeSpans()
    const { inbound, fileDescriptors, bytes, peerScope } = this
    if (peerScope !== NOWHERE) {
      peerScope.removeConnection(inbound, fileDescriptors, bytes)
      if (peerScope.connectionsInbound + peerScope.connectionsOutbound === 0) engine.graph.idlePeers++
    }
    this.transientScope.removeConnection(inbound, fileDescriptors, bytes)
    this.systemScope.removeConnection(inbound, fileDescriptors, bytes)
    engine.leavePath(this.prefixes, this.peer === undefined)
    if (this.account !== undefined) closeAccount(engine, this.account)
    engine.unlink(this)
    this.bytes = 0
    this.used = 0
    this.peerScope = NOWHERE
    this.transientScope = NOWHERE
    this.systemScope = NOWHERE
    this.prefixes = PrefixPath.NONE
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
