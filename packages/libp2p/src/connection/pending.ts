/**
 * Connections accepted but not yet upgraded, oldest first, and the deadline they must meet: `upgradeDeadlineMs` while the table is empty,
 * `upgradeDeadlineMinMs` when it is full, linear in between. One timer sweeps the table, so that the deadline of those already waiting shrinks with it.
 *
 * How many may wait is the governor's to say (transient scope, pending limit per prefix); here it is only how long.
 */

import type { NodeContext } from '../context.ts'
import type { ConnectionRecord } from './record.ts'

/** How often the table is swept while it is not empty; a deadline is met this much late at worst. */
export const SWEEP_MS = 250

export class PendingTable {
  readonly #context: NodeContext
  /** Bounded by the transient scope's connection limit; in `observe` by the sockets the process may open. */
  readonly #since = new Map<ConnectionRecord, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(context: NodeContext) {
    this.#context = context
  }

  get size(): number {
    return this.#since.size
  }

  add(record: ConnectionRecord): void {
    if (this.#since.has(record)) {
      return
    }
    this.#since.set(record, this.#context.clock.now())
    record.onClose(() => this.delete(record))
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.sweep(), SWEEP_MS)
      this.#timer.unref()
    }
  }

  delete(record: ConnectionRecord): void {
    this.#since.delete(record)
  }

  /** Milliseconds an upgrade may take at the present filling. */
  deadlineMs(): number {
    const { upgradeDeadlineMs, upgradeDeadlineMinMs } = this.#context.policy().transports
    const shortest = Math.min(upgradeDeadlineMinMs, upgradeDeadlineMs)
    return upgradeDeadlineMs - (upgradeDeadlineMs - shortest) * this.#filled()
  }

  /** Cuts those over their deadline. Oldest first, so it stops at the first that is in time. */
  sweep(): void {
    if (this.#since.size === 0) {
      // Stopped here and not when the last leaves: connections that come and go one by one need no timer each.
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const nowMs = this.#context.clock.now()
    const deadlineMs = this.deadlineMs()
    for (const [record, sinceMs] of this.#since) {
      const waitedMs = nowMs - sinceMs
      if (waitedMs < deadlineMs) {
        return
      }
      this.delete(record)
      this.#context.cut(
        record,
        'upgrade-deadline',
        `not upgraded ${Math.round(waitedMs)} ms after it was accepted; the deadline is ${Math.round(deadlineMs)} ms`,
      )
    }
  }

  #filled(): number {
    const transient = this.#context.governor.view({ scope: 'transient' })
    if (transient === undefined) {
      return 0
    }
    const { connections, connectionsInbound } = transient.limits
    const limit = Math.min(toNumber(connections), toNumber(connectionsInbound))
    return limit === 0 ? 1 : Math.min(1, transient.usage.connectionsInbound / limit)
  }
}

function toNumber(limit: number | 'unlimited' | 'block'): number {
  if (limit === 'unlimited') {
    return Number.POSITIVE_INFINITY
  }
  return limit === 'block' ? 0 : limit
}
