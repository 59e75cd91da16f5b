/**
 * Opens an encrypted connection the way js-libp2p's own dialler does, TCP then noise with the muxer agreed inside it, and hands out the encrypted
 * message stream instead of a muxer, so that the caller decides every byte above the encryption.
 *
 * Built from js-libp2p's public transport and encrypter; only the upgrade is ours. It makes a new Ed25519 identity for every connection unless given one.
 */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type {
  Connection,
  MessageStream,
  MultiaddrConnection,
  PrivateKey,
  StreamMessageEvent,
  StreamMuxerFactory,
  Upgrader,
} from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { proposal } from './frames.ts'
import { silentLogger } from './silent-logger.ts'
import { sourceAddress } from './source-address.ts'

const YAMUX = '/yamux/1.0.0'
/** Reply to a two-message proposal: both are short, more than this means the other side does not speak multistream. */
const REPLY_BYTES_MAX = 1024

export interface DialInit {
  readonly host: string
  readonly port: number
  /** Loopback address the connection comes from. */
  readonly localAddress: string
  /** @default 10_000 */
  readonly timeoutMs?: number
  /** @default a new Ed25519 key */
  readonly privateKey?: PrivateKey
}

export interface EncryptedConnection {
  readonly stream: MessageStream
  readonly transport: MultiaddrConnection
}

/** Agrees on a protocol over a stream that carries nothing else yet. Rejects when refused, closed or out of time. */
async function select(stream: MessageStream, protocol: string, signal: AbortSignal): Promise<void> {
  const expected = proposal(protocol)
  let received = Buffer.alloc(0)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onMessage = (event: StreamMessageEvent): void => {
    received = Buffer.concat([received, event.data.subarray()])
    if (received.byteLength > REPLY_BYTES_MAX) reject(new Error(`${protocol}: not a multistream reply`))
    else if (received.byteLength >= expected.byteLength)
      received.equals(expected) ? resolve() : reject(new Error(`${protocol} was refused`))
  }
  const onClose = (): void => reject(new Error(`closed while agreeing on ${protocol}`))
  const onAbort = (): void => reject(new Error(`out of time while agreeing on ${protocol}`))
  stream.addEventListener('message', onMessage)
  stream.addEventListener('close', onClose)
  signal.addEventListener('abort', onAbort)
  try {
    stream.send(expected)
    await promise
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Rejects when the other side refuses, closes or does not finish in time; the socket is destroyed then. */
export async function dialEncrypted(init: DialInit): Promise<EncryptedConnection> {
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  const peerId = peerIdFromPrivateKey(privateKey)
  const muxers = new Map<string, StreamMuxerFactory>([[YAMUX, unusedMuxer]])
  // Not AbortSignal.timeout(): the socket keeps listening to the signal after the dial and would be destroyed when it fires.
  const deadline = new AbortController()
  const { signal } = deadline
  const timer = setTimeout(() => deadline.abort(new Error('out of time')), init.timeoutMs ?? 10_000)
  let opened: EncryptedConnection | undefined

  const upgrader = {
    getStreamMuxers: () => muxers,
    async upgradeOutbound(transport: MultiaddrConnection): Promise<Connection> {
      await select(transport, '/noise', signal)
      const secured = await noise()({ peerId, privateKey, logger: silentLogger, upgrader: upgrader as unknown as Upgrader }).secureOutbound(
        transport,
        { signal },
      )
      if (secured.streamMuxer === undefined) await select(secured.connection, YAMUX, signal)
      opened = { stream: secured.connection, transport }
      return undefined as unknown as Connection
    },
  }
  const transport = tcp({ dialOpts: sourceAddress(init.localAddress) })
  try {
    await transport({ logger: silentLogger }).dial(multiaddr(`/ip4/${init.host}/tcp/${init.port}`), {
      signal,
      upgrader: upgrader as unknown as Upgrader,
    })
  } finally {
    clearTimeout(timer)
  }
  if (opened === undefined) throw new Error('the transport returned before the upgrade had finished')
  return opened
}

/** Named in the handshake so that yamux is agreed there; the frames are written by hand. */
const unusedMuxer: StreamMuxerFactory = {
  protocol: YAMUX,
  createStreamMuxer() {
    throw new Error('the lab writes its own frames')
  },
}
