/**
 * A connection that exists only to prove the muxer hooks: a muxer is made on it, guarded, fed frames by hand, and thrown away. Its account charges nobody.
 */

import type { Logger, MessageStream, MessageStreamEvents, StreamMuxer } from '@libp2p/interface'
import { StreamMessageEvent, TypedEventEmitter } from '@libp2p/interface'
import type { Connection as GovernorConnection, Stream as GovernorStream } from '@sluice/core'
import { ADMITTED } from '@sluice/core'
import { transportCapabilities } from '../capabilities.ts'
import type { ConnectionState, NodeContext } from '../context.ts'
import { createMemoryBudget } from '../memory/budget.ts'
import { forEachPiece } from './pieces.ts'

/** As much of a message stream as a muxer looks at. */
class ProbeStream extends TypedEventEmitter<MessageStreamEvents> {
  readonly status = 'open'
  readonly direction = 'inbound'
  readonly readStatus = 'readable'
  readonly writeStatus = 'writable'
  readonly inactivityTimeout = 0
  readonly maxReadBufferLength = 4 * 1024 * 1024
  readonly readBufferLength = 0
  readonly writeBufferLength = 0
  readonly writableNeedsDrain = false
  readonly log: Logger
  readonly sent: number[] = []

  constructor(log: Logger) {
    super()
    this.log = log
  }

  send(data: StreamMessageEvent['data']): boolean {
    forEachPiece(data, piece => {
      for (const byte of piece) this.sent.push(byte)
    })
    return true
  }

  abort(): void {}
  pause(): void {}
  resume(): void {}
  async close(): Promise<void> {}
}

export interface MuxerProbe {
  readonly muxer: StreamMuxer
  readonly state: ConnectionState
  /** The node's context, with cuts recorded here instead of made. */
  readonly context: NodeContext
  /** Streams admitted. */
  readonly admitted: () => number
  /** Reasons of the cuts asked for. */
  readonly cuts: readonly string[]
  /** What the muxer has sent since it was last asked. */
  takeSent(): Uint8Array
  receive(bytes: Uint8Array): void
  end(): void
}

export function createMuxerProbe(create: (stream: MessageStream) => StreamMuxer, node: NodeContext): MuxerProbe {
  const stream = new ProbeStream(node.logger.forComponent('sluice:self-test'))
  const muxer = create(stream as unknown as MessageStream)
  const cuts: string[] = []
  let admitted = 0
  const handle = {
    direction: 'inbound',
    spend: () => ADMITTED,
    openStream: () => {
      admitted++
      return { allow: true, handle: probeStreamHandle() }
    },
  } as unknown as GovernorConnection
  const state = {
    handle,
    direction: 'inbound',
    transport: 'tcp',
    capabilities: transportCapabilities('tcp'),
    raw: undefined,
    encrypted: stream as unknown as MessageStream,
    muxer,
    address: 'self-test',
    open: true,
    refusal: undefined,
    onClose() {},
    abort() {},
  } satisfies ConnectionState
  const context: NodeContext = {
    ...node,
    mode: () => 'enforce',
    onStop() {},
    cut: (_state, reason) => cuts.push(reason) > 0,
    cutStream: (_state, reason) => {
      cuts.push(reason)
      return undefined
    },
  }
  createMemoryBudget(context)
  return {
    muxer,
    state,
    context,
    admitted: () => admitted,
    cuts,
    takeSent: () => Uint8Array.from(stream.sent.splice(0)),
    receive(bytes) {
      stream.dispatchEvent(new StreamMessageEvent(bytes))
    },
    end() {
      muxer.abort(new Error('the self-test ends here'))
    },
  }
}

function probeStreamHandle(): GovernorStream {
  const handle = {
    direction: 'inbound',
    protocol: undefined,
    memory: { used: 0, force: () => true, free() {}, reserve: () => ADMITTED },
    setProtocol: () => ADMITTED,
    setService: () => ADMITTED,
    release() {},
  }
  return handle as unknown as GovernorStream
}
