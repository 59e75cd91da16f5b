/**
 * One prefix level of one IP version: which prefix an address is in, its scope while somebody is connected there, and, at the narrowest level, the paths of addresses. `prefixes.ts` puts the levels
 * together.
 */

import type { Address } from '../address.ts'
import { maskWord } from '../gate/prefixes.ts'
import { formatIp4, formatIp6 } from '../ip.ts'
import type { PrefixLimits } from '../policy/policy.ts'
import { PREFIX } from './counters.ts'
import { LimitTable, UNLIMITED_LIMITS } from './limits.ts'
import { UNLIMITED } from './memory.ts'
import type { PrefixPath } from './prefix-path.ts'
import { Scope } from './scope.ts'

/** The numbers of a prefix as a scope wants them. */
export function prefixLimits({ connections, streams, pending }: Omit<PrefixLimits, 'rate'>): LimitTable {
  return new LimitTable({ ...UNLIMITED_LIMITS, connections, streamsInbound: streams }, UNLIMITED, pending)
}

/** A map over two 32-bit words. IPv4 is one row of it, so the row used last is mostly the one wanted next. */
class WordMap<V> {
  readonly #rows: Map<number, Map<number, V>> = new Map()
  #recentWord = 0
  #recent: Map<number, V> | undefined

  get(a: number, b: number): V | undefined {
    if (this.#recent !== undefined && this.#recentWord === a) return this.#recent.get(b)
    const row = this.#rows.get(a)
    if (row === undefined) return undefined
    this.#recentWord = a
    this.#recent = row
    return row.get(b)
  }

  set(a: number, b: number, value: V): void {
    let row = this.#rows.get(a)
    if (row === undefined) {
      row = new Map()
      this.#rows.set(a, row)
    }
    row.set(b, value)
  }

  delete(a: number, b: number): void {
    const row = this.#rows.get(a)
    if (row === undefined) return
    row.delete(b)
    if (row.size > 0) return
    this.#rows.delete(a)
    if (this.#recentWord === a) this.#recent = undefined
  }

  *entries(): IterableIterator<[number, number, V]> {
    for (const [a, row] of this.#rows) for (const [b, value] of row) yield [a, b, value]
  }
}

/** One level of one IP version: which prefix an address is in, the scopes in use, and the limits they get. */
export class PrefixScopeLevel {
  readonly bits: number
  readonly isIp6: boolean
  readonly limits: LimitTable
  readonly scopes: WordMap<Scope> = new WordMap()
  /** Of the addresses whose narrowest level this is. */
  readonly paths: WordMap<PrefixPath> = new WordMap()

  constructor(bits: number, isIp6: boolean, limits: LimitTable) {
    this.bits = bits
    this.isIp6 = isIp6
    this.limits = limits
  }

  knownPath(address: Address): PrefixPath | undefined {
    return this.isIp6 ? this.paths.get(address.a, address.b) : this.paths.get(0, address.a)
  }

  keep(address: Address, path: PrefixPath): void {
    if (this.isIp6) this.paths.set(address.a, address.b, path)
    else this.paths.set(0, address.a, path)
  }

  knownScope(address: Address): Scope | undefined {
    const a = maskWord(address.a, this.bits)
    return this.isIp6 ? this.scopes.get(a, maskWord(address.b, this.bits - 32)) : this.scopes.get(0, a)
  }

  scope(address: Address): Scope {
    const known = this.knownScope(address)
    if (known !== undefined) return known
    const a = maskWord(address.a, this.bits)
    const made = new Scope(PREFIX, this.name(address), this.limits)
    if (this.isIp6) this.scopes.set(a, maskWord(address.b, this.bits - 32), made)
    else this.scopes.set(0, a, made)
    return made
  }

  name(address: Address): string {
    const a = maskWord(address.a, this.bits)
    const text = this.isIp6 ? formatIp6(a, maskWord(address.b, this.bits - 32), 0, 0) : formatIp4(a)
    return `prefix:${text}/${this.bits}`
  }

  /** Forgets what nobody is connected through. @returns paths left */
  sweep(): number {
    let left = 0
    for (const [a, b, path] of this.paths.entries()) {
      if (path.idle) this.paths.delete(a, b)
      else left++
    }
    for (const [a, b, scope] of this.scopes.entries()) if (scope.connectionsInbound === 0 && !scope.sticky) this.scopes.delete(a, b)
    return left
  }
}
