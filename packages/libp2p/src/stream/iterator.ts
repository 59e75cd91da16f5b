/**
 * The bounded iterator every guarded stream gets instead of js-libp2p's, which queues without end behind a slow `for await` while the sender is told to go on.
 * Here the queue counts as unread, so the sender waits, or the stream is reset where it cannot.
 *
 * Same contract as the original: starts at the first `next`, ends when the remote has finished writing and all is read, throws the close error after what was received,
 * leaves the stream open when the loop is left early. Chunk boundaries mean nothing; small chunks that wait are joined, so that a kilobyte sent byte by byte costs a kilobyte.
 */

import type { StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import type { StreamGuard } from './guard.ts'
import type { Chunk } from './shape.ts'

/** Waiting chunks are joined up to this size. */
export const JOINED_BYTES_MAX = 4096

type Result = IteratorResult<Chunk, void>
interface Waiter {
  resolve(result: Result): void
  reject(error: unknown): void
}

const DONE: Result = { done: true, value: undefined }

export class StreamIterator implements AsyncGenerator<Chunk, void, unknown> {
  readonly #guard: StreamGuard
  #queue: Chunk[] = []
  #head = 0
  /** `next` calls without an answer. js-libp2p's own code has one at a time; more are answered in order. */
  #waiters: Waiter[] = []
  #started = false
  #finished = false
  #error: Error | undefined

  constructor(guard: StreamGuard) {
    this.#guard = guard
  }

  next(): Promise<Result> {
    if (!this.#started) this.#start()
    if (this.#head < this.#queue.length) return Promise.resolve({ done: false, value: this.#take() })
    if (this.#finished) return this.#conclude()
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  return(): Promise<Result> {
    this.#drop()
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<Result> {
    this.#drop()
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drop()
  }

  #start(): void {
    this.#started = true
    const { stream } = this.#guard
    if (stream.readStatus !== 'readable' && stream.readStatus !== 'paused') {
      this.#finished = true
      return
    }
    // Upstream a loop that begins after the end never ends: nobody tells a late listener.
    if (stream.remoteWriteStatus === 'closed' && stream.readBufferLength === 0) {
      this.#finished = true
      return
    }
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('close', this.#onClose)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
  }

  #stop(): void {
    const { stream } = this.#guard
    stream.removeEventListener('message', this.#onMessage)
    stream.removeEventListener('close', this.#onClose)
    stream.removeEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
  }

  #take(): Chunk {
    const chunk = this.#queue[this.#head]!
    this.#head++
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    this.#guard.queuedBytes -= chunk.byteLength
    this.#guard.onRead()
    return chunk
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) waiter.resolve({ done: false, value: event.data })
    else this.#push(event.data)
    const { stream } = this.#guard
    if (stream.remoteWriteStatus === 'closed' && stream.readBufferLength === 0) this.#finish(undefined)
  }

  #push(chunk: Chunk): void {
    this.#guard.queuedBytes += chunk.byteLength
    if (chunk.byteLength > JOINED_BYTES_MAX) {
      this.#queue.push(chunk)
      return
    }
    const last = this.#queue.length - 1
    const tail = last >= this.#head ? this.#queue[last] : undefined
    if (tail === undefined || tail.byteLength + chunk.byteLength > JOINED_BYTES_MAX) {
      // A copy: a small view would keep alive the whole buffer it was received in.
      this.#queue.push(chunk.slice())
      return
    }
    const joined = new Uint8Array(tail.byteLength + chunk.byteLength)
    joined.set(tail.subarray(), 0)
    joined.set(chunk.subarray(), tail.byteLength)
    this.#queue[last] = joined
  }

  readonly #onRemoteCloseWrite = (): void => {
    if (this.#guard.stream.readBufferLength === 0) this.#finish(undefined)
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    // A stream we aborted throws away what is unread, as js-libp2p does with its own buffer.
    if (event.local === true && event.error !== undefined) this.#forget()
    this.#finish(event.error)
  }

  /** No more data will come; what is queued is still handed out, then the error, once. */
  #finish(error: Error | undefined): void {
    if (this.#finished) return
    this.#finished = true
    this.#error = error
    this.#stop()
    if (this.#head < this.#queue.length) return
    for (const waiter of this.#waiters.splice(0)) void this.#conclude().then(waiter.resolve, waiter.reject)
  }

  #conclude(): Promise<Result> {
    const error = this.#error
    this.#error = undefined
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error)
  }

  #drop(): void {
    if (this.#started && !this.#finished) this.#stop()
    this.#started = true
    this.#finished = true
    this.#error = undefined
    this.#forget()
    this.#guard.onRead()
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE)
  }

  #forget(): void {
    for (let at = this.#head; at < this.#queue.length; at++) this.#guard.queuedBytes -= this.#queue[at]!.byteLength
    this.#queue = []
    this.#head = 0
  }
}
