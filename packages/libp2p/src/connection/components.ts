/**
 * What the connection part uses of the components js-libp2p hands to its factories. Structural, so that a user installs no package of js-libp2p's internals;
 * the self-test proves what these types only promise.
 */

import type {
  ComponentLogger,
  Connection,
  ConnectionGater,
  Libp2pEvents,
  Metrics,
  PeerId,
  Transport,
  TypedEventTarget,
  Upgrader,
} from '@libp2p/interface'

export interface ConnectionManagerLike {
  openConnection(...target: never[]): Promise<Connection>
}

export interface TransportManagerLike {
  getTransports(): Transport[]
}

export interface NodeComponents {
  readonly peerId: PeerId
  readonly logger: ComponentLogger
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly upgrader: Upgrader
  readonly connectionManager: ConnectionManagerLike
  readonly transportManager: TransportManagerLike
  readonly metrics?: Metrics
  connectionGater: ConnectionGater
}
