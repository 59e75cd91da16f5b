/**
 * The ping protocol, whose stock handler echoes as fast as it is fed: 34,000 pings a second over four connections starve every other peer's turn of the event loop.
 *
 * Each ping spends the kind `ping` when it arrives. One that is over the rate is not lost but read later: the handler's own iteration waits for the account, so the stream's buffer
 * fills and its window closes. No implementation sends many pings ahead of the answers, so a remote that goes on sending while it waits is flooding, and its connection is cut:
 * a window full of tiny frames would cost more to decode than to refuse.
 */

import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Denial } from '@sluice/core'
import type { ConnectionState, NodeContext } from '../context.ts'
import type { HandlerGate } from './registrar.ts'

/** Bytes of one ping: the libp2p ping specification. Larger chunks are several pings that arrived together. */
export const PING_BYTES = 32

/** Pings a stream may hold unanswered once its account is empty. js-libp2p and go-libp2p send the next ping after the answer to the last. */
export const PINGS_AHEAD_MAX = 64

/** Longest single wait for the account, in milliseconds; then it is asked again. */
export const PING_WAIT_MAX_MS = 1000

type Chunk = StreamMessageEvent['data']

/** What js-libp2p's muxers call with each chunk they decoded; absent on streams of foreign implementations, whose pings are then charged when they are read. */
interface Receiving extends Stream {
  onData?: (data: Chunk) => void
}

export function pingGate(context: NodeContext): HandlerGate {
  return async (stream, state, run) => {
    const account = new PingAccount(stream, state, denial => {
      state.abort(context.refuse(denial, state))
    })
    account.attach()
    await run()
  }
}

class PingAccount {
  readonly #stream: Receiving
  readonly #state: ConnectionState
  readonly #cut: (denial: Denial) => void
  /** Pings that have arrived and are not handed to the handler. */
  #ahead = 0
  /** Of them, those that are paid for. */
  #paid = 0

  constructor(stream: Stream, state: ConnectionState, cut: (denial: Denial) => void) {
    this.#stream = stream
    this.#state = state
    this.#cut = cut
  }

  /** Overrides the stream's entry and its iterator; composes with whoever overrode them before. */
  attach(): void {
    const stream = this.#stream
    const { onData } = stream
    if (onData !== undefined) {
      stream.onData = data => {
        this.#arrived(pingsIn(data))
        onData.call(stream, data)
      }
    }
    const iterate: () => AsyncIterator<Chunk> = stream[Symbol.asyncIterator].bind(stream)
    Object.defineProperty(stream, Symbol.asyncIterator, { value: () => this.#read(iterate), configurable: true, writable: true })
  }

  async *#read(iterate: () => AsyncIterator<Chunk>): AsyncGenerator<Chunk> {
    for await (const chunk of { [Symbol.asyncIterator]: iterate }) {
      const pings = pingsIn(chunk)
      const paid = Math.min(pings, this.#paid)
      this.#paid -= paid
      await this.#pay(pings - paid)
      this.#ahead = Math.max(0, this.#ahead - pings)
      if (this.#stream.status !== 'open') return
      yield chunk
    }
  }

  #arrived(pings: number): void {
    this.#ahead += pings
    const decision = this.#state.handle.spend('ping', pings)
    if (decision.allow) this.#paid += pings
    else if (this.#ahead > PINGS_AHEAD_MAX) this.#cut(decision.denial)
  }

  /** Pays one burst at a time, waiting as long as the account says. Ends early when the stream does. */
  async #pay(pings: number): Promise<void> {
    let left = pings
    let share = pings
    while (left > 0 && this.#stream.status === 'open') {
      const decision = this.#state.handle.spend('ping', Math.min(share, left))
      if (decision.allow) {
        left -= Math.min(share, left)
        continue
      }
      const { limit, retryAfterMs } = decision.denial
      // More at once than the burst can never pass; ask for what can.
      if (share > 1 && share > limit) {
        share = Math.max(1, Math.floor(limit))
        continue
      }
      if (retryAfterMs === undefined) {
        this.#stream.abort(new Error(decision.denial.message))
        return
      }
      await until(Math.min(Math.max(1, retryAfterMs), PING_WAIT_MAX_MS), this.#stream)
    }
  }
}

function pingsIn(chunk: Chunk): number {
  return Math.max(1, Math.ceil(chunk.byteLength / PING_BYTES))
}

/** Resolves after `ms`, or when the stream ends. */
function until(ms: number, stream: Stream): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      stream.removeEventListener('close', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    stream.addEventListener('close', done)
  })
}
