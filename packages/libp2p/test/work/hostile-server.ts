/**
 * A node for the hostile-input test, in a process of its own so that only its own errors count: TCP with noise and TLS, WebSockets, QUIC, yamux and mplex, and the services that a peer
 * without any rights can talk to. Reports uncaught exceptions and unhandled rejections instead of dying of them, so that one run finds all of them.
 *
 * Messages from the parent: `counters` (answered with what is still open) and `stop`.
 */

import { quic } from '@chainsafe/libp2p-quic'
import { autoNAT } from '@libp2p/autonat'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT } from '@libp2p/kad-dht'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { protect } from '../../src/index.ts'
import { THROWING } from './hostile-protocols.ts'

export interface Counters {
  readonly connections: number
  readonly streams: number
  readonly memory: number
  readonly fileDescriptors: number
  readonly node: number
}

export type Report =
  | { readonly type: 'listening'; readonly addresses: readonly string[] }
  | { readonly type: 'uncaught'; readonly text: string }
  | { readonly type: 'counters'; readonly counters: Counters }

function report(message: Report): void {
  process.send?.(message)
}

const failed = (kind: string, error: unknown): void =>
  report({ type: 'uncaught', text: `${kind}: ${error instanceof Error ? error.stack : String(error)}` })
process.on('uncaughtException', error => failed('uncaught exception', error))
process.on('unhandledRejection', error => failed('unhandled rejection', error))

const node = await createLibp2p(
  protect(
    {
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1/udp/0/quic-v1'] },
      transports: [tcp(), webSockets(), quic()],
      connectionEncrypters: [noise(), tls()],
      streamMuxers: [yamux(), mplex()],
      services: {
        identify: identify(),
        identifyPush: identifyPush(),
        ping: ping(),
        relay: circuitRelayServer(),
        autonat: autoNAT(),
        dcutr: dcutr(),
        dht: kadDHT({ clientMode: false }),
        pubsub: gossipsub(),
      },
    },
    { memory: '256MB' },
  ),
)

await node.handle(THROWING.sync, () => {
  throw new Error('thrown at once')
})
await node.handle(THROWING.async, async () => {
  await Promise.resolve()
  throw new Error('thrown later')
})
await node.handle(THROWING.listener, stream => {
  stream.addEventListener('message', () => {
    throw new Error('thrown by a listener')
  })
})
await node.handle(THROWING.asyncListener, stream => {
  stream.addEventListener('message', async () => {
    await Promise.resolve()
    throw new Error('rejected by a listener')
  })
})

process.on('message', message => {
  if (message === 'stop') {
    Promise.resolve(node.stop()).then(
      () => process.disconnect(),
      (error: unknown) => failed('stop', error),
    )
    return
  }
  const { usage } = node.services.sluice.resources().system
  const { transient } = node.services.sluice.resources()
  report({
    type: 'counters',
    counters: {
      connections: usage.connectionsInbound + usage.connectionsOutbound + transient.usage.connectionsInbound,
      streams: usage.streamsInbound + usage.streamsOutbound,
      memory: usage.memory,
      fileDescriptors: usage.fileDescriptors,
      node: node.getConnections().length,
    },
  })
})

report({ type: 'listening', addresses: node.getMultiaddrs().map(String) })
