/**
 * The application of the attacked node: protocols written the way applications are written, including the ways that a stock node pays for.
 *
 * bulk  serves what is asked, waiting for `drain` as it should
 * sink  `for await` with work per chunk: the idiomatic slow reader
 * echo  sends back and ignores what `send()` says
 * hold  accepts a stream and does not read it
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Libp2p, Stream } from '@libp2p/interface'

export const BULK = '/lab/bulk/1.0.0'
export const SINK = '/lab/sink/1.0.0'
export const ECHO = '/lab/echo/1.0.0'
export const HOLD = '/lab/hold/1.0.0'

/** Bytes of one bulk answer, and of the request that asks for it. */
export const CHUNK_BYTES = 256 * 1024
export const REQUEST_BYTES = 4
/** Work the slow reader does for each chunk it gets. */
const SINK_WORK_MS = 20

const chunk = new Uint8Array(CHUNK_BYTES)

/** One chunk for every four bytes received. */
async function serveBulk(stream: Stream): Promise<void> {
  let asked = 0
  for await (const bytes of stream) {
    asked += bytes.byteLength
    for (; asked >= REQUEST_BYTES; asked -= REQUEST_BYTES) {
      if (!stream.send(chunk)) await drained(stream)
    }
  }
}

/** Resolves at the next drain; rejects when the stream closes first. */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      stream.removeEventListener('close', onClose)
      resolve()
    }
    const onClose = (): void => {
      stream.removeEventListener('drain', onDrain)
      reject(new Error('closed before it had drained'))
    }
    stream.addEventListener('drain', onDrain, { once: true })
    stream.addEventListener('close', onClose, { once: true })
  })
}

async function readSlowly(stream: Stream): Promise<void> {
  for await (const _bytes of stream) await delay(SINK_WORK_MS)
}

function sendBack(stream: Stream): void {
  stream.addEventListener('message', event => {
    if (stream.writeStatus === 'writable') stream.send(event.data)
  })
}

export async function serveProtocols(node: Libp2p): Promise<void> {
  // A closed stream ends a handler; js-libp2p aborts the stream when one rejects.
  await node.handle(BULK, stream => serveBulk(stream))
  await node.handle(SINK, stream => readSlowly(stream))
  await node.handle(ECHO, stream => sendBack(stream))
  await node.handle(HOLD, () => {})
}
