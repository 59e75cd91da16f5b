/**
 * Which row goes first when the table is full: the least used, among equals the one not used for longest. Doubly linked lists in two typed arrays, one list for each power of two of uses,
 * so that every operation takes the same few steps however many rows there are. A flood of addresses seen once therefore pushes out other addresses seen once, not those that come back.
 */

/** Classes of use: 1, 2 to 3, 4 to 7, …, 128 and more. */
const CLASSES = 8

const NONE = -1

export class Recency {
  #before: Int32Array
  #after: Int32Array
  /** Class of each row in a list, `NONE` otherwise. */
  #classes: Int8Array
  readonly #heads: Int32Array = new Int32Array(CLASSES).fill(NONE)
  readonly #tails: Int32Array = new Int32Array(CLASSES).fill(NONE)
  #size: number

  constructor(capacity: number) {
    this.#before = new Int32Array(capacity)
    this.#after = new Int32Array(capacity)
    this.#classes = new Int8Array(capacity).fill(NONE)
    this.#size = 0
  }

  /** Rows that could go. */
  get size(): number {
    return this.#size
  }

  grow(capacity: number): void {
    const { length } = this.#classes
    this.#before = widen(this.#before, new Int32Array(capacity))
    this.#after = widen(this.#after, new Int32Array(capacity))
    this.#classes = widen(this.#classes, new Int8Array(capacity).fill(NONE, length))
  }

  has(row: number): boolean {
    return this.#classes[row] !== NONE
  }

  /** Puts a row at the end of the list of its use. It must not be in one. */
  add(row: number, uses: number): void {
    const useClass = Math.min(CLASSES - 1, 31 - Math.clz32(uses | 1))
    const tail = this.#tails[useClass] ?? NONE
    this.#classes[row] = useClass
    this.#before[row] = tail
    this.#after[row] = NONE
    if (tail === NONE) this.#heads[useClass] = row
    else this.#after[tail] = row
    this.#tails[useClass] = row
    this.#size++
  }

  /** Takes a row out of its list; nothing when it is in none. */
  remove(row: number): void {
    const useClass = this.#classes[row] ?? NONE
    if (useClass === NONE) return
    const before = this.#before[row] ?? NONE
    const after = this.#after[row] ?? NONE
    if (before === NONE) this.#heads[useClass] = after
    else this.#after[before] = after
    if (after === NONE) this.#tails[useClass] = before
    else this.#before[after] = before
    this.#classes[row] = NONE
    this.#size--
  }

  /** The row to go first, or -1. */
  first(): number {
    for (const row of this.#heads) if (row !== NONE) return row
    return NONE
  }
}

/** Copies the old array into the new, larger one. */
export function widen<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
