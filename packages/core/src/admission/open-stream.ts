/**
 * Opening a stream: the rate `stream-open` first (inbound only: it is the remote who may flood), then the stream's own limits, its connection's, and peer, transient and
 * system in this order. Everything is looked at before anything is spent or charged.
 */

import type { Decision, Denial, Direction } from '../decision.ts'
import type { Stream } from '../handles.ts'
import { CONNECTION, MEMORY, NOTHING, STREAMS, STREAMS_INBOUND, STREAMS_OUTBOUND } from '../resources/counters.ts'
import type { LimitTable } from '../resources/limits.ts'
import { type Scope, streamBlocked } from '../resources/scope.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Engine } from './engine.ts'
import { judge, type Load } from './judge.ts'
import { peekOn, type RateHit, rateDenial } from './spend.ts'
import { StreamHandle } from './stream.ts'

export function openStream(engine: Engine, connection: ConnectionHandle, id: number, direction: Direction): Decision<Stream> {
  const inbound = direction === 'inbound'
  const cost = engine.streamCost
  const { transient, system } = engine.graph
  const peer = connection.peerScope
  const kind = inbound ? engine.streamKind : undefined
  const rate = kind === undefined ? undefined : peekOn(engine, connection, kind, 1)
  if (
    rate === undefined &&
    connectionBlocks(connection, inbound) === NOTHING &&
    streamBlocked(engine.streamProbe, inbound, cost) === NOTHING &&
    streamBlocked(peer, inbound, cost) === NOTHING &&
    streamBlocked(transient, inbound, cost) === NOTHING &&
    streamBlocked(system, inbound, cost) === NOTHING
  ) {
    if (kind !== undefined) engine.spending.commit()
    return { allow: true, handle: charge(engine, connection, id, inbound, cost, transient, system) }
  }
  return openTight(engine, connection, id, direction, cost, rate)
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
  transient: Scope,
  system: Scope,
): StreamHandle {
  const peer = connection.peerScope
  peer.addStream(inbound, cost)
  transient.addStream(inbound, cost)
  system.addStream(inbound, cost)
  const stream = new StreamHandle(engine, id, connection, inbound, cost, transient, system)
  connection.link(stream)
  engine.streamCount++
  return stream
}

/** Something does not fit, or only the allow list can let it in. */
function openTight(
  engine: Engine,
  connection: ConnectionHandle,
  id: number,
  direction: Direction,
  cost: number,
  rate: RateHit | undefined,
): Decision<Stream> {
  const { graph } = engine
  const inbound = direction === 'inbound'
  const load: Load = { connection: false, inbound, fileDescriptors: 0, bytes: cost }
  const own = connectionBlocks(connection, inbound)
  const ownEnforced = own !== NOTHING && engine.limitEnforced(CONNECTION)
  const first = judge(engine, [engine.streamProbe, connection.peerScope, graph.transient, graph.system], load)
  const rateEnforced = rate !== undefined && engine.enforced(rate.rule)
  if (!ownEnforced && engine.lifts(connection)) {
    const second = judge(engine, [engine.streamProbe, connection.peerScope, graph.allowlistedTransient, graph.allowlistedSystem], load)
    if (second.hit === undefined && (rateEnforced || first.hit !== undefined || second.would === undefined)) {
      const would =
        second.would === undefined ? undefined : scopeDenial(engine, connection, second.would, second.wouldResource, direction, cost, true)
      return admitted(charge(engine, connection, id, inbound, cost, graph.allowlistedTransient, graph.allowlistedSystem), would)
    }
  }
  if (rate !== undefined && rateEnforced) return { allow: false, denial: rateDenial(engine, rate, direction, false, connection) }
  if (ownEnforced) return { allow: false, denial: ownDenial(engine, connection, own, direction, false) }
  if (first.hit !== undefined) {
    return { allow: false, denial: scopeDenial(engine, connection, first.hit, first.hitResource, direction, cost, false) }
  }
  let would: Denial | undefined
  if (rate !== undefined) would = rateDenial(engine, rate, direction, true, connection)
  else if (own !== NOTHING) would = ownDenial(engine, connection, own, direction, true)
  else if (first.would !== undefined) would = scopeDenial(engine, connection, first.would, first.wouldResource, direction, cost, true)
  if (rate === undefined && inbound && engine.streamKind !== undefined) engine.spending.commit()
  return admitted(charge(engine, connection, id, inbound, cost, graph.transient, graph.system), would)
}

function admitted(handle: StreamHandle, would: Denial | undefined): Decision<Stream> {
  return would === undefined ? { allow: true, handle } : { allow: true, handle, would }
}

function scopeDenial(
  engine: Engine,
  connection: ConnectionHandle,
  scope: Scope,
  resource: number,
  direction: Direction,
  cost: number,
  observed: boolean,
): Denial {
  return engine.scopeDenial(scope, resource, direction, resource === MEMORY ? cost : 1, observed, connection)
}

function ownDenial(engine: Engine, connection: ConnectionHandle, resource: number, direction: Direction, observed: boolean): Denial {
  const limits: LimitTable = engine.graph.connectionLimits
  const { streamsInbound, streamsOutbound } = connection
  const held =
    resource === STREAMS_INBOUND ? streamsInbound : resource === STREAMS_OUTBOUND ? streamsOutbound : streamsInbound + streamsOutbound
  const limit =
    resource === STREAMS_INBOUND ? limits.streamsInbound : resource === STREAMS_OUTBOUND ? limits.streamsOutbound : limits.streams
  return engine.limitDenial(connection, resource, direction, held, 1, limit, observed, connection)
}
