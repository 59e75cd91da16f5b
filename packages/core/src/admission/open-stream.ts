/**
 * Opening a stream: the rate `stream-open` first (inbound only: it is the remote who may flood), then the stream's own limits, its connection's, and peer, prefixes (IP,
 * then wider), transient and system in this order. Everything is looked at before anything is spent or charged.
 */

import type { Decision, Denial, Direction } from '../decision.ts'
import type { Stream } from '../handles.ts'
import { CONNECTION, MEMORY, NOTHING, PREFIX, STREAMS, STREAMS_INBOUND, STREAMS_OUTBOUND } from '../resources/counters.ts'
import type { LimitTable } from '../resources/limits.ts'
import { PrefixPath } from '../resources/prefix-path.ts'
import { type Scope, streamBlocked } from '../resources/scope.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Engine } from './engine.ts'
import { judge, type Verdict } from './judge.ts'
import { peekOn, type RateHit, rateDenial } from './spend.ts'
import { StreamHandle } from './stream.ts'

export function openStream(engine: Engine, connection: ConnectionHandle, id: number, direction: Direction): Decision<Stream> {
  const inbound = direction === 'inbound'
  const cost = engine.streamCost
  const { transient, system } = engine.graph
  const kind = inbound && engine.streamKind?.isUnlimited === false ? engine.streamKind : undefined
  const rate = kind === undefined ? undefined : peekOn(engine, connection, kind, 1)
  const own = connectionBlocks(connection, inbound)
  if (rate === undefined && own === NOTHING) {
    const full = firstFull(engine, connection, inbound)
    if (full === undefined) {
      if (kind !== undefined) engine.spending.commit()
      return { allow: true, handle: charge(engine, connection, id, inbound, cost, connection.prefixes, transient, system) }
    }
    // The common refusal takes no detour: it must cost less than admitting.
    if (engine.limitEnforced(full.kind) && !engine.lifts(connection)) {
      const resource = full.kind === PREFIX ? STREAMS_INBOUND : streamBlocked(full, inbound, cost)
      return { allow: false, denial: engine.scopeDenial(full, resource, direction, resource === MEMORY ? cost : 1, false, connection) }
    }
  }
  return openTight({ engine, connection, id, direction, inbound, isRated: kind !== undefined, rate, own })
}

/** The first scope that would not take a stream, in the order of checks. */
function firstFull(engine: Engine, { peerScope: peer, prefixes }: ConnectionHandle, inbound: boolean): Scope | undefined {
  const cost = engine.streamCost
  const { transient, system } = engine.graph
  if (streamBlocked(engine.streamProbe, inbound, cost) !== NOTHING) return engine.streamProbe
  if (streamBlocked(peer, inbound, cost) !== NOTHING) return peer
  const prefix = inbound ? prefixes.fullOfStreams : undefined
  if (prefix !== undefined) return prefix
  if (streamBlocked(transient, inbound, cost) !== NOTHING) return transient
  return streamBlocked(system, inbound, cost) === NOTHING ? undefined : system
}

/** The limits of one connection on its own streams, as a resource code. go has the numbers in its table but never applies them. */
function connectionBlocks(connection: ConnectionHandle, inbound: boolean): number {
  const limits = connection.engine.graph.connectionLimits
  if (inbound) {
    if (connection.streamsInbound >= limits.streamsInbound) return STREAMS_INBOUND
  } else if (connection.streamsOutbound >= limits.streamsOutbound) return STREAMS_OUTBOUND
  return connection.streamsInbound + connection.streamsOutbound >= limits.streams ? STREAMS : NOTHING
}

function charge(
  engine: Engine,
  connection: ConnectionHandle,
  id: number,
  inbound: boolean,
  cost: number,
  prefixes: PrefixPath,
  transient: Scope,
  system: Scope,
): StreamHandle {
  const peer = connection.peerScope
  prefixes.addStream(inbound)
  peer.addStream(inbound, cost)
  transient.addStream(inbound, cost)
  system.addStream(inbound, cost)
  const stream = new StreamHandle(engine, id, connection, inbound, cost, prefixes, transient, system)
  connection.link(stream)
  engine.streamCount++
  return stream
}

/** What was asked, for the slow half. */
interface Attempt {
  readonly engine: Engine
  readonly connection: ConnectionHandle
  readonly id: number
  readonly direction: Direction
  readonly inbound: boolean
  /** A rate was asked: what it said is in `rate`, and it can be spent. */
  readonly isRated: boolean
  readonly rate: RateHit | undefined
  /** The connection's own limit that would not take it, as a resource code. */
  readonly own: number
}

/** Something does not fit, or only the allow list can let it in. */
function openTight(attempt: Attempt): Decision<Stream> {
  const { engine, connection, inbound, direction, rate, own } = attempt
  const { graph } = engine
  const { prefixes } = connection
  const normal = look(attempt, prefixes, graph.transient, graph.system)
  const { hit, would } = normal
  if (own !== NOTHING && engine.limitEnforced(CONNECTION)) {
    // A rate would have been lifted for an allow-listed remote; its connection's own limits are not.
    if (rate === undefined || !engine.enforced(rate.rule) || engine.lifts(connection)) {
      return { allow: false, denial: ownDenial(attempt, false) }
    }
  }
  const isOwnFull = own !== NOTHING
  const fits = rate === undefined && hit === undefined && would === undefined
  if (!fits && engine.lifts(connection)) return openListed(attempt, normal)
  if (rate !== undefined && engine.enforced(rate.rule))
    return { allow: false, denial: rateDenial(engine, rate, direction, false, connection) }
  if (hit !== undefined) return { allow: false, denial: scopeDenial(attempt, hit, normal.hitResource, false) }
  let said: Denial | undefined
  if (rate !== undefined) said = rateDenial(engine, rate, direction, true, connection)
  else if (isOwnFull) said = ownDenial(attempt, true)
  else if (would !== undefined) said = scopeDenial(attempt, would, normal.wouldResource, true)
  if (rate === undefined && attempt.isRated) engine.spending.commit()
  return admitted(charge(engine, connection, attempt.id, inbound, engine.streamCost, prefixes, graph.transient, graph.system), said)
}

/** The same for an allow-listed remote whom the normal scopes or a rate would not take. */
function openListed(attempt: Attempt, normal: Verdict): Decision<Stream> {
  const { engine, connection, id, inbound, rate, own } = attempt
  const { graph, streamCost } = engine
  const said = own === NOTHING ? undefined : ownDenial(attempt, true)
  const isRefused = normal.hit !== undefined || (rate !== undefined && engine.enforced(rate.rule))
  const { hit, hitResource, would, wouldResource } = look(attempt, PrefixPath.NONE, graph.allowlistedTransient, graph.allowlistedSystem)
  if (hit !== undefined && isRefused) return { allow: false, denial: scopeDenial(attempt, hit, hitResource, false) }
  const full = hit ?? would
  const denial =
    said ?? (full === undefined ? undefined : scopeDenial(attempt, full, hit === undefined ? wouldResource : hitResource, true))
  const [prefixes, transient, system] =
    isRefused || full === undefined
      ? [PrefixPath.NONE, graph.allowlistedTransient, graph.allowlistedSystem]
      : [connection.prefixes, graph.transient, graph.system]
  return admitted(charge(engine, connection, id, inbound, streamCost, prefixes, transient, system), denial)
}

function look({ engine, connection, inbound }: Attempt, prefixes: PrefixPath, transient: Scope, system: Scope): Verdict {
  const load = { connection: false, inbound, fileDescriptors: 0, bytes: engine.streamCost }
  return judge(engine, [engine.streamProbe, connection.peerScope, ...prefixes.scopes, transient, system], load)
}

function admitted(handle: StreamHandle, would: Denial | undefined): Decision<Stream> {
  return would === undefined ? { allow: true, handle } : { allow: true, handle, would }
}

function scopeDenial({ engine, connection, direction }: Attempt, scope: Scope, resource: number, observed: boolean): Denial {
  return engine.scopeDenial(scope, resource, direction, resource === MEMORY ? engine.streamCost : 1, observed, connection)
}

function ownDenial({ engine, connection, direction, own }: Attempt, observed: boolean): Denial {
  const limits: LimitTable = engine.graph.connectionLimits
  const { streamsInbound, streamsOutbound } = connection
  const held = own === STREAMS_INBOUND ? streamsInbound : own === STREAMS_OUTBOUND ? streamsOutbound : streamsInbound + streamsOutbound
  const limit = own === STREAMS_INBOUND ? limits.streamsInbound : own === STREAMS_OUTBOUND ? limits.streamsOutbound : limits.streams
  return engine.limitDenial(connection, own, direction, held, 1, limit, observed, connection)
}
