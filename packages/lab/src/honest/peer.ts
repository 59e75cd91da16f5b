/**
 * An unmodified js-libp2p node that only dials: the honest side of every measurement.
 */

import type { Identify } from '@libp2p/identify'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import type { Ping } from '@libp2p/ping'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { ServerAddress } from '../harness/messages.ts'
import type { SourceAddress } from '../wire/source-address.ts'
import { sourceAddress } from '../wire/source-address.ts'

export interface HonestPeer {
  readonly node: Libp2p<{ identify: Identify; ping: Ping }>
  /** Change `localAddress` to dial from elsewhere. */
  readonly source: SourceAddress
}

export async function honestPeer(localAddress: string): Promise<HonestPeer> {
  const source = sourceAddress(localAddress)
  const node = await createLibp2p({
    transports: [tcp({ dialOpts: source })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // More than one ping at a time: js-libp2p's own connection monitor pings too, and a collision is not the server's doing.
    services: { identify: identify(), ping: ping({ maxOutboundStreams: 8 }) },
  })
  return { node, source }
}

export function addressOf(server: ServerAddress): Multiaddr {
  return multiaddr(`/ip4/${server.host}/tcp/${server.port}/p2p/${server.peerId}`)
}
