/**
 * Ping latency that a stall cannot hide: pings are due on a schedule, latency counts from when one was due, and those that fell due while one was
 * waiting count with their own waiting time, without being sent. A ping that fails is tried again until it is answered; what never is counts as long as it waited.
 */

import { setTimeout as delay } from 'node:timers/promises'

/** Latencies kept for one phase; at one ping each 100 ms, an hour. */
const SAMPLES_MAX = 36_000
const RETRY_MS = 100

export class Pings {
  readonly #ping: () => Promise<void>
  readonly #everyMs: number
  readonly #now: () => number
  readonly #failed: (error: unknown) => void
  #samplesMs: number[] = []
  #dueMs: number

  /** @param ping one round trip; rejects when it cannot be made */
  constructor(ping: () => Promise<void>, everyMs: number, failed: (error: unknown) => void, now: () => number = () => performance.now()) {
    this.#ping = ping
    this.#everyMs = everyMs
    this.#failed = failed
    this.#now = now
    this.#dueMs = now()
  }

  /** Pings for ever. */
  async run(): Promise<never> {
    for (;;) {
      await delay(Math.max(0, this.#dueMs - this.#now()))
      while (!(await this.#answered())) await delay(RETRY_MS)
      this.settle()
    }
  }

  /** Records everything that was due until now as answered now. */
  settle(): void {
    const nowMs = this.#now()
    for (; this.#dueMs <= nowMs; this.#dueMs += this.#everyMs) {
      if (this.#samplesMs.length < SAMPLES_MAX) this.#samplesMs.push(nowMs - this.#dueMs)
    }
  }

  /** Forgets what was measured; a ping that is waiting keeps only what it waits from now on. */
  mark(): void {
    this.#samplesMs = []
    this.#dueMs = this.#now()
  }

  /** Latencies since the mark, with what is still waiting at its age so far. */
  samplesMs(): readonly number[] {
    const nowMs = this.#now()
    const waiting: number[] = []
    // A ping due just now has not waited: only one that is late by a period says something.
    for (let due = this.#dueMs; due <= nowMs - this.#everyMs; due += this.#everyMs) waiting.push(nowMs - due)
    return [...this.#samplesMs, ...waiting]
  }

  async #answered(): Promise<boolean> {
    try {
      await this.#ping()
      return true
    } catch (error) {
      this.#failed(error)
      return false
    }
  }
}
