/**
 * What is due when: a binary heap whose items know their place in it, so that moving or dropping one costs log n and a look at the next one nothing. At most one entry per item; the owner bounds the items.
 */

/** What a heap keeps on its items. */
export interface Due {
  /** Milliseconds of the owner's clock. */
  dueMs: number
  /** Place in the heap; -1 when not in it. */
  dueAt: number
}

export class Deadlines<T extends Due> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The one due first. */
  get first(): T | undefined {
    return this.#heap[0]
  }

  /** Adds or moves. */
  set(item: T, dueMs: number): void {
    item.dueMs = dueMs
    if (item.dueAt < 0) {
      item.dueAt = this.#heap.length
      this.#heap.push(item)
    }
    this.#up(item)
    this.#down(item)
  }

  delete(item: T): void {
    const at = item.dueAt
    if (at < 0) return
    item.dueAt = -1
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#put(last, at)
    this.#up(last)
    this.#down(last)
  }

  #put(item: T, at: number): void {
    item.dueAt = at
    this.#heap[at] = item
  }

  #up(item: T): void {
    while (item.dueAt > 0) {
      const at = item.dueAt
      const above = this.#heap[(at - 1) >> 1]
      if (above === undefined || above.dueMs <= item.dueMs) return
      this.#put(item, above.dueAt)
      this.#put(above, at)
    }
  }

  #down(item: T): void {
    for (;;) {
      const at = item.dueAt
      const left = this.#heap[2 * at + 1]
      const right = this.#heap[2 * at + 2]
      const least = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left
      if (least === undefined || item.dueMs <= least.dueMs) return
      this.#put(item, least.dueAt)
      this.#put(least, at)
    }
  }
}
