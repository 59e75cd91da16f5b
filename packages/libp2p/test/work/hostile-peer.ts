/**
 * Peers that break the rules on purpose, for the hostile-input test. Everything is drawn from one seeded generator, so that a failing run can be repeated. Loopback only.
 */

import { createSocket } from 'node:dgram'
import net from 'node:net'
import { connect as connectTls } from 'node:tls'
import { quic } from '@chainsafe/libp2p-quic'
import type { Libp2p, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

/** Uniform in [0, 1). mulberry32 (Tommy Ettinger, public domain): 32 bits of state are plenty to repeat a run. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = generator(seed)
  }

  below(max: number): number {
    return Math.floor(this.#random() * max)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  bytes(max: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(max + 1) }, () => this.below(256)))
  }

  /** `bytes` with a few of them changed, cut or doubled. */
  mutate(bytes: Uint8Array): Buffer {
    const out = Buffer.from(bytes)
    for (let left = this.below(6); left > 0 && out.length > 0; left--) out[this.below(out.length)] = this.below(256)
    if (this.below(4) === 0) return out.subarray(0, this.below(out.length + 1))
    return this.below(4) === 0 ? Buffer.concat([out, out]) : out
  }
}

/** One multistream-select message: varint length, the line, its end. */
export function multistream(line: string): Buffer {
  const bytes = Buffer.from(`${line}\n`)
  return Buffer.concat([
    bytes.length < 128 ? Buffer.from([bytes.length]) : Buffer.from([(bytes.length & 127) | 128, bytes.length >> 7]),
    bytes,
  ])
}

/** A varint that never ends, or ends beyond 2^53. */
export const OVERSIZED_VARINTS: readonly Buffer[] = [
  Buffer.alloc(32, 0xff),
  Buffer.from('ffffffffffffffffff01', 'hex'),
  Buffer.from('80808080808080808000', 'hex'),
]

/** How a raw peer leaves: FIN, RST, or by waiting until it is thrown out (at most `waitMs`). */
export type Leave = 'end' | 'reset' | 'stay'

/** Sends `chunks` one after the other over a plain socket, then leaves. Resolves when the socket is gone, with the first bytes it got as text; undefined when it never connected. Never rejects. */
export function rawPeer(port: number, chunks: readonly Uint8Array[], leave: Leave, waitMs: number): Promise<string | undefined> {
  return new Promise(resolve => {
    let answer: string | undefined
    const socket = net.connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.resetAndDestroy(), waitMs)
    socket.on('error', () => {})
    socket.on('data', data => {
      answer ||= data.toString('latin1', 0, 64)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
    socket.on('connect', () => {
      answer = ''
      const next = (index: number): void => {
        const chunk = chunks[index]
        if (socket.destroyed) return
        if (chunk !== undefined) socket.write(chunk, () => setImmediate(next, index + 1))
        else if (leave === 'end') socket.end()
        else if (leave === 'reset') socket.resetAndDestroy()
      }
      next(0)
    })
  })
}

/** Sends datagrams to a UDP port of this machine, and ignores what comes back. */
export async function datagrams(port: number, messages: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('error', () => {})
  for (const message of messages) await new Promise(resolve => socket.send(message, port, '127.0.0.1', resolve))
  await new Promise<void>(resolve => socket.close(() => resolve()))
}

/** A TLS client without the libp2p certificate, after agreeing on TLS by multistream. */
export function strangeTlsPeer(port: number, waitMs: number): Promise<void> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), waitMs)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    socket.on('error', () => {})
    socket.on('close', done)
    socket.once('connect', () => socket.write(Buffer.concat([multistream('/multistream/1.0.0'), multistream('/tls/1.0.0')])))
    socket.once('data', () => {
      const secure = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ['libp2p'], minVersion: 'TLSv1.3' })
      secure.on('error', () => socket.destroy())
      secure.on('secureConnect', () => secure.write('garbage'))
    })
  })
}

/** Hands out the encrypted stream instead of multiplexing it. */
function bareMuxer(protocol: string, onStream: (stream: MessageStream) => void): StreamMuxerFactory {
  return {
    protocol,
    createStreamMuxer(maConn: MessageStream): StreamMuxer {
      // Read and dropped: a paused peer is another test.
      maConn.addEventListener('message', () => {})
      queueMicrotask(() => onStream(maConn))
      const muxer = Object.assign(new TypedEventEmitter(), {
        protocol,
        status: 'open' as const,
        streams: [],
        createStream: () => Promise.reject(new Error('a bare connection has no streams')),
        send: (data: Uint8Array) => maConn.send(data),
        close: () => Promise.resolve(),
        abort: () => {},
      })
      return muxer as unknown as StreamMuxer
    },
  }
}

/** An ordinary client whose handlers and streams the test abuses. */
export async function strangePeer(encrypter: 'noise' | 'tls'): Promise<Libp2p> {
  return createLibp2p({
    transports: [tcp(), webSockets(), quic()],
    connectionEncrypters: [encrypter === 'noise' ? noise() : tls()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
}

export interface BarePeerInit {
  readonly encrypter: 'noise' | 'tls'
  readonly muxer: '/yamux/1.0.0' | '/mplex/6.7.0'
}

/** Dials with a new identity, agrees on a muxer, then sends `chunks` under the encryption and waits to be thrown out, at most `waitMs`. Resolves to whether it got that far; never rejects. */
export async function barePeer(address: Multiaddr, init: BarePeerInit, chunks: readonly Uint8Array[], waitMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<MessageStream>()
  const node = await createLibp2p({
    transports: [tcp(), webSockets()],
    connectionEncrypters: [init.encrypter === 'noise' ? noise() : tls()],
    streamMuxers: [() => bareMuxer(init.muxer, resolve)],
    connectionMonitor: { enabled: false },
  })
  let reached = false
  try {
    const connection = await node.dial(address)
    const stream = await promise
    reached = true
    const closed = new Promise(done => connection.addEventListener('close', done))
    for (const chunk of chunks) {
      if (stream.status !== 'open') break
      stream.send(chunk)
      await new Promise(setImmediate)
    }
    await Promise.race([closed, new Promise(done => setTimeout(done, waitMs).unref())])
    // close, not abort: an aborted WebSocket of plain js-libp2p stays open.
    await connection.close({ signal: AbortSignal.timeout(waitMs) })
  } catch {
    // Refused or cut: what the test is about.
  } finally {
    await node.stop()
  }
  return reached
}
