/**
 * A paced download: asks for chunks at a steady rate with a bounded number outstanding, and counts what arrives. It does not catch up after a stall.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { CHUNK_BYTES, REQUEST_BYTES } from '../server/protocols.ts'

/** Chunks asked for and not received yet: 4 MiB, the largest read buffer of a stock stream. */
const OUTSTANDING_MAX = 16
const TICK_MS = 10
const RETRY_MS = 200

const request = new Uint8Array(REQUEST_BYTES)

export class Bulk {
  readonly #open: () => Promise<Stream>
  readonly #bytesPerSecond: number
  readonly #failed: (error: unknown) => void
  #receivedBytes = 0
  #markedMs = performance.now()

  constructor(open: () => Promise<Stream>, bytesPerSecond: number, failed: (error: unknown) => void) {
    this.#open = open
    this.#bytesPerSecond = bytesPerSecond
    this.#failed = failed
  }

  /** Downloads for ever, on a new stream whenever one ends. */
  async run(): Promise<never> {
    for (;;) {
      try {
        await this.#download(await this.#open())
      } catch (error) {
        this.#failed(error)
      }
      await delay(RETRY_MS)
    }
  }

  mark(): void {
    this.#receivedBytes = 0
    this.#markedMs = performance.now()
  }

  /** Since the mark. */
  receivedBytesPerSecond(): number {
    return this.#receivedBytes / ((performance.now() - this.#markedMs) / 1000)
  }

  async #download(stream: Stream): Promise<void> {
    let askedBytes = 0
    let gotBytes = 0
    let allowance = CHUNK_BYTES
    let lastMs = performance.now()
    stream.addEventListener('message', event => {
      gotBytes += event.data.byteLength
      this.#receivedBytes += event.data.byteLength
    })
    while (stream.status === 'open') {
      const nowMs = performance.now()
      allowance = Math.min(allowance + ((nowMs - lastMs) / 1000) * this.#bytesPerSecond, CHUNK_BYTES * 4)
      lastMs = nowMs
      while (allowance >= CHUNK_BYTES && askedBytes - gotBytes < OUTSTANDING_MAX * CHUNK_BYTES) {
        allowance -= CHUNK_BYTES
        askedBytes += CHUNK_BYTES
        stream.send(request)
      }
      await delay(TICK_MS)
    }
    throw new Error(`bulk stream ${stream.status}`)
  }
}
