/**
 * A peer that shakes hands as js-libp2p does and then writes muxer frames by hand: whatever it is told to, and nothing else.
 */

import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { MessageStream, StreamMessageEvent, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly length: number
}

export class RawPeer {
  readonly stream: MessageStream
  /** Yamux frame headers received, oldest first. */
  readonly frames: Frame[] = []
  /** Bytes of DATA payload received by stream id. */
  readonly received = new Map<number, number>()
  cut = false
  #bytes = Buffer.alloc(0)

  constructor(stream: MessageStream) {
    this.stream = stream
    stream.addEventListener('message', (event: StreamMessageEvent) => this.#onData(event.data.subarray()))
    stream.addEventListener('close', () => {
      this.cut = true
    })
  }

  send(...parts: readonly Uint8Array[]): void {
    if (this.stream.status === 'open') this.stream.send(Buffer.concat(parts))
  }

  /** Resolves when all that was sent has gone out. */
  async flushed(): Promise<void> {
    while (this.stream.status === 'open' && this.stream.writableNeedsDrain) await delay(1)
  }

  count(check: (frame: Frame) => boolean): number {
    return this.frames.filter(check).length
  }

  #onData(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.byteLength >= 12) {
      const bytes = this.#bytes
      const frame = { type: bytes.readUInt8(1), flags: bytes.readUInt16BE(2), id: bytes.readUInt32BE(4), length: bytes.readUInt32BE(8) }
      const body = frame.type === 0 ? frame.length : 0
      if (bytes.byteLength < 12 + body) return
      if (frame.type === 0) this.received.set(frame.id, (this.received.get(frame.id) ?? 0) + body)
      this.frames.push(frame)
      this.#bytes = Buffer.from(bytes.subarray(12 + body))
    }
  }
}

class NoMuxer extends TypedEventEmitter<Record<string, Event>> {
  readonly protocol: string
  readonly streams: [] = []
  status = 'open'

  constructor(protocol: string) {
    super()
    this.protocol = protocol
  }

  async createStream(): Promise<never> {
    throw new Error('a raw peer opens its streams by hand')
  }

  async close(): Promise<void> {
    this.status = 'closed'
  }

  abort(): void {
    this.status = 'closed'
  }
}

/** @param protocol of the muxer whose frames are written. @default '/yamux/1.0.0' */
export async function rawPeer(t: TestContext, address: Multiaddr, protocol = '/yamux/1.0.0'): Promise<RawPeer> {
  let peer: RawPeer | undefined
  const factory: StreamMuxerFactory = {
    protocol,
    createStreamMuxer(stream) {
      peer = new RawPeer(stream)
      return new NoMuxer(protocol) as unknown as StreamMuxer
    },
  }
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [() => factory],
    connectionMonitor: { enabled: false },
  })
  t.after(() => node.stop())
  await node.dial(address)
  if (peer === undefined) throw new Error('no muxer was agreed')
  return peer
}
