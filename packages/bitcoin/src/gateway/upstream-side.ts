/**
 * The upstream's messages on their way to the client: passed on as they come, looked at by their headers, counted where they are bulk. Two things are read: `headers` and the head of
 * `cmpctblock`, to know what is recent, and `pong`, because one of them may answer a ping of ours. That one is kept from the client.
 */

import type { Socket } from 'node:net'
import {
  BLOCK_HEADER_BYTES,
  Collector,
  decodeHeaders,
  type FrameHeader,
  Framer,
  HEADER_BYTES,
  type Network,
  type Violation,
} from '../wire/index.ts'
import type { RecentBlocks } from './recent-blocks.ts'
import { BULK_REPLIES } from './reply-bytes.ts'

export interface UpstreamSideInit {
  readonly network: Network
  readonly client: Socket
  readonly recent: RecentBlocks
  /** Bytes of a bulk reply written to the client. */
  readonly onSent: (command: string, bytes: number) => void
  /** True when the pong's nonce, 8 bytes, is ours, so that the client must not see it. */
  readonly isOurs: (nonce: Buffer) => boolean
}

export class UpstreamSide {
  readonly #init: UpstreamSideInit
  readonly #framer: Framer
  readonly #collector = new Collector()
  #full = false

  constructor(init: UpstreamSideInit) {
    this.#init = init
    this.#framer = new Framer(init.network, {
      header: header => this.#header(header),
      payload: (slice, header) => this.#payload(slice, header),
      end: header => this.#end(header),
    })
  }

  get atBoundary(): boolean {
    return this.#framer.atBoundary
  }

  /** @returns what is wrong with the upstream's bytes, and whether the client's socket wants no more for now */
  push(chunk: Buffer): { readonly violation: Violation | undefined; readonly full: boolean } {
    this.#full = false
    this.#init.client.cork()
    const violation = this.#framer.push(chunk)
    this.#init.client.uncork()
    return { violation, full: this.#full || this.#init.client.writableNeedDrain }
  }

  #write(bytes: Buffer, command: string): void {
    if (!this.#init.client.write(bytes)) this.#full = true
    if (BULK_REPLIES.has(command)) this.#init.onSent(command, bytes.length)
  }

  #header(header: FrameHeader): void {
    if (header.command === 'block') this.#init.recent.sawBlock(header.length)
    if (header.command !== 'pong') this.#write(header.bytes, header.command)
    else this.#collector.add(Buffer.from(header.bytes))
  }

  #payload(slice: Buffer, header: FrameHeader): void {
    const { command } = header
    if (command !== 'pong') this.#write(slice, command)
    const wantsHead = command === 'cmpctblock' && this.#collector.heldBytes < BLOCK_HEADER_BYTES
    if (command === 'pong' || command === 'headers' || wantsHead) this.#collector.add(slice)
  }

  #end(header: FrameHeader): void {
    const { command } = header
    if (command !== 'pong' && command !== 'headers' && command !== 'cmpctblock') return
    const bytes = this.#collector.take()
    if (command === 'cmpctblock') this.#init.recent.learn(bytes)
    else if (command === 'pong') {
      if (!this.#init.isOurs(bytes.subarray(HEADER_BYTES))) this.#write(bytes, command)
    } else {
      const headers = decodeHeaders(bytes)
      if (headers.ok) for (const each of headers.value) this.#init.recent.learn(each)
    }
  }
}
