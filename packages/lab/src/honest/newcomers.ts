/**
 * Honest newcomers: a new connection at a steady pace, each from a /24 of its own, that counts only when a ping over it is answered.
 * The identities come from a small pool, so that the newcomers themselves do not fill the server's peer store.
 */

import type { Multiaddr } from '@multiformats/multiaddr'
import { newcomerAddress } from '../harness/layouts.ts'
import type { HonestPeer } from './peer.ts'
import { pingOver } from './ping-over.ts'

/** Longest a newcomer waits before it gives up. */
export const PATIENCE_MS = 5_000
/** Newcomers waiting at once; beyond it the next one is not sent, and counts as not answered. */
const WAITING_MAX = 16

export class Newcomers {
  readonly #pool: readonly HonestPeer[]
  readonly #target: Multiaddr
  readonly #failed: (error: unknown) => void
  #sent = 0
  #waiting = 0
  #phase = 0
  #dials = 0
  #answered = 0

  constructor(pool: readonly HonestPeer[], target: Multiaddr, failed: (error: unknown) => void) {
    this.#pool = pool
    this.#target = target
    this.#failed = failed
  }

  start(everyMs: number): void {
    setInterval(() => void this.#arrive(), everyMs)
  }

  mark(): void {
    this.#phase += 1
    this.#dials = 0
    this.#answered = 0
  }

  /** Since the mark: those that have been answered or have given up. One still waiting is not counted either way. */
  counts(): { readonly dials: number; readonly answered: number } {
    return { dials: this.#dials, answered: this.#answered }
  }

  async #arrive(): Promise<void> {
    const phase = this.#phase
    const count = (answered: boolean): void => {
      if (phase !== this.#phase) return
      this.#dials += 1
      if (answered) this.#answered += 1
    }
    if (this.#waiting >= WAITING_MAX) return count(false)
    this.#waiting += 1
    try {
      await this.#visit()
      count(true)
    } catch (error) {
      this.#failed(error)
      count(false)
    } finally {
      this.#waiting -= 1
    }
  }

  async #visit(): Promise<void> {
    const n = this.#sent++
    const peer = this.#pool[n % this.#pool.length]
    if (peer === undefined) throw new Error('the pool is empty')
    peer.source.localAddress = newcomerAddress(n)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const connection = await peer.node.dial(this.#target, { signal, force: true })
    try {
      await pingOver(connection, signal)
      await connection.close()
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
}
