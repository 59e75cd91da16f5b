/**
 * The first steps of the admission path: address, gate, rate, transient scope. A connection that passes has a record; one that does not is an error to throw.
 */

import type { Multiaddr } from '@multiformats/multiaddr'
import type { Direction } from '@sluice/core'
import type { OwnedContext } from '../context.ts'
import type { RefusedError } from '../refused.ts'
import type { ConnectionRecordInit } from './record.ts'
import { ConnectionRecord } from './record.ts'
import { peerOf, transportOf } from './transport-name.ts'

export type Admission = { readonly record: ConnectionRecord } | { readonly refused: RefusedError }

/** @param socket the accepted socket, where its transport has not made a connection of it yet */
export function admit(context: OwnedContext, address: Multiaddr, direction: Direction, socket?: ConnectionRecordInit['socket']): Admission {
  const text = address.toString()
  const transport = transportOf(address)
  const decision = context.governor.openConnection(text, direction, transport === 'unknown' ? undefined : transport)
  if (!decision.allow) {
    return { refused: context.refuse(decision.denial) }
  }
  const init = { context, handle: decision.handle, transport, address: text }
  const record = new ConnectionRecord(socket === undefined ? init : { ...init, socket })
  if (direction === 'outbound') {
    // As go-libp2p does: the peer is charged before its socket is opened, when the address names it.
    const peer = peerOf(address)
    const refused = peer === undefined ? undefined : admitPeer(context, record, peer)
    if (refused !== undefined) {
      record.abort(refused)
      return { refused }
    }
  }
  return { record }
}

/** The peer scope. Asking again for the same peer is admitted. */
export function admitPeer(context: OwnedContext, record: ConnectionRecord, peer: string): RefusedError | undefined {
  if (record.handle.peer === peer) {
    return undefined
  }
  const decision = record.handle.setPeer(peer)
  return decision.allow ? undefined : context.refuse(decision.denial, record)
}
