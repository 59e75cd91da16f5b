/**
 * The ping protocol, whose stock handler echoes as fast as it is fed: 34,000 pings a second over four connections starve every other peer's turn of the event loop.
 *
 * Each ping read spends the kind `ping`. One that is over the rate is not lost but read later: the wait happens inside the handler's own iteration. What a remote sends meanwhile
 * arrives behind unread pings, which no implementation does that waits for its answers; the stream part charges that on arrival, and cuts.
 */

import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { ConnectionState } from '../context.ts'
import type { HandlerGate } from './registrar.ts'

/** Bytes of one ping: the libp2p ping specification. Larger chunks are several pings that arrived together. */
export const PING_BYTES = 32

/** Longest single wait for the account, in milliseconds; then it is asked again. */
export const PING_WAIT_MAX_MS = 1000

type Chunk = StreamMessageEvent['data']

export const pingGate: HandlerGate = async (stream, state, run) => {
  throttleReads(stream, state)
  await run()
}

/** Replaces the stream's iterator by one that pays for each chunk before handing it out. Composes with the bounded iterator below it. */
function throttleReads(stream: Stream, state: ConnectionState): void {
  const iterate: () => AsyncIterator<Chunk> = stream[Symbol.asyncIterator].bind(stream)
  const paying = async function* (): AsyncGenerator<Chunk> {
    for await (const chunk of { [Symbol.asyncIterator]: iterate }) {
      await pay(Math.max(1, Math.ceil(chunk.byteLength / PING_BYTES)), stream, state)
      if (stream.status !== 'open') return
      yield chunk
    }
  }
  Object.defineProperty(stream, Symbol.asyncIterator, { value: paying, configurable: true, writable: true })
}

/** Pays for `pings` one burst at a time, waiting as long as the account says. Ends early when the stream does. */
async function pay(pings: number, stream: Stream, state: ConnectionState): Promise<void> {
  let left = pings
  let share = pings
  while (left > 0 && stream.status === 'open') {
    const decision = state.handle.spend('ping', Math.min(share, left))
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
      stream.abort(new Error(decision.denial.message))
      return
    }
    await until(Math.min(Math.max(1, retryAfterMs), PING_WAIT_MAX_MS), stream)
  }
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
