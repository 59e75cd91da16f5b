/**
 * One client and its own connection to the upstream. Both sockets are read only as fast as the other is written; history goes one piece at a time, asked for at the desk first.
 *
 * The end of a piece's answer is known by a ping of ours sent right behind it: nodes answer in order, so when the pong is here, so is the answer, whatever it was: a block, a
 * `notfound`, a thousand filters, or the silence that some requests get. The pong is not passed on, and its nonce is 64 random bits.
 */

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Network } from '../wire/index.ts'
import { type ClientFault, ClientSide } from './client-side.ts'
import type { BulkDesk, GatewayClient } from './desk.ts'
import { type HeldBytes, HeldRequests } from './held-requests.ts'
import type { Place } from './places.ts'
import type { RecentBlocks } from './recent-blocks.ts'
import type { Piece } from './reply-bytes.ts'
import { UpstreamSide } from './upstream-side.ts'
import { Valve } from './valve.ts'

export interface LinkInit {
  readonly network: Network
  readonly client: Socket
  readonly upstream: Socket
  readonly place: Place
  readonly desk: BulkDesk
  readonly recent: RecentBlocks
  readonly held: HeldBytes
  /** The client's first bytes, read already. */
  readonly opening: Buffer
  readonly onEnd: (end: LinkEnd) => void
}

/** Why a link ended: a fault of either side, a side that left, or what `close` was told. */
export type LinkEnd = ClientFault | 'client' | 'upstream' | 'upstream-violation' | { readonly closed: string }

/** `asked`: waiting at the desk. `served`: the request and the ping are on their way. */
type Current = { readonly piece: Piece; state: 'asked' | 'served'; bytes: number; nonce: Buffer }

export class Link implements GatewayClient {
  readonly #init: LinkInit
  readonly #held: HeldRequests
  readonly #clientSide: ClientSide
  readonly #upstreamSide: UpstreamSide
  readonly #clientValve: Valve<'connecting' | 'held' | 'upstream-full'>
  readonly #upstreamValve: Valve<'client-full'>
  #current: Current | undefined
  #userAgent = ''
  #closing: string | undefined
  #ended = false

  constructor(init: LinkInit) {
    this.#init = init
    const { network, client, upstream, recent, held } = init
    this.#held = new HeldRequests(held)
    this.#clientSide = new ClientSide({
      network,
      upstream,
      chain: recent,
      held,
      onUserAgent: userAgent => {
        this.#userAgent = userAgent
      },
      onBulk: source => this.#held.add(source),
    })
    this.#upstreamSide = new UpstreamSide({
      network,
      client,
      recent,
      onSent: (command, bytes) => this.#sent(command, bytes),
      isOurs: nonce => this.#answered(nonce),
    })
    this.#clientValve = new Valve(client)
    this.#upstreamValve = new Valve(upstream)
    this.#connect()
  }

  get ip(): string {
    return this.#init.place.ip
  }

  get place(): number {
    return this.#init.place.number
  }

  get userAgent(): string {
    return this.#userAgent
  }

  get isGreeted(): boolean {
    return this.#clientSide.isGreeted
  }

  close(reason: string): void {
    this.#closing ??= reason
    if (this.#upstreamSide.atBoundary) this.end({ closed: reason })
  }

  #connect(): void {
    const { client, upstream, opening } = this.#init
    this.#clientValve.pause('connecting')
    upstream.once('connect', () => this.#clientValve.resume('connecting'))
    client.on('data', chunk => this.#fromClient(chunk))
    upstream.on('data', chunk => this.#fromUpstream(chunk))
    client.on('drain', () => this.#upstreamValve.resume('client-full'))
    upstream.on('drain', () => this.#clientValve.resume('upstream-full'))
    client.on('close', () => this.end('client'))
    upstream.on('close', () => this.end('upstream'))
    this.#fromClient(opening)
  }

  #fromClient(chunk: Buffer): void {
    if (this.#ended) return
    const fault = this.#clientSide.push(chunk)
    if (fault !== undefined) {
      this.end(fault)
      return
    }
    this.#clientValve.set('upstream-full', this.#init.upstream.writableNeedDrain)
    this.#proceed()
  }

  #fromUpstream(chunk: Buffer): void {
    if (this.#ended) return
    const { violation, full } = this.#upstreamSide.push(chunk)
    if (violation !== undefined) this.end('upstream-violation')
    else if (this.#closing !== undefined && this.#upstreamSide.atBoundary) this.end({ closed: this.#closing })
    else {
      if (full) this.#upstreamValve.pause('client-full')
      this.#proceed()
    }
  }

  /** Asks for the next piece when none is asked for or in flight. */
  #proceed(): void {
    if (this.#ended) return
    if (this.#current === undefined && this.#closing === undefined) {
      const piece = this.#held.next()
      if (piece !== undefined) {
        const current: Current = { piece, state: 'asked', bytes: 0, nonce: randomBytes(8) }
        this.#current = current
        this.#init.desk.ask(this, piece, () => this.#go(current))
      }
    }
    this.#clientValve.set('held', this.#held.isFull)
  }

  #go(current: Current): void {
    if (this.#ended || this.#current !== current || current.state !== 'asked') return
    current.state = 'served'
    this.#clientSide.inject(current.piece.command, current.piece.payload)
    this.#clientSide.inject('ping', current.nonce)
  }

  #sent(command: string, bytes: number): void {
    if (this.#current?.state === 'served') this.#current.bytes += bytes
    this.#init.desk.sent(this, command, bytes)
  }

  #answered(nonce: Buffer): boolean {
    const current = this.#current
    if (current?.state !== 'served' || !nonce.equals(current.nonce)) return false
    this.#current = undefined
    this.#init.desk.done(this, current.piece, current.bytes)
    return true
  }

  /** Ends both sides. Idempotent: the first reason stands. */
  end(end: LinkEnd): void {
    if (this.#ended) return
    this.#ended = true
    const { client, upstream, desk, place } = this.#init
    this.#held.clear()
    this.#clientSide.release()
    // What was written for the client still reaches it, unless it is the client that broke the protocol or left.
    if (end === 'upstream' || (typeof end === 'object' && 'closed' in end)) client.end()
    else client.destroy()
    upstream.destroy()
    place.release()
    const current = this.#current
    if (current?.state === 'served') desk.done(this, current.piece, current.bytes)
    desk.gone(this)
    this.#init.onEnd(end)
  }
}
