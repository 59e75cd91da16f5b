/** A v1 peer for tests: says what it is told, hands out what it hears, message by message. */

import { connect, type Socket } from 'node:net'
import { Collector, encodeMessage, encodeVersion, Framer, NETWORKS, noAddress } from '../src/index.ts'

export interface Heard {
  readonly command: string
  readonly payload: Buffer
}

export function versionPayload(userAgent = '/test/'): Buffer {
  return encodeVersion({
    protocol: 70016,
    services: 0n,
    time: 1n,
    receiver: noAddress(),
    sender: noAddress(),
    nonce: 1n,
    userAgent,
    startHeight: 0,
    relay: false,
  })
}

export class Client {
  readonly socket: Socket
  readonly #heard: Heard[] = []
  readonly #closed: Promise<void>
  #wake: () => void = () => {}
  bytesRead = 0

  constructor(port: number, host = '127.0.0.1', localAddress?: string) {
    this.socket = connect({ port, host, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
    this.socket.on('error', () => {})
    this.#closed = new Promise(resolve => this.socket.once('close', () => resolve()))
    const collector = new Collector()
    const framer = new Framer(NETWORKS.regtest, {
      header: () => {},
      payload: slice => collector.add(slice),
      end: header => void this.#heard.push({ command: header.command, payload: collector.take() }),
    })
    this.socket.on('data', chunk => {
      this.bytesRead += chunk.length
      framer.push(chunk)
      this.#wake()
    })
    this.socket.once('close', () => this.#wake())
  }

  send(command: string, payload?: Buffer): void {
    this.socket.write(encodeMessage(NETWORKS.regtest, command, payload))
  }

  /** The next message, of this command where one is named; others are dropped. Rejects when the connection has ended. */
  async next(command?: string): Promise<Heard> {
    for (;;) {
      for (let heard = this.#heard.shift(); heard !== undefined; heard = this.#heard.shift()) {
        if (command === undefined || heard.command === command) return heard
      }
      if (this.socket.closed) throw new Error(`The connection ended before '${command ?? 'a message'}'.`)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async greet(): Promise<void> {
    this.send('version', versionPayload())
    await this.next('verack')
    this.send('verack')
  }

  closed(): Promise<void> {
    return this.#closed
  }
}
