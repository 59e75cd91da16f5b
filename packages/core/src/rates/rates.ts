/**
 * The rates room: kinds of events, each with a rate at some levels of principals. All or none: every level is asked before any is charged.
 */

import type { Policy } from '../policy/policy.ts'
import type { PrincipalTable } from '../principals/table.ts'
import { quantize } from './gcra.ts'
import { compileKind, RateKind } from './kind.ts'

/** Most kinds at once: each is a column over the principal table and a cell per connection. */
export const KINDS_MAX = 64

export class Rates {
  readonly #table: PrincipalTable
  readonly #originMs: number
  readonly #kinds: Map<string, RateKind> = new Map()

  /** @param originMs the clock at the start; times are counted from it. @param rates at most `KINDS_MAX` kinds; what is beyond has no rate */
  constructor(table: PrincipalTable, rates: Policy['rates'], originMs: number) {
    this.#table = table
    this.#originMs = originMs
    this.setRates(rates)
  }

  /** The clock as `RateKind` wants it. */
  time(nowMs: number): number {
    return quantize(nowMs - this.#originMs)
  }

  /** A kind, or undefined when no policy ever named it: then it has no limit. */
  kind(name: string): RateKind | undefined {
    return this.#kinds.get(name)
  }

  kinds(): IterableIterator<RateKind> {
    return this.#kinds.values()
  }

  /** New rates; what was spent stays. A kind that is no longer named is unlimited from now on. */
  setRates(rates: Policy['rates']): void {
    for (const kind of this.#kinds.values()) if (!Object.hasOwn(rates, kind.name)) kind.setRates(compileKind({}))
    for (const [name, levels] of Object.entries(rates)) {
      const known = this.#kinds.get(name)
      if (known !== undefined) known.setRates(compileKind(levels))
      else if (this.#kinds.size < KINDS_MAX) this.#kinds.set(name, new RateKind(name, this.#kinds.size, this.#table, compileKind(levels)))
    }
  }
}
