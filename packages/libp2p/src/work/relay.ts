/**
 * What a relay does for others. A reservation costs us a signature, a timer and a place in a table of 15, and renewing is as dear as reserving; a circuit costs a stream to its
 * destination and all that is relayed over both. js-libp2p asks the connection gater before each of either; we answer there, after the user's own gater.
 *
 * js-libp2p then replies PERMISSION_DENIED, which clients of every implementation take as "try another relay". A circuit is charged to who opens it: its destination asked for nothing
 * but the reservation it has paid for.
 */

import type { PeerId } from '@libp2p/interface'
import type { NodeContext } from '../context.ts'
import type { WorkCharger } from './charge.ts'
import type { WorkComponents } from './components.ts'

export function guardRelay(components: WorkComponents, context: NodeContext, charger: WorkCharger): void {
  const { connectionGater: gater, connectionManager } = components
  const denies = (source: PeerId, kind: 'relay-reservation' | 'relay-circuit'): boolean => {
    for (const connection of connectionManager.getConnections(source)) {
      const state = context.stateOf(connection)
      if (state !== undefined) return !charger.spend(state, kind).allow
    }
    return false
  }

  const usersReservation = gater.denyInboundRelayReservation?.bind(gater)
  const denyInboundRelayReservation: NonNullable<typeof gater.denyInboundRelayReservation> = async source =>
    (await usersReservation?.(source)) === true || denies(source, 'relay-reservation')
  gater.denyInboundRelayReservation = denyInboundRelayReservation

  const usersCircuit = gater.denyOutboundRelayedConnection?.bind(gater)
  const denyOutboundRelayedConnection: NonNullable<typeof gater.denyOutboundRelayedConnection> = async (source, destination) =>
    (await usersCircuit?.(source, destination)) === true || denies(source, 'relay-circuit')
  gater.denyOutboundRelayedConnection = denyOutboundRelayedConnection

  context.hooks.add({
    name: 'connectionGater.denyInboundRelayReservation',
    guards: 'relay reservations are not charged',
    prove: () => (gater.denyInboundRelayReservation === denyInboundRelayReservation ? undefined : 'another override replaced ours'),
  })
  context.hooks.add({
    name: 'connectionGater.denyOutboundRelayedConnection',
    guards: 'circuits through this relay are not charged',
    prove: () => (gater.denyOutboundRelayedConnection === denyOutboundRelayedConnection ? undefined : 'another override replaced ours'),
  })
}
