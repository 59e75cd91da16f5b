/**
 * The protocols of the interop checks and of the benchmark `overhead`, as `interop/go/cmd/host/protocols.go` speaks them (`discard` is spoken on this side only):
 *
 * - echo: the responder sends back what it reads until the end of the requester's writing;
 * - upload: the requester sends any number of bytes; at their end the responder answers with their count (8 bytes, big endian) and SHA-256;
 * - download: the requester sends a count (8 bytes, big endian); the responder sends that many bytes of the pattern;
 * - discard: as upload, answered with the count alone, so that nothing but moving the bytes costs anything.
 */

import { createHash } from 'node:crypto'
import type { Stream } from '@libp2p/interface'

export const ECHO = '/sluice/interop/echo/1.0.0'
export const UPLOAD = '/sluice/interop/upload/1.0.0'
export const DOWNLOAD = '/sluice/interop/download/1.0.0'
export const DISCARD = '/sluice/interop/discard/1.0.0'

/** Period of the bulk bytes; odd, so that the pattern shifts against every frame and window size. As in Go. */
const PATTERN_BYTES = 65_521

/** What a requester may ask for at most, as in Go. */
const DOWNLOAD_BYTES_MAX = 4 * 2 ** 30

/** The pattern: byte i is (i mod PATTERN_BYTES) * 31 mod 256. */
const PATTERN = Uint8Array.from({ length: PATTERN_BYTES }, (_, index) => index * 31)

/** What every stream yields: bytes, or a list of them that can be flattened. */
type Chunk = Uint8Array | { subarray(): Uint8Array }

/** The first `count` bytes of the repeated pattern, a period at a time. */
export function* pattern(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= PATTERN_BYTES) yield left >= PATTERN_BYTES ? PATTERN : PATTERN.subarray(0, left)
}

/** SHA-256 of the first `count` bytes of the pattern. */
export function patternDigest(count: number): Buffer {
  const hash = createHash('sha256')
  for (const chunk of pattern(count)) hash.update(chunk)
  return hash.digest()
}

/** Sends everything, waiting for `drain` whenever the stream asks for it. Rejects when the stream closes first. */
export async function sendAll(stream: Stream, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) if (!stream.send(chunk)) await drained(stream)
}

/** Resolves at the next `drain`. `stream.onDrain()` is not used: in libp2p 3.3 it waits the first time only. */
function drained(stream: Stream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onDrain = () => settle(resolve)
  const onClose = (event: { readonly error?: Error }) =>
    settle(() => reject(event.error ?? new Error('the stream closed while data was unsent')))
  function settle(outcome: () => void): void {
    stream.removeEventListener('drain', onDrain)
    stream.removeEventListener('close', onClose)
    outcome()
  }
  stream.addEventListener('drain', onDrain)
  stream.addEventListener('close', onClose)
  if (stream.status !== 'open') onClose({})
  return promise
}

/**
 * What a stream yields until its end. `for await` alone never ends in libp2p 3.3 when the remote closed its writing before the loop began (a request whose
 * end arrives with its negotiation, as go-libp2p sends it): nobody tells a late listener.
 */
export async function* chunks(stream: Stream): AsyncGenerator<Uint8Array> {
  if (stream.remoteWriteStatus === 'writable') {
    for await (const chunk of stream) yield* chunk instanceof Uint8Array ? [chunk] : chunk
    return
  }
  // one message carries all that is buffered; `end` may have fired before negotiation pushed this data back
  if (stream.readBufferLength === 0) return
  const { promise, resolve } = Promise.withResolvers<Uint8Array>()
  stream.addEventListener('message', event => resolve(flat(event.data)), { once: true })
  stream.addEventListener('close', () => resolve(new Uint8Array()), { once: true })
  yield await promise
}

/** What arrived on a stream until its end: how many bytes, and their SHA-256 when `digest` was asked for. */
export async function receiveAll(stream: Stream, digest: boolean): Promise<{ readonly bytes: number; readonly digest: Buffer }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunks(stream)) {
    bytes += chunk.byteLength
    if (digest) hash.update(chunk)
  }
  return { bytes, digest: hash.digest() }
}

/** All bytes until the end of the stream, at most `max`. */
export async function readAll(stream: Stream, max: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks(stream)) {
    bytes += chunk.byteLength
    if (bytes > max) throw new RangeError(`more than ${max} bytes`)
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

function flat(chunk: Chunk): Uint8Array {
  return chunk instanceof Uint8Array ? chunk : chunk.subarray()
}

/** 8 bytes, big endian. */
export function countBytes(count: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(count))
  return bytes
}

/** The responders, by protocol. A responder that throws has its stream reset. */
export const RESPONDERS: Readonly<Record<string, (stream: Stream) => Promise<void>>> = {
  [ECHO]: resetting(async stream => {
    for await (const chunk of chunks(stream)) await sendAll(stream, [chunk])
  }),
  [UPLOAD]: resetting(async stream => {
    const { bytes, digest } = await receiveAll(stream, true)
    await sendAll(stream, [countBytes(bytes), digest])
  }),
  [DISCARD]: resetting(async stream => {
    const { bytes } = await receiveAll(stream, false)
    await sendAll(stream, [countBytes(bytes)])
  }),
  [DOWNLOAD]: resetting(async stream => {
    const asked = Buffer.from(await readAll(stream, 8)).readBigUInt64BE()
    await sendAll(stream, pattern(Number(asked < DOWNLOAD_BYTES_MAX ? asked : BigInt(DOWNLOAD_BYTES_MAX))))
  }),
}

function resetting(respond: (stream: Stream) => Promise<void>): (stream: Stream) => Promise<void> {
  return async stream => {
    try {
      await respond(stream)
      await stream.close()
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
