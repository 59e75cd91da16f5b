/**
 * The scopes an inbound connection and its streams stand under, narrow to wide, and how they are charged to them. Which address has which path is in `prefixes.ts`.
 */

import { CONNECTIONS, CONNECTIONS_PENDING, NOTHING } from './counters.ts'
import { NOWHERE, type Scope } from './scope.ts'

/** The resource that would not fit, as a code; 0 when one more half-open connection does. */
export function prefixBlocked(scope: Scope): number {
  if (scope.connectionsInbound >= scope.limits.connections) return CONNECTIONS
  return scope.connectionsPending >= scope.limits.pending ? CONNECTIONS_PENDING : NOTHING
}

/** Is it full of inbound streams? Those we open ourselves are counted, not limited. */
export function prefixStreamsBlocked(scope: Scope): boolean {
  return scope.streamsInbound >= scope.limits.streamsInbound
}

/** The scopes of one address, narrow to wide: four plain fields, `NOWHERE` past the last, since every connection walks them three times (`npm run bench -- resources`). */
export class PrefixPath {
  /** Of addresses that no prefix limit concerns. */
  static readonly NONE: PrefixPath = new PrefixPath([])

  readonly first: Scope
  readonly second: Scope
  readonly third: Scope
  readonly fourth: Scope
  /** Connections charged through this path. */
  connections: number
  /** Row of the principal table that the last connection's rate was charged to: where the next one looks first. */
  row: number
  /** The row that is kept in the table while somebody is connected here. */
  pinned: number
  /** The peer of the last connection: mostly that of the next one. */
  recentPeer: Scope | undefined

  constructor(scopes: readonly Scope[]) {
    const [first = NOWHERE, second = NOWHERE, third = NOWHERE, fourth = NOWHERE] = scopes
    this.first = first
    this.second = second
    this.third = third
    this.fourth = fourth
    this.connections = 0
    this.row = 0
    this.pinned = 0
    this.recentPeer = undefined
  }

  /** Without the places that are empty. */
  get scopes(): readonly Scope[] {
    return [this.first, this.second, this.third, this.fourth].filter(scope => scope !== NOWHERE)
  }

  /** Nobody is connected, and nobody set limits here. */
  get idle(): boolean {
    return this.connections === 0 && !(this.first.sticky || this.second.sticky || this.third.sticky || this.fourth.sticky)
  }

  /** The narrowest scope that would not take one more half-open connection. */
  get full(): Scope | undefined {
    if (prefixBlocked(this.first) !== NOTHING) return this.first
    if (prefixBlocked(this.second) !== NOTHING) return this.second
    if (prefixBlocked(this.third) !== NOTHING) return this.third
    return prefixBlocked(this.fourth) === NOTHING ? undefined : this.fourth
  }

  /** The narrowest scope that would not take one more inbound stream. */
  get fullOfStreams(): Scope | undefined {
    if (prefixStreamsBlocked(this.first)) return this.first
    if (prefixStreamsBlocked(this.second)) return this.second
    if (prefixStreamsBlocked(this.third)) return this.third
    return prefixStreamsBlocked(this.fourth) ? this.fourth : undefined
  }

  /** One more connection, without a peer. */
  add(): void {
    this.connections++
    enter(this.first)
    enter(this.second)
    enter(this.third)
    enter(this.fourth)
  }

  /** One of them has a peer now. */
  identified(): void {
    this.first.connectionsPending--
    this.second.connectionsPending--
    this.third.connectionsPending--
    this.fourth.connectionsPending--
  }

  /** One less. @param pending it never had a peer */
  remove(pending: boolean): void {
    this.connections--
    const half = pending ? 1 : 0
    leave(this.first, half)
    leave(this.second, half)
    leave(this.third, half)
    leave(this.fourth, half)
  }

  /** One more stream of a connection on this path. */
  addStream(inbound: boolean): void {
    if (inbound) {
      this.first.streamsInbound++
      this.second.streamsInbound++
      this.third.streamsInbound++
      this.fourth.streamsInbound++
    } else {
      this.first.streamsOutbound++
      this.second.streamsOutbound++
      this.third.streamsOutbound++
      this.fourth.streamsOutbound++
    }
  }

  /** One less. */
  removeStream(inbound: boolean): void {
    if (inbound) {
      this.first.streamsInbound--
      this.second.streamsInbound--
      this.third.streamsInbound--
      this.fourth.streamsInbound--
    } else {
      this.first.streamsOutbound--
      this.second.streamsOutbound--
      this.third.streamsOutbound--
      this.fourth.streamsOutbound--
    }
  }
}

function enter(scope: Scope): void {
  scope.connectionsInbound++
  scope.connectionsPending++
}

function leave(scope: Scope, half: number): void {
  scope.connectionsInbound--
  scope.connectionsPending -= half
}
