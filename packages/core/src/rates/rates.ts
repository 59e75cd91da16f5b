/**
 * The rates room: kinds of events, each with a rate at some levels of principals. All or none: every level is asked before any is charged.
 */

import { RATE_KINDS_MAX } from '../policy/fields.ts'
import type { Policy } from '../policy/policy.ts'
import type { PrincipalTable } from '../principals/table.ts'
import { quantize } from './gcra.ts'
import { compileKind, type KindLevels, RateKind } from './kind.ts'

export class Rates {
  readonly #table: PrincipalTable
  readonly #originMs: number
  readonly #kinds: Map<string, RateKind> = new Map()

  /** @param originMs the clock at the start; times are counted from it. @param rates at most `RATE_KINDS_MAX` kinds, which `validatePolicy` sees to */
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

  /** New rates; what was spent stays. A kind that is no longer named is unlimited from now on, and makes room when room is needed. */
  setRates(rates: Policy['rates']): void {
    for (const kind of this.#kinds.values()) if (!Object.hasOwn(rates, kind.name)) kind.setRates(compileKind({}))
    for (const [name, levels] of Object.entries(rates)) {
      const known = this.#kinds.get(name)
      const compiled = compileKind(levels)
      if (known !== undefined) known.setRates(compiled)
      else if (this.#kinds.size < RATE_KINDS_MAX) this.#kinds.set(name, new RateKind(name, this.#kinds.size, this.#table, compiled))
      else this.#displace(name, rates, compiled)
    }
  }

  /** Gives the number of a kind that is not named any more to a new one; connections keep, under that number, the time they owed. */
  #displace(name: string, rates: Policy['rates'], compiled: KindLevels): void {
    for (const old of this.#kinds.values()) {
      if (Object.hasOwn(rates, old.name)) continue
      this.#table.detach(old)
      this.#kinds.delete(old.name)
      this.#kinds.set(name, new RateKind(name, old.number, this.#table, compiled))
      return
    }
  }
}
