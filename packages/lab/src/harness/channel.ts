/**
 * The child's end of the IPC channel. A child without a parent does nothing, and one whose parent is gone ends.
 */

import type { Answer, Order } from './messages.ts'

/** Answers the parent. Dropped when the parent is gone. */
export function answer(message: Answer): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

/** Handles orders one after the other; a failure ends the process with its reason on standard error. Exits with 2 when there is no parent. */
export function takeOrders(handle: (order: Order) => Promise<void>): void {
  if (process.send === undefined) {
    process.stderr.write('this file is part of the lab and only runs as its child: npm run lab -- run NAME --target plain\n')
    process.exit(2)
  }
  let last = Promise.resolve()
  process.on('message', message => {
    last = last
      .then(() => handle(message as Order))
      .catch((error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
        process.exit(1)
      })
  })
  process.on('disconnect', () => process.exit(0))
}

/** Counts reasons and gives the most frequent ones. At most 50 kinds are told apart. */
export class Troubles {
  readonly #counts = new Map<string, number>()

  add(error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const kind = text.replace(/\d+/g, 'N').slice(0, 120)
    if (this.#counts.has(kind) || this.#counts.size < 50) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
  }

  top(): string[] {
    return [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 5)
      .map(([kind, count]) => `${count} x ${kind}`)
  }

  clear(): void {
    this.#counts.clear()
  }
}
