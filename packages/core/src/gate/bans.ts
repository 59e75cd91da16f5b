/**
 * Bans: entries that end. A binary heap by end (then by age) makes expiry cost what is due and no more. Bounded: when full, the ban that would end first makes room, for it is the one least
 * missed; of bans without end the oldest. The caller learns which one was lifted.
 */

import type { Address } from '../address.ts'
import type { Ban } from '../reports.ts'
import type { GateEntry } from './entries.ts'
import { GateRules } from './rules.ts'

/** Most bans at once; about 400 bytes each. */
export const BANS_MAX = 65_536

/** Longest reason kept, in UTF-16 units. */
export const REASON_LENGTH_MAX = 256

interface Entry {
  readonly ban: Ban
  readonly gate: GateEntry
  /** Counts up; orders bans of one instant. */
  readonly number: number
  /** Place in the heap. */
  at: number
}

export class Bans {
  readonly #rules: GateRules
  readonly #entries: Map<string, Entry> = new Map()
  readonly #heap: Entry[] = []
  readonly #max: number
  #number: number

  /** @param seed of the hash. @default 0. @param max @default BANS_MAX */
  constructor(seed = 0, max: number = BANS_MAX) {
    this.#rules = new GateRules(seed)
    this.#max = max
    this.#number = 0
  }

  get size(): number {
    return this.#heap.length
  }

  /** When the next one ends; `Infinity` when none does. */
  get nextEndMs(): number {
    return this.#heap[0]?.ban.untilMs ?? Number.POSITIVE_INFINITY
  }

  /** Bans, or gives a ban there is a new end and reason. `displaced`: the one that had to make room. */
  add(gate: GateEntry, nowMs: number, untilMs: number, reason: string): { readonly ban: Ban; readonly displaced: Ban | undefined } {
    const before = this.#entries.get(gate.text)
    if (before !== undefined) this.#remove(before)
    let displaced: Ban | undefined
    const first = this.#heap[0]
    if (this.#heap.length >= this.#max && first !== undefined) {
      displaced = first.ban
      this.#remove(first)
    }
    const ban: Ban = Object.freeze({ target: gate.text, createdMs: nowMs, untilMs, reason: reason.slice(0, REASON_LENGTH_MAX) })
    const entry: Entry = { ban, gate, number: ++this.#number, at: this.#heap.length }
    this.#entries.set(gate.text, entry)
    this.#heap.push(entry)
    this.#up(entry)
    this.#rules.add(gate)
    return { ban, displaced }
  }

  /** By canonical text: the ban that was lifted, or undefined. */
  delete(text: string): Ban | undefined {
    const entry = this.#entries.get(text)
    if (entry === undefined) return undefined
    this.#remove(entry)
    return entry.ban
  }

  /** The ban on an address or peer at this time. One that has ended but was not expired yet does not count. */
  match(address: Address | undefined, peer: string | undefined, nowMs: number): Ban | undefined {
    if (this.#heap.length === 0) return undefined
    if (this.nextEndMs <= nowMs) this.#dropEnded(nowMs)
    const gate = this.#rules.match(address, peer)
    return gate === undefined ? undefined : this.#entries.get(gate.text)?.ban
  }

  readonly #ended: Ban[] = []

  #dropEnded(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.ban.untilMs <= nowMs; first = this.#heap[0]) {
      this.#remove(first)
      if (this.#ended.length < this.#max) this.#ended.push(first.ban)
    }
  }

  /** Lifts what has ended, and hands over all that ended since the last call, in order of their end. */
  expire(nowMs: number): readonly Ban[] {
    this.#dropEnded(nowMs)
    return this.#ended.splice(0)
  }

  /** All, the one that ends first at the front. */
  list(): readonly Ban[] {
    return [...this.#heap].sort(compare).map(entry => entry.ban)
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.ban.target)
    this.#rules.delete(entry.ban.target)
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    last.at = entry.at
    this.#heap[last.at] = last
    this.#up(last)
    this.#down(last)
  }

  #up(entry: Entry): void {
    while (entry.at > 0) {
      const above = this.#heap[(entry.at - 1) >> 1]
      if (above === undefined || compare(above, entry) <= 0) return
      this.#swap(above, entry)
    }
  }

  #down(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.at + 1]
      const right = this.#heap[2 * entry.at + 2]
      const least = right !== undefined && left !== undefined && compare(right, left) < 0 ? right : left
      if (least === undefined || compare(entry, least) <= 0) return
      this.#swap(entry, least)
    }
  }

  #swap(above: Entry, below: Entry): void {
    const at = above.at
    above.at = below.at
    below.at = at
    this.#heap[above.at] = above
    this.#heap[below.at] = below
  }
}

function compare(x: Entry, y: Entry): number {
  return x.ban.untilMs === y.ban.untilMs ? x.number - y.number : x.ban.untilMs - y.ban.untilMs
}
