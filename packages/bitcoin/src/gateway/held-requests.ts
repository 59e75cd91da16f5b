/**
 * What one client is waiting for: requests, tens of bytes each, instead of replies, megabytes each. One piece at a time is asked for and answered; how the end of an answer is known is the
 * caller's business. Two bounds: per client, at which its socket is paused; over all clients, at which the one that would pass it is closed.
 */

import type { Piece, PieceSource } from './reply-bytes.ts'

/** Requests of one client at which nothing more is read from it. Honest clients have at most 16 blocks in flight. */
export const HELD_REQUESTS_MAX = 64
/** Bytes of them: one longest `getdata`, and a little. */
export const HELD_BYTES_MAX = 2_000_000

/** Bytes held over all clients together, partial payloads included. */
export class HeldBytes {
  readonly max: number
  #used = 0

  constructor(max: number) {
    this.max = max
  }

  get used(): number {
    return this.#used
  }

  /** False, and nothing is taken, when it would not fit. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.max) return false
    this.#used += bytes
    return true
  }

  give(bytes: number): void {
    this.#used -= bytes
  }
}

export class HeldRequests {
  readonly #sources: PieceSource[] = []
  readonly #account: HeldBytes
  #bytes = 0

  constructor(account: HeldBytes) {
    this.#account = account
  }

  get length(): number {
    return this.#sources.length
  }

  get isFull(): boolean {
    return this.#sources.length >= HELD_REQUESTS_MAX || this.#bytes >= HELD_BYTES_MAX
  }

  /** False when all clients together hold too much. */
  add(source: PieceSource): boolean {
    const bytes = source.heldBytes
    if (!this.#account.take(bytes)) return false
    this.#bytes += bytes
    this.#sources.push(source)
    return true
  }

  next(): Piece | undefined {
    for (;;) {
      const source = this.#sources[0]
      if (source === undefined) return undefined
      const before = source.heldBytes
      const piece = source.next()
      this.#give(before - source.heldBytes)
      if (piece !== undefined) return piece
      this.#sources.shift()
    }
  }

  clear(): void {
    this.#sources.length = 0
    this.#give(this.#bytes)
  }

  #give(bytes: number): void {
    this.#bytes -= bytes
    this.#account.give(bytes)
  }
}
