/**
 * What every handle shares: the rooms of the house, the clock and the recorder; and, as `Rulings`, the mode in force and the denial log. It makes no decision of its own; the verbs on the handles do.
 */

import type { Address } from '../address.ts'
import type { Clock, Random } from '../clock.ts'
import type { Denial, Direction } from '../decision.ts'
import type { GovernorEvent } from '../events.ts'
import { Gate } from '../gate/gate.ts'
import type { Mode, Policy } from '../policy/policy.ts'
import { PrincipalTable } from '../principals/table.ts'
import { ConnectionRates } from '../rates/connections.ts'
import { RateAccount, type RateKind } from '../rates/kind.ts'
import { Rates } from '../rates/rates.ts'
import type { RecordedInput } from '../recorder.ts'
import { CONNECTION, PEER, PREFIX, STREAM } from '../resources/counters.ts'
import { Graph } from '../resources/graph.ts'
import { PrefixPath } from '../resources/prefix-path.ts'
import { PrefixScopes } from '../resources/prefixes.ts'
import { Scope } from '../resources/scope.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Subject } from './denials.ts'
import { Rulings } from './rulings.ts'
import { Spending } from './spend.ts'

/** Rate kind of new inbound connections. */
export const CONNECTION_RATE = 'connection'
/** Rate kind that opening an inbound stream spends. */
export const STREAM_OPEN = 'stream-open'

export interface EngineInit {
  readonly policy: Policy
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: ((event: GovernorEvent) => void) | undefined
  readonly onInput: ((input: RecordedInput) => void) | undefined
}

/** What a list says, and whether its rule only observes. */
export interface Barred {
  readonly denial: Denial
  readonly observed: boolean
}

export class Engine extends Rulings {
  readonly clock: Clock
  readonly random: Random
  readonly graph: Graph
  readonly prefixes: PrefixScopes
  /** Set while inputs are recorded. */
  onInput: ((input: RecordedInput) => void) | undefined
  /** Head of the list of open connections. */
  connections: ConnectionHandle | undefined
  connectionCount: number
  streamCount: number
  spanCount: number
  /** Bytes every connection and stream is charged while open. */
  connectionCost: number
  streamCost: number
  readonly gate: Gate
  readonly table: PrincipalTable
  readonly rates: Rates
  readonly connectionRates: ConnectionRates
  /** Half of the connection rate's burst: what runs dry first when addresses are forged. */
  readonly verifyRates: ConnectionRates
  readonly spending: Spending = new Spending()
  /** Account of a spend without a connection. */
  readonly scratchAccount: RateAccount = new RateAccount(0, false)
  /** Kinds asked on the hot path, when the policy has them. */
  connectionKind: RateKind | undefined
  streamKind: RateKind | undefined
  /** A connection or stream that is not there yet: what its own limits say to the first one. */
  connectionProbe: Scope
  streamProbe: Scope
  #nowMs: number
  #connectionId: number
  #streamId: number
  #spanId: number
  #viewId: number

  constructor(init: EngineInit) {
    super(init.policy, init.onEvent)
    this.clock = init.clock
    this.random = init.random
    this.graph = new Graph(init.policy.limits)
    this.prefixes = new PrefixScopes(init.policy.prefixes)
    this.onInput = init.onInput
    this.connections = undefined
    this.connectionCount = 0
    this.streamCount = 0
    this.spanCount = 0
    this.connectionCost = init.policy.costs.connection
    this.streamCost = init.policy.costs.stream
    const { policy } = init
    // The seed only spreads hashes, so it decides nothing; drawing it from `random` keeps collisions out of a stranger's hands.
    const seed = Math.floor(init.random() * 2 ** 31)
    this.#nowMs = init.clock.now()
    this.gate = new Gate(policy.gate, seed)
    this.table = new PrincipalTable({ rowsMax: policy.prefixes.tableMax, seed })
    this.rates = new Rates(this.table, policy.rates, this.#nowMs)
    this.connectionRates = new ConnectionRates(CONNECTION_RATE, this.table, policy.prefixes)
    this.verifyRates = new ConnectionRates('verify-source', this.table, policy.prefixes, 0.5)
    this.connectionKind = this.rates.kind(CONNECTION_RATE)
    this.streamKind = this.rates.kind(STREAM_OPEN)
    this.connectionProbe = new Scope(CONNECTION, '', this.graph.connectionLimits)
    this.streamProbe = new Scope(STREAM, '', this.graph.streamLimits)
    this.#connectionId = 0
    this.#streamId = 0
    this.#spanId = 0
    this.#viewId = 0
  }

  /** The clock, never stepping back. While inputs are recorded a verb sees the one reading it was recorded with. */
  override now(): number {
    return this.onInput === undefined ? this.tick() : this.#nowMs
  }

  /** Reads the clock. */
  tick(): number {
    const read = this.clock.now()
    if (read > this.#nowMs) this.#nowMs = read
    return this.#nowMs
  }

  // Ids count attempts, refused ones included, so that a recording means the same under a policy that refuses others.

  nextConnectionId(): number {
    return ++this.#connectionId
  }

  nextStreamId(): number {
    return ++this.#streamId
  }

  nextSpanId(): number {
    return ++this.#spanId
  }

  nextViewId(): number {
    return ++this.#viewId
  }

  /** One more connection on a path, without a peer. Its row in the principal table stays while there is one. */
  enterPath(path: PrefixPath): void {
    if (path === PrefixPath.NONE) return
    if (path.connections === 0) {
      path.pinned = path.row
      this.table.pin(path.row)
    }
    this.prefixes.enter(path)
  }

  /** One connection less. @param pending it never had a peer */
  leavePath(path: PrefixPath, pending: boolean): void {
    if (path === PrefixPath.NONE) return
    if (path.connections === 1) this.table.unpin(path.pinned)
    this.prefixes.leave(path, pending)
  }

  /** Adds an open connection to the list. */
  link(connection: ConnectionHandle): void {
    const first = this.connections
    connection.next = first
    if (first !== undefined) first.previous = connection
    this.connections = connection
    this.connectionCount++
  }

  /** Takes one off. It keeps its `next`, so that a walk standing on it goes on. */
  unlink(connection: ConnectionHandle): void {
    const { previous, next } = connection
    if (previous === undefined) this.connections = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    this.connectionCount--
  }

  /** Does a deny entry or a ban name this address, or the peer it says we dial? */
  barredAddress(remote: Address, direction: Direction): Barred | undefined {
    if (this.gate.isOpen) return undefined
    const peer = direction === 'outbound' ? remote.peer : undefined
    return this.#barred(remote, peer, direction, { peer, remote })
  }

  /** Does a deny entry or a ban name this peer, here or anywhere? */
  barredPeer(peer: string, connection: ConnectionHandle): Barred | undefined {
    if (this.gate.isOpen) return undefined
    return this.#barred(connection.remote, peer, connection.direction, { peer, remote: connection.remote })
  }

  #barred(remote: Address, peer: string | undefined, direction: Direction, subject: Subject): Barred | undefined {
    const barrier = this.gate.barrier(remote, peer, this.now())
    if (barrier === undefined) return undefined
    const observed = !this.enforced(barrier.rule)
    const kind = barrier.target.startsWith('/ip') ? PREFIX : PEER
    return { denial: this.plainDenial(barrier.rule, { name: barrier.target }, kind, direction, observed, subject), observed }
  }

  /** Is the remote of a connection allow-listed, by an entry without a peer or with its own? */
  lifts(connection: ConnectionHandle): boolean {
    return this.gate.isAllowed(connection.remote, connection.peer)
  }

  /** Could an allow-list entry be about this address, once its peer is known? */
  mayLift(remote: Address): boolean {
    return this.gate.mayBeAllowed(remote)
  }

  /** Puts a policy in force. Counters, bans, run-time list entries and handles stay. */
  setPolicy(policy: Policy): void {
    this.policy = policy
    this.connectionCost = policy.costs.connection
    this.streamCost = policy.costs.stream
    this.graph.applyLimits(policy.limits)
    this.connectionProbe = new Scope(CONNECTION, '', this.graph.connectionLimits)
    this.streamProbe = new Scope(STREAM, '', this.graph.streamLimits)
    this.gate.setPolicy(policy.gate)
    this.rates.setRates(policy.rates)
    this.connectionRates.setPolicy(policy.prefixes)
    this.verifyRates.setPolicy(policy.prefixes)
    this.connectionKind = this.rates.kind(CONNECTION_RATE)
    this.streamKind = this.rates.kind(STREAM_OPEN)
    this.setModes(policy.mode)
    this.#rehomePrefixes()
  }

  /** Overrides the policy's global mode until the next policy. */
  setMode(mode: Mode): void {
    this.policy = { ...this.policy, mode }
    this.setModes(mode)
  }

  /** Lets go of idle scopes and paths. */
  collect(): void {
    this.graph.collectPeers()
    this.graph.collectProtocols()
    this.prefixes.sweep()
  }

  /** Lets go of idle principals among a bounded number of them. @returns whether there are more to look at */
  sweep(): boolean {
    this.table.collect(this.rates.time(this.now()))
    return this.table.isSweeping
  }

  /** Every connection that is charged to prefixes is charged to those of the policy in force. */
  #rehomePrefixes(): void {
    for (let connection = this.connections; connection !== undefined; connection = connection.next) {
      this.leavePath(connection.prefixes, connection.peer === undefined)
    }
    this.prefixes.applyPolicy(this.policy.prefixes)
    for (let connection = this.connections; connection !== undefined; connection = connection.next) {
      if (!connection.inbound || connection.allowlisted) continue
      const path = this.prefixes.path(connection.remote)
      connection.prefixes = path
      this.enterPath(path)
      if (connection.peer !== undefined && path !== PrefixPath.NONE) path.identified()
      for (let stream = connection.firstStream; stream !== undefined; stream = stream.next) {
        if (stream.systemScope !== this.graph.allowlistedSystem) stream.enterPrefixes(path)
      }
    }
  }

  /** Hands an input to the recorder. One that throws is not asked again, and everybody who listens is told. */
  record(input: RecordedInput): void {
    try {
      this.onInput?.(input)
    } catch (error) {
      this.onInput = undefined
      this.emit({ type: 'recorder', atMs: this.#nowMs, failed: error instanceof Error ? error.message : String(error) })
    }
  }
}
