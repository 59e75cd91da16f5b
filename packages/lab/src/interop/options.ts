/**
 * The js-libp2p nodes of the interop checks and of the benchmark `overhead`: TCP (noise, yamux) and QUIC on loopback, identify and ping, plain or protected.
 *
 * The connection manager's own gates (5 new connections a second per host, 10 pending) are out of the way on both sides, so that what is compared and checked is
 * the traffic; nothing else differs from the packages' defaults.
 */

import { quic } from '@chainsafe/libp2p-quic'
import { identify } from '@libp2p/identify'
import type { ComponentLogger, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { PolicyInput } from '@sluice/core'
import { createLibp2p, type Libp2pOptions } from 'libp2p'

export type TransportName = 'tcp' | 'quic'

export interface NodeInit {
  readonly transports: readonly TransportName[]
  /** `undefined`: an unmodified js-libp2p node. */
  readonly policy?: PolicyInput | undefined
  /** Pauses each incoming yamux stream before anything was sent on it, and resumes it after that many milliseconds. */
  readonly pauseBeforeAckMs?: number | undefined
}

const LISTEN: Readonly<Record<TransportName, string>> = { tcp: '/ip4/127.0.0.1/tcp/0', quic: '/ip4/127.0.0.1/udp/0/quic-v1' }

const TRANSPORTS = { tcp: tcp(), quic: quic() }

type Services = { readonly identify: ReturnType<ReturnType<typeof identify>>; readonly ping: ReturnType<ReturnType<typeof ping>> }

export type InteropNode = Awaited<ReturnType<typeof createLibp2p<Services>>>

function plainOptions({ transports, pauseBeforeAckMs }: NodeInit): Libp2pOptions<Services> {
  return {
    addresses: { listen: transports.map(name => LISTEN[name]) },
    transports: transports.map(name => TRANSPORTS[name]),
    connectionEncrypters: [noise()],
    streamMuxers: [pauseBeforeAckMs === undefined ? yamux() : pausing(yamux(), pauseBeforeAckMs)],
    connectionManager: { inboundConnectionThreshold: 1_000_000, maxIncomingPendingConnections: 1000, maxConnections: 1000 },
    services: { identify: identify(), ping: ping() },
  }
}

/** Starts a node. `@sluice/libp2p` is loaded only where it is asked for. */
export async function startNode(init: NodeInit): Promise<InteropNode> {
  const options = plainOptions(init)
  if (init.policy === undefined) return createLibp2p(options)
  const { protect } = await import('@sluice/libp2p')
  return createLibp2p(protect(options, init.policy))
}

/** What a user's muxer or a memory limit does at the worst moment: a stream is paused between its SYN and our ACK. */
function pausing(
  inner: (components: { logger: ComponentLogger }) => StreamMuxerFactory,
  pauseMs: number,
): (components: { logger: ComponentLogger }) => StreamMuxerFactory {
  return components => {
    const factory = inner(components)
    return {
      protocol: factory.protocol,
      createStreamMuxer(connection) {
        const muxer = factory.createStreamMuxer(connection) as ReturnType<StreamMuxerFactory['createStreamMuxer']> & {
          onRemoteStream(stream: unknown): void
        }
        const onRemoteStream = muxer.onRemoteStream.bind(muxer)
        muxer.onRemoteStream = stream => {
          const paused = stream as { status: string; pause(): void; resume(): void }
          paused.pause()
          setTimeout(() => {
            if (paused.status === 'open') paused.resume()
          }, pauseMs)
          onRemoteStream(stream)
        }
        return muxer
      },
    }
  }
}
