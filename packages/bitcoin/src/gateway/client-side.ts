/**
 * The client's messages on their way to the upstream. What cannot cost much is passed on as it comes; `version` and the requests of `REQUESTS` are taken whole, verified and
 * understood first. The gateway's own messages (held requests, pings) go in between two of the client's, never inside one.
 */

import type { Socket } from 'node:net'
import {
  Collector,
  decodeVersion,
  encodeMessage,
  type FrameHeader,
  Framer,
  type Network,
  type Violation,
  verifyChecksum,
} from '../wire/index.ts'
import type { HeldBytes } from './held-requests.ts'
import { RelayedOnce } from './relayed-once.ts'
import { type ChainView, demandOf, type PieceSource, REQUESTS } from './reply-bytes.ts'

export interface ClientSideInit {
  readonly network: Network
  readonly upstream: Socket
  readonly chain: ChainView
  readonly held: HeldBytes
  readonly onUserAgent: (userAgent: string) => void
  /** @returns false when it cannot be held */
  readonly onBulk: (source: PieceSource) => boolean
}

/** Why a client's stream has to end. */
export type ClientFault = Violation | 'handshake' | 'memory'

export class ClientSide {
  readonly #init: ClientSideInit
  readonly #framer: Framer
  readonly #collector = new Collector()
  readonly #relayed = new RelayedOnce()
  /** Bytes of the collector, taken from the account of all clients. */
  #collected = 0
  #greeted: 'nothing' | 'version' | 'verack' = 'nothing'
  /** Our own messages, waiting for the client to finish one of its own. At most one held request and one ping. */
  #waiting: Buffer[] = []
  #passing = false
  #fault: ClientFault | undefined

  constructor(init: ClientSideInit) {
    this.#init = init
    this.#framer = new Framer(init.network, {
      header: header => this.#header(header),
      payload: (slice, header) => this.#payload(slice, header),
      end: header => this.#end(header),
    })
  }

  /** Whether the client has said `version` and `verack`. */
  get isGreeted(): boolean {
    return this.#greeted === 'verack'
  }

  /** @returns why the client must go, or undefined */
  push(chunk: Buffer): ClientFault | undefined {
    this.#init.upstream.cork()
    const violation = this.#framer.push(chunk)
    this.#init.upstream.uncork()
    return this.#fault ?? violation
  }

  /** Sends a message of our own, as soon as the stream to the upstream stands between two messages. */
  inject(command: string, payload: Buffer): void {
    const bytes = encodeMessage(this.#init.network, command, payload)
    if (this.#passing) this.#waiting.push(bytes)
    else this.#init.upstream.write(bytes)
  }

  /** Gives back what was collected of an unfinished message. */
  release(): void {
    this.#init.held.give(this.#collected)
    this.#collected = 0
    this.#collector.take()
    this.#fault ??= 'handshake'
  }

  #header(header: FrameHeader): void {
    if (this.#fault !== undefined) return
    const { command } = header
    // Before its verack a client may only introduce itself; a second version is as wrong as none.
    if (this.#greeted === 'nothing' ? command !== 'version' : command === 'version') this.#fault = 'handshake'
    else if (this.#greeted === 'version' && REQUESTS.has(command)) this.#fault = 'handshake'
    else if (!this.#isRead(command)) {
      this.#passing = true
      this.#init.upstream.write(header.bytes)
    }
  }

  #isRead(command: string): boolean {
    return command === 'version' || REQUESTS.has(command)
  }

  #payload(slice: Buffer, header: FrameHeader): void {
    if (this.#fault !== undefined) return
    if (!this.#isRead(header.command)) {
      this.#init.upstream.write(slice)
      return
    }
    if (!this.#init.held.take(slice.length)) {
      this.#fault = 'memory'
      return
    }
    this.#collected += slice.length
    this.#collector.add(slice)
  }

  #end(header: FrameHeader): void {
    if (this.#fault !== undefined) return
    if (this.#isRead(header.command)) this.#fault = this.#understand(header)
    else {
      this.#passing = false
      if (header.command === 'verack') this.#greeted = 'verack'
      for (const bytes of this.#waiting.splice(0)) this.#init.upstream.write(bytes)
    }
  }

  #understand(header: FrameHeader): ClientFault | undefined {
    this.#init.held.give(this.#collected)
    this.#collected = 0
    const payload = this.#collector.take()
    const spoilt = verifyChecksum(header, payload)
    if (spoilt !== undefined) return spoilt
    if (header.command === 'version') {
      const version = decodeVersion(payload)
      if (!version.ok) return version.violation
      this.#greeted = 'version'
      this.#init.onUserAgent(version.value.userAgent)
      this.inject('version', payload)
      return undefined
    }
    const demand = demandOf(header.command, payload, this.#init.chain, this.#relayed)
    if (!demand.ok) return demand.violation
    const { relay, bulk } = demand.value
    if (relay !== undefined) this.inject(header.command, relay)
    return bulk === undefined || this.#init.onBulk(bulk) ? undefined : 'memory'
  }
}
