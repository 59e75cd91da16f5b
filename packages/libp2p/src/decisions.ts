/**
 * `node.services.sluice.decisions()`: the node's denials, bans, policy changes and cuts as a bounded async iterable, for any number of consumers up to a bound.
 *
 * Push meets pull here, so each consumer has a queue with a named bound. A consumer that does not keep up loses the oldest events and can read how many; it never slows the node
 * down and never makes it hold more.
 */

import { MisuseError } from '@sluice/core'
import type { SluiceEvent } from './events.ts'

/** Events one consumer may leave unread; past it the oldest is dropped and counted. About 400 bytes each. */
export const DECISIONS_BUFFERED_MAX = 1024

/** Iterators open at once; opening one more is misuse (most likely a loop that never returns its iterator). */
export const DECISIONS_CONSUMERS_MAX = 16

export interface Decisions extends AsyncIterableIterator<SluiceEvent> {
  /** Events this consumer lost because it did not keep up. */
  readonly dropped: number
  /** Ends the iteration and frees its queue; `for await` calls it on `break`. */
  return(): Promise<IteratorResult<SluiceEvent>>
}

const DONE: IteratorResult<SluiceEvent> = { done: true, value: undefined }

class Consumer implements Decisions {
  readonly #queue: SluiceEvent[] = []
  readonly #waiting: ((result: IteratorResult<SluiceEvent>) => void)[] = []
  readonly #bufferedMax: number
  readonly #onEnd: (consumer: Consumer) => void
  #dropped = 0
  #ended = false

  constructor(bufferedMax: number, onEnd: (consumer: Consumer) => void) {
    this.#bufferedMax = bufferedMax
    this.#onEnd = onEnd
  }

  get dropped(): number {
    return this.#dropped
  }

  push(event: SluiceEvent): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value: event })
      return
    }
    if (this.#queue.length >= this.#bufferedMax) {
      this.#queue.shift()
      this.#dropped++
    }
    this.#queue.push(event)
  }

  /** Lets the consumer read what is queued, then ends it. */
  end(): void {
    this.#ended = true
    for (const waiting of this.#waiting.splice(0)) waiting(DONE)
  }

  next(): Promise<IteratorResult<SluiceEvent>> {
    const event = this.#queue.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#ended) return Promise.resolve(DONE)
    if (this.#waiting.length >= this.#bufferedMax) {
      return Promise.reject(new MisuseError('Too many reads of decisions() are waiting at once.', { waiting: this.#waiting.length }))
    }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<SluiceEvent>> {
    this.#queue.length = 0
    this.end()
    this.#onEnd(this)
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

export interface DecisionFeedInit {
  /** @default 1024 */
  readonly bufferedMax?: number
  /** @default 16 */
  readonly consumersMax?: number
}

/** Where the node's events go in, and every `decisions()` comes out. One per node: `context.onEvent(event => feed.push(event))`. */
export class DecisionFeed {
  readonly #consumers = new Set<Consumer>()
  readonly #bufferedMax: number
  readonly #consumersMax: number

  constructor(init: DecisionFeedInit = {}) {
    this.#bufferedMax = init.bufferedMax ?? DECISIONS_BUFFERED_MAX
    this.#consumersMax = init.consumersMax ?? DECISIONS_CONSUMERS_MAX
  }

  /** Iterators open now. */
  get consumers(): number {
    return this.#consumers.size
  }

  /** Never throws, never waits: called from inside the admission path. */
  push(event: SluiceEvent): void {
    for (const consumer of this.#consumers) consumer.push(event)
  }

  /** Events from now on. Throws `MisuseError` past the bound of consumers. */
  open(): Decisions {
    if (this.#consumers.size >= this.#consumersMax) {
      throw new MisuseError(`decisions() is already read by ${this.#consumersMax} consumers. Return the iterators that are no longer read.`)
    }
    const consumer = new Consumer(this.#bufferedMax, ended => this.#consumers.delete(ended))
    this.#consumers.add(consumer)
    return consumer
  }

  /** Ends every open iteration once its queue is read: the node stops. One opened afterwards waits for the node to start again. */
  close(): void {
    for (const consumer of this.#consumers) consumer.end()
    this.#consumers.clear()
  }
}
