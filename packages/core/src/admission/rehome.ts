/**
 * The less common ways to a peer scope: out of the allow-listed scopes, with streams opened before the peer was known, or against a full scope.
 *
 * A connection admitted through the allow list whose peer is not the one listed has to fit the normal scopes, prefixes included: then it is moved there; else it is refused
 * and stays where it is, for its owner to close or to try another peer.
 */

import { ADMITTED, type Decision, type Denial } from '../decision.ts'
import { FILE_DESCRIPTORS, MEMORY, NOTHING, PREFIX, STREAMS, STREAMS_INBOUND, STREAMS_OUTBOUND } from '../resources/counters.ts'
import { PrefixPath, prefixBlocked } from '../resources/prefix-path.ts'
import { connectionBlocked, NOWHERE, type Scope, streamsBlocked } from '../resources/scope.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Engine } from './engine.ts'

/** All that moves with a connection: itself and the streams it has. */
interface Cargo {
  readonly connection: ConnectionHandle
  readonly streamsInbound: number
  readonly streamsOutbound: number
  /** The streams' memory. */
  readonly streamBytes: number
}

/** @param barred what an observed gate rule has said about the peer */
export function movePeer(engine: Engine, connection: ConnectionHandle, peer: string, scope: Scope, barred: Denial | undefined): Decision {
  const { graph } = engine
  const listed = connection.allowlisted && engine.gate.isAllowed(connection.remote, peer)
  const homeless = connection.allowlisted && !listed
  const path = homeless && connection.inbound ? engine.prefixes.path(connection.remote) : PrefixPath.NONE
  const system = homeless ? graph.system : connection.systemScope
  let would = barred
  for (const next of homeless ? [...path.scopes, scope, system] : [scope]) {
    const cargo = cargoFor(connection, next)
    const resource = blocks(next, cargo)
    if (resource === NOTHING) continue
    const enforced = engine.limitEnforced(next.kind)
    if (!enforced && would !== undefined) continue
    const denial = engine.scopeDenial(next, resource, connection.direction, attempted(resource, cargo), !enforced, connection)
    if (enforced) return { allow: false, denial }
    would = denial
  }
  move(connection, peer, scope, path, system)
  return would === undefined ? ADMITTED : { allow: true, handle: undefined, would }
}

/** What a scope would get: streams that are charged to it already do not count again. */
function cargoFor(connection: ConnectionHandle, scope: Scope): Cargo {
  let streamsInbound = 0
  let streamsOutbound = 0
  let streamBytes = 0
  for (let stream = connection.firstStream; stream !== undefined; stream = stream.next) {
    if (stream.systemScope === scope) continue
    if (stream.inbound) streamsInbound++
    else streamsOutbound++
    if (scope.kind !== PREFIX) streamBytes += stream.bytes
  }
  return { connection, streamsInbound, streamsOutbound, streamBytes }
}

function blocks(scope: Scope, { connection, streamsInbound, streamsOutbound, streamBytes }: Cargo): number {
  const { inbound, fileDescriptors, bytes } = connection
  const resource = scope.kind === PREFIX ? prefixBlocked(scope) : connectionBlocked(scope, inbound, fileDescriptors, bytes + streamBytes)
  return resource === NOTHING ? streamsBlocked(scope, streamsInbound, streamsOutbound) : resource
}

function attempted(resource: number, { connection, streamsInbound, streamsOutbound, streamBytes }: Cargo): number {
  if (resource === MEMORY) return connection.bytes + streamBytes
  if (resource === FILE_DESCRIPTORS) return connection.fileDescriptors
  if (resource === STREAMS_INBOUND) return streamsInbound
  if (resource === STREAMS_OUTBOUND) return streamsOutbound
  return resource === STREAMS ? streamsInbound + streamsOutbound : 1
}

function move(connection: ConnectionHandle, peer: string, scope: Scope, path: PrefixPath, system: Scope): void {
  const { engine, inbound, fileDescriptors, bytes } = connection
  connection.transientScope.removeConnection(inbound, fileDescriptors, bytes)
  connection.transientScope = NOWHERE
  const isMoved = system !== connection.systemScope
  if (isMoved) {
    connection.systemScope.removeConnection(inbound, fileDescriptors, bytes)
    system.addConnection(inbound, fileDescriptors, bytes)
    connection.systemScope = system
    connection.allowlisted = false
    engine.enterPath(path)
    connection.prefixes = path
  }
  const { transient } = engine.graph
  for (let stream = connection.firstStream; stream !== undefined; stream = stream.next) {
    if (isMoved) stream.enterPrefixes(path)
    const keeps = !isMoved || stream.systemScope === system
    stream.adopt(scope, keeps ? stream.transientScope : transient, keeps ? stream.systemScope : system)
  }
  connection.settlePeer(peer, scope)
}
