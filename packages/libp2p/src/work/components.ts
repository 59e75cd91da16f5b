/**
 * What this part uses of the components js-libp2p hands to a service factory. Structural on purpose: the interfaces live in packages that a user of `@sluice/libp2p` need not
 * install, and the self-test proves what the types only promise.
 */

import type {
  Connection,
  ConnectionGater,
  Libp2pEvents,
  Metrics,
  PeerId,
  PeerStore,
  StreamHandler,
  StreamHandlerOptions,
  StreamHandlerRecord,
  StreamMiddleware,
  TypedEventTarget,
} from '@libp2p/interface'

export interface RegistrarLike {
  getProtocols(): string[]
  getHandler(protocol: string): StreamHandlerRecord
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
  getMiddleware(protocol: string): StreamMiddleware[]
}

export interface WorkComponents {
  readonly peerId: PeerId
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly peerStore: PeerStore
  readonly registrar: RegistrarLike
  readonly connectionGater: ConnectionGater
  readonly connectionManager: { getConnections(peer?: PeerId): Connection[] }
  readonly metrics?: Metrics
}
