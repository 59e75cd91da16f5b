/**
 * The node `sluice up` runs: js-libp2p with every part a public node offers, as it ships them, wrapped in `protect()`. Created stopped; the caller starts it.
 */

import { quic } from '@chainsafe/libp2p-quic'
import { autoNAT } from '@libp2p/autonat'
import { bootstrap } from '@libp2p/bootstrap'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Clock, Governor } from '@sluice/core'
import type { SluiceService } from '@sluice/libp2p'
import { protect } from '@sluice/libp2p'
import type { LevelDatastore } from 'datastore-level'
import type { Libp2p, Libp2pOptions } from 'libp2p'
import { createLibp2p } from 'libp2p'
import type { NodeKey } from './key.ts'
import type { ListenAddress } from './listen.ts'

/** The public IPFS DHT's protocol; a node on loopback serves it to its neighbours under the same name. */
const DHT_PROTOCOL = '/ipfs/kad/1.0.0'

export interface NodeInit {
  readonly key: NodeKey
  readonly datastore: LevelDatastore
  readonly listen: readonly ListenAddress[]
  /** Reachable from outside: private addresses are kept out of the DHT. */
  readonly public: boolean
  readonly quic: boolean
  readonly webSockets: boolean
  /** Multiaddrs ending in /p2p/ID. */
  readonly bootstrap: readonly string[]
  readonly governor: Governor
  readonly clock: Clock
  readonly logger: NonNullable<Libp2pOptions['logger']>
}

/** What the daemon uses of the node. */
export type ProtectedNode = Libp2p<{ sluice: SluiceService }>

/** The governor's policy is the one in force. */
export async function createNode(init: NodeInit): Promise<ProtectedNode> {
  return createLibp2p({ ...protect(nodeOptions(init), {}, { governor: init.governor, clock: init.clock }), start: false })
}

const nodeOptions = (init: NodeInit) => ({
  privateKey: init.key,
  datastore: init.datastore,
  logger: init.logger,
  addresses: { listen: init.listen.map(address => address.text) },
  transports: [tcp(), ...(init.webSockets ? [webSockets()] : []), ...(init.quic ? [quic()] : []), circuitRelayTransport()],
  connectionEncrypters: [noise(), tls()],
  streamMuxers: [yamux()],
  peerDiscovery: init.bootstrap.length > 0 ? [bootstrap({ list: [...init.bootstrap] })] : [],
  services: {
    identify: identify(),
    identifyPush: identifyPush(),
    ping: ping(),
    dht: kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: false,
      peerInfoMapper: init.public ? removePrivateAddressesMapper : passthroughMapper,
    }),
    pubsub: gossipsub(),
    relay: circuitRelayServer(),
    autoNAT: autoNAT(),
    dcutr: dcutr(),
  },
})
