/**
 * Relay reservations: each costs us a signature, a timer and a place in a table of 15, and renewing is as dear as reserving. js-libp2p asks the connection gater before each one;
 * we answer there, after the user's own gater.
 *
 * js-libp2p then replies PERMISSION_DENIED, which clients of every implementation take as "try another relay".
 */

import type { NodeContext } from '../context.ts'
import type { WorkCharger } from './charge.ts'
import type { WorkComponents } from './components.ts'

export function guardReservations(components: WorkComponents, context: NodeContext, charger: WorkCharger): void {
  const gater = components.connectionGater
  const users = gater.denyInboundRelayReservation?.bind(gater)
  const denyInboundRelayReservation: NonNullable<typeof gater.denyInboundRelayReservation> = async source => {
    if ((await users?.(source)) === true) return true
    for (const connection of components.connectionManager.getConnections(source)) {
      const state = context.stateOf(connection)
      if (state !== undefined) return !charger.spend(state, 'relay-reservation').allow
    }
    return false
  }
  gater.denyInboundRelayReservation = denyInboundRelayReservation
  context.hooks.add({
    name: 'connectionGater.denyInboundRelayReservation',
    guards: 'relay reservations are not charged',
    prove: () => (gater.denyInboundRelayReservation === denyInboundRelayReservation ? undefined : 'another override replaced ours'),
  })
}
