/**
 * Work is charged too: what a remote makes the node compute, sign, hash, merge and store. Streams and bytes are counted elsewhere; this part counts exchanges, pushes, pings, writes,
 * reservations and circuits, bounds what one peer may make us keep, and keeps what handlers throw inside their stream.
 */

import type { NodeContext } from '../context.ts'
import { WorkCharger } from './charge.ts'
import type { WorkComponents } from './components.ts'
import { exchangeGate } from './identify.ts'
import { guardPeerStore } from './peer-store.ts'
import { pingGate } from './ping.ts'
import type { HandlerGate } from './registrar.ts'
import { guardRegistrar } from './registrar.ts'
import { guardRelay } from './relay.ts'

export type { WorkComponents } from './components.ts'

/** Figures of this part, for metrics; all of them read at the moment they are asked for. */
export interface WorkGuard {
  /** Exchanges, pushes, reservations and circuits refused for their rate. */
  readonly refused: number
  /** Writes to the peer store dropped for their rate. */
  readonly refusedWrites: number
  /** Unconnected, untagged peers in the peer store. */
  readonly strangers: number
  /** Handlers of inbound streams that have not returned. */
  readonly handlersRunning: number
}

/** The prefix before a protocol's name is the network's own (`/ipfs/…` by default), so protocols are told by what follows it. */
const IDENTIFY = /^\/[^/]+\/id\/1\.0\.0$/
const IDENTIFY_PUSH = /^\/[^/]+\/id\/push\/1\.0\.0$/
const PING = /^\/[^/]+\/ping\/1\.0\.0$/

/** Takes hold of the starting node's registrar, peer store and gater. Call once per node, from its service factory, before the node starts. */
export function protectWork(components: WorkComponents, context: NodeContext): WorkGuard {
  const charger = new WorkCharger(context)
  const identify = exchangeGate(charger, context, 'identify')
  const push = exchangeGate(charger, context, 'identify-push')
  const gateOf = (protocol: string): HandlerGate | undefined => {
    if (IDENTIFY.test(protocol)) return identify
    if (IDENTIFY_PUSH.test(protocol)) return push
    return PING.test(protocol) ? pingGate : undefined
  }
  const registrar = guardRegistrar(components.registrar, context, gateOf)
  const peerStore = guardPeerStore(components, context)
  guardRelay(components, context, charger)
  return {
    get refused() {
      return charger.refused
    },
    get refusedWrites() {
      return peerStore.refusedWrites
    },
    get strangers() {
      return peerStore.strangers
    },
    get handlersRunning() {
      return registrar.handlersRunning
    },
  }
}
