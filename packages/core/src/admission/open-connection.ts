/**
 * Opening a connection, the first half of the admission path: address, gate, rate, prefix scopes, the connection's own limits, transient, system. Everything is looked
 * at before anything is spent or charged.
 *
 * The allow list is asked only when something refused. It lifts rates and prefix limits, and charges the allow-listed twins of transient and system.
 */

import { Address, parseAddress } from '../address.ts'
import type { Decision, Denial, Direction } from '../decision.ts'
import type { Connection } from '../handles.ts'
import { FILE_DESCRIPTORS, MEMORY, NOTHING, PREFIX } from '../resources/counters.ts'
import { PrefixPath, prefixBlocked } from '../resources/prefix-path.ts'
import { connectionBlocked, type Scope } from '../resources/scope.ts'
import { ConnectionHandle } from './connection.ts'
import type { Subject } from './denials.ts'
import type { Engine } from './engine.ts'
import { judge, type Load } from './judge.ts'
import { peekConnection, type RateHit, rateDenial } from './spend.ts'

/** Transports that share one socket, or have none: no descriptor a connection. Source: go-libp2p's transports, which pass `usefd` false here. */
const WITHOUT_DESCRIPTOR: ReadonlySet<string> = new Set(['quic', 'quic-v1', 'webtransport', 'webrtc', 'webrtc-direct', 'memory', 'circuit'])

/** What an address that does not parse is charged to: a kind of its own, so that it can crowd out nobody else. */
export const UNPARSABLE: Address = new Address('other', 0, 0, 0, 0, 'public', 'other', -1, undefined, 'unparsable', '', '')

/** The address of a remote, parsed already or as text; text that does not parse is charged as `other:unparsable`. */
export function readAddress(address: string | Address): Address {
  if (typeof address !== 'string') return address
  const read = parseAddress(address)
  return read.ok ? read : UNPARSABLE
}

export function openConnection(
  engine: Engine,
  address: string | Address,
  direction: Direction,
  named: string | undefined,
): Decision<Connection> {
  const id = engine.nextConnectionId()
  const remote = readAddress(address)
  const transport = named ?? remote.transport
  const inbound = direction === 'inbound'
  const fileDescriptors = transport !== 'tcp' && WITHOUT_DESCRIPTOR.has(transport) ? 0 : 1
  const cost = engine.connectionCost
  const { transient, system } = engine.graph
  const barred = engine.barredAddress(remote, direction)
  if (barred !== undefined && !barred.observed) return { allow: false, denial: barred.denial }
  const path = inbound ? engine.prefixes.path(remote) : PrefixPath.NONE
  const rated = path !== PrefixPath.NONE
  const rate = rated ? peekConnection(engine, remote, path) : undefined
  if (barred === undefined && rate === undefined) {
    const full = firstFull(engine, path, inbound, fileDescriptors)
    if (full === undefined) {
      if (rated) engine.spending.commit()
      return { allow: true, handle: charge(engine, id, remote, inbound, transport, fileDescriptors, path, transient, system) }
    }
    // The common refusal takes no detour: it must cost less than admitting.
    if (engine.limitEnforced(full.kind) && !engine.mayLift(remote)) {
      const resource = full.kind === PREFIX ? prefixBlocked(full) : connectionBlocked(full, inbound, fileDescriptors, cost)
      const attempted = resource === MEMORY ? cost : resource === FILE_DESCRIPTORS ? fileDescriptors : 1
      return { allow: false, denial: engine.scopeDenial(full, resource, direction, attempted, false, { peer: undefined, remote }) }
    }
  }
  return openTight({ engine, id, remote, direction, inbound, transport, fileDescriptors, path, rate, would: barred?.denial })
}

/** The first scope that would not take a connection, in the order of checks. */
function firstFull(engine: Engine, path: PrefixPath, inbound: boolean, fileDescriptors: number): Scope | undefined {
  const cost = engine.connectionCost
  const { transient, system } = engine.graph
  const prefix = path.full
  if (prefix !== undefined) return prefix
  if (connectionBlocked(engine.connectionProbe, inbound, fileDescriptors, cost) !== NOTHING) return engine.connectionProbe
  if (connectionBlocked(transient, inbound, fileDescriptors, cost) !== NOTHING) return transient
  return connectionBlocked(system, inbound, fileDescriptors, cost) === NOTHING ? undefined : system
}

function charge(
  engine: Engine,
  id: number,
  remote: Address,
  inbound: boolean,
  transport: string,
  fileDescriptors: number,
  path: PrefixPath,
  transient: Scope,
  system: Scope,
): ConnectionHandle {
  const cost = engine.connectionCost
  engine.enterPath(path)
  transient.addConnection(inbound, fileDescriptors, cost)
  system.addConnection(inbound, fileDescriptors, cost)
  const connection = new ConnectionHandle(engine, id, remote, inbound, transport, fileDescriptors, cost, path, transient, system)
  engine.link(connection)
  return connection
}

interface Attempt {
  readonly engine: Engine
  readonly id: number
  readonly remote: Address
  readonly direction: Direction
  readonly inbound: boolean
  readonly transport: string
  readonly fileDescriptors: number
  readonly path: PrefixPath
  readonly rate: RateHit | undefined
  /** What an observed rule has said already. */
  readonly would: Denial | undefined
}

/** Something does not fit, or only the allow list can let it in. */
function openTight(attempt: Attempt): Decision<Connection> {
  const { engine, id, remote, direction, inbound, transport, fileDescriptors, path, rate } = attempt
  const { graph } = engine
  const subject: Subject = { peer: undefined, remote }
  const load: Load = { connection: true, inbound, fileDescriptors, bytes: engine.connectionCost }
  const first = judge(engine, [...path.scopes, engine.connectionProbe, graph.transient, graph.system], load)
  const rateEnforced = rate !== undefined && engine.enforced(rate.rule)
  const isRefused = rateEnforced || first.hit !== undefined
  if ((isRefused || rate !== undefined || first.would !== undefined) && engine.mayLift(remote)) {
    const { hit, hitResource, would, wouldResource } = judge(
      engine,
      [engine.connectionProbe, graph.allowlistedTransient, graph.allowlistedSystem],
      load,
    )
    const full = hit ?? would
    const isFinal = hit !== undefined && isRefused
    const denial = denialOf(engine, full, hit === undefined ? wouldResource : hitResource, attempt, !isFinal, subject)
    if (isFinal && denial !== undefined) return { allow: false, denial }
    const isListed = isRefused || full === undefined
    const [transient, system] = isListed ? [graph.allowlistedTransient, graph.allowlistedSystem] : [graph.transient, graph.system]
    const charged = charge(engine, id, remote, inbound, transport, fileDescriptors, isListed ? PrefixPath.NONE : path, transient, system)
    return admitted(charged, attempt.would ?? denial)
  }
  if (rate !== undefined && rateEnforced) return { allow: false, denial: rateDenial(engine, rate, direction, false, subject) }
  const denial = denialOf(engine, first.hit, first.hitResource, attempt, false, subject)
  if (denial !== undefined) return { allow: false, denial }
  let would = attempt.would
  if (rate !== undefined) would ??= rateDenial(engine, rate, direction, true, subject)
  else if (path !== PrefixPath.NONE) engine.spending.commit()
  would ??= denialOf(engine, first.would, first.wouldResource, attempt, true, subject)
  return admitted(charge(engine, id, remote, inbound, transport, fileDescriptors, path, graph.transient, graph.system), would)
}

function admitted(handle: ConnectionHandle, would: Denial | undefined): Decision<Connection> {
  return would === undefined ? { allow: true, handle } : { allow: true, handle, would }
}

function denialOf(
  engine: Engine,
  scope: Scope | undefined,
  resource: number,
  attempt: Attempt,
  observed: boolean,
  subject: Subject,
): Denial | undefined {
  if (scope === undefined) return undefined
  const attempted = resource === MEMORY ? engine.connectionCost : resource === FILE_DESCRIPTORS ? attempt.fileDescriptors : 1
  return engine.scopeDenial(scope, resource, attempt.direction, attempted, observed, subject)
}
