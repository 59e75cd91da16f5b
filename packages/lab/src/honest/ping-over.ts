/**
 * The ping protocol over one given connection. js-libp2p's own service takes a peer and may choose another connection to it, which for a newcomer
 * would measure an old visit instead of the new one.
 * Source: https://github.com/libp2p/specs/blob/master/ping/ping.md
 */

import type { Connection, Stream } from '@libp2p/interface'

const PROTOCOL = '/ipfs/ping/1.0.0'
const PAYLOAD_BYTES = 32

/** Longest the other side may take to close its end. */
const CLOSE_MS = 5_000

/** Resolves with the stream, still open, when 32 bytes have come back; rejects when it ends first or the signal fires. */
export async function pingOver(connection: Connection, signal: AbortSignal): Promise<Stream> {
  const stream = await connection.newStream(PROTOCOL, { signal })
  try {
    const echoed = echo(stream, signal)
    stream.send(crypto.getRandomValues(new Uint8Array(PAYLOAD_BYTES)))
    await echoed
    return stream
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** Closes a ping stream and waits for the other end: a stock node takes two at a time, and js-libp2p's connection monitor uses the second. Never rejects. */
export async function finish(stream: Stream): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS)
  try {
    await stream.close({ signal })
    if (stream.status === 'open' || stream.status === 'closing') {
      await new Promise<void>(resolve => {
        stream.addEventListener('close', () => resolve(), { once: true })
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  }
}

async function echo(stream: Stream, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let received = 0
  const onClose = (): void => reject(new Error('the ping stream closed before the answer'))
  const onAbort = (): void => reject(new Error('no answer in time'))
  stream.addEventListener('message', event => {
    received += event.data.byteLength
    if (received >= PAYLOAD_BYTES) resolve()
  })
  stream.addEventListener('close', onClose)
  signal.addEventListener('abort', onAbort)
  try {
    await promise
  } finally {
    stream.removeEventListener('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
}
