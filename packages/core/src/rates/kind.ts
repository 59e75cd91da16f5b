/**
 * One kind of event (`ping`, `stream-open`, …) with its rate at every level, and what everybody has spent of it: a column of arrival times over the principal table.
 *
 * A row that folds while it still owes time leaves what it owed with its parent, as a floor for those who come to stand under that parent next: so a principal who gets himself folded by a flood of addresses and
 * comes back is no better off than before. Under the node nothing is left: a stranger must not pay for somebody at the other end of the Internet.
 */

import type { Rate, RateLevel } from '../policy/policy.ts'
import { NETWORK, RATE_LEVEL_OF } from '../principals/levels.ts'
import { widen } from '../principals/recency.ts'
import type { Column, PrincipalTable } from '../principals/table.ts'
import { commit, compileRate, type Gcra, spent, waitMs } from './gcra.ts'

/** Rates of one kind, as the policy has them. */
export type KindRates = Readonly<Partial<Record<RateLevel, Rate | 'unlimited'>>>

/** Rates ready for use: of a connection's own cell, and of rows by level code. */
export interface KindLevels {
  readonly connection: Gcra | undefined
  readonly levels: readonly (Gcra | undefined)[]
}

/** The rates of a kind as the policy has them, by level code. */
export function compileKind(rates: KindRates): KindLevels {
  const compiled = (level: RateLevel | undefined): Gcra | undefined => {
    const rate = level === undefined ? undefined : rates[level]
    return rate === undefined || rate === 'unlimited' ? undefined : compileRate(rate)
  }
  return { connection: compiled('connection'), levels: RATE_LEVEL_OF.map(compiled) }
}

/** Who pays: the cells of a connection, the row of its peer, the row of its place. */
export class RateAccount {
  /** Row of the peer; -1 before it is known. */
  peer: number
  /** Row of the IP, relay or kind of address; 0 (the node) when it is exempt. */
  place: number
  /** Arrival times by kind number; undefined for a payer that is no connection. */
  cells: Float64Array | undefined

  /** @param isConnection false for a spend on an address alone: the connection level is left out */
  constructor(place: number, isConnection: boolean) {
    this.peer = -1
    this.place = place
    this.cells = isConnection ? NO_CELLS : undefined
  }
}

const NO_CELLS = new Float64Array(0)

/** What refused, filled by `RateKind.waitMs` whenever it returns more than 0: the level with the longest wait. */
export interface RateHit {
  /** -1: the connection itself; else a row of the table. */
  row: number
  burst: number
  /** Of the burst, rounded up. */
  spent: number
}

export class RateKind implements Column {
  readonly name: string
  readonly rule: `rate.${string}`
  /** Number of the kind, index into the cells of a connection. */
  readonly number: number
  /** Valid after `waitMs` returned more than 0, until it is called again. */
  readonly hit: RateHit = { row: -1, burst: 0, spent: 0 }
  readonly #table: PrincipalTable
  readonly #floors: Map<number, number> = new Map()
  /** Rates of single rows: networks of the policy. */
  readonly #own: Map<number, Gcra> = new Map()
  #connection: Gcra | undefined
  /** By level code. */
  #levels: readonly (Gcra | undefined)[]
  #tats: Float64Array
  #nowMs: number
  #isEverywhereUnlimited: boolean

  constructor(name: string, number: number, table: PrincipalTable, rates: KindLevels) {
    this.name = name
    this.rule = `rate.${name}`
    this.number = number
    this.#table = table
    this.#tats = new Float64Array(0)
    this.#nowMs = Number.NEGATIVE_INFINITY
    this.#connection = rates.connection
    this.#levels = rates.levels
    this.#isEverywhereUnlimited = true
    this.setRates(rates)
    table.attach(this)
  }

  /** New rates from now on; what was spent stays spent, as time owed. */
  setRates(rates: KindLevels): void {
    this.#connection = rates.connection
    this.#levels = rates.levels
    this.#own.clear()
    this.#isEverywhereUnlimited = rates.connection === undefined && rates.levels.every(gcra => gcra === undefined)
  }

  /** Gives one row of level `NETWORK` a rate of its own, until it folds or new rates are set. */
  setOwnRate(row: number, gcra: Gcra): void {
    this.#own.set(row, gcra)
    this.#isEverywhereUnlimited = false
  }

  /** No level has a rate: nobody needs to ask, nor to have an account. */
  get isUnlimited(): boolean {
    return this.#isEverywhereUnlimited
  }

  /** The rate in force for a row, or for a connection's own cell (-1). */
  rateOf(row: number): Gcra | undefined {
    if (row < 0) return this.#connection
    const level = this.#table.level(row)
    return level === NETWORK ? this.#own.get(row) : this.#levels[level]
  }

  /**
   * Looks at every level, charges none. 0 or less: `cost` events pass now. More: milliseconds until they would, `Infinity` for never; `hit` says where.
   * @param nowMs quantized, see gcra.ts
   */
  waitMs(account: RateAccount, cost: number, nowMs: number): number {
    if (this.#isEverywhereUnlimited) return 0
    this.#nowMs = nowMs
    let longest = 0
    const { cells, peer } = account
    const own = this.#connection
    if (own !== undefined && cells !== undefined) {
      const wait = waitMs(own, cells[this.number] ?? 0, nowMs, cost)
      if (wait > longest) longest = this.#miss(wait, -1, own, cells[this.number] ?? 0)
    }
    if (peer >= 0) longest = this.#look(peer, cost, nowMs, longest)
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) longest = this.#look(row, cost, nowMs, longest)
    return longest
  }

  #look(row: number, cost: number, nowMs: number, longest: number): number {
    const gcra = this.rateOf(row)
    if (gcra === undefined) return longest
    const tat = this.#tats[row] ?? 0
    const wait = waitMs(gcra, tat, nowMs, cost)
    return wait > longest ? this.#miss(wait, row, gcra, tat) : longest
  }

  #miss(wait: number, row: number, gcra: Gcra, tat: number): number {
    this.hit.row = row
    this.hit.burst = gcra.burst
    this.hit.spent = spent(gcra, tat, this.#nowMs)
    return wait
  }

  /** Charges `cost` events at every level. Whoever calls has looked, or (in `observe`) charges all the same: a debt beyond the burst is capped at it. */
  commit(account: RateAccount, cost: number, nowMs: number): void {
    if (this.#isEverywhereUnlimited) return
    const own = this.#connection
    if (own !== undefined && account.cells !== undefined) {
      if (account.cells.length <= this.number) account.cells = widen(account.cells, new Float64Array(this.number + CELLS_STEP))
      account.cells[this.number] = capped(own, account.cells[this.number] ?? 0, nowMs, cost)
    }
    if (account.peer >= 0) this.#charge(account.peer, cost, nowMs)
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) this.#charge(row, cost, nowMs)
  }

  #charge(row: number, cost: number, nowMs: number): void {
    const gcra = this.rateOf(row)
    if (gcra !== undefined) this.#tats[row] = capped(gcra, this.#tats[row] ?? 0, nowMs, cost)
  }

  /** Events of the burst spent at a row now, rounded up; 0 where there is no rate. */
  spentAt(row: number, nowMs: number): number {
    const gcra = this.rateOf(row)
    return gcra === undefined ? 0 : spent(gcra, this.#tats[row] ?? 0, nowMs)
  }

  grow(capacity: number): void {
    this.#tats = widen(this.#tats, new Float64Array(capacity))
  }

  /** Time owed by whoever folded into this row. Mostly nobody, which the size tells without a lookup. */
  #floorOf(row: number): number {
    return this.#floors.size === 0 ? 0 : (this.#floors.get(row) ?? 0)
  }

  start(row: number, parent: number): void {
    this.#tats[row] = this.#floorOf(parent)
  }

  fold(row: number, parent: number): void {
    const owed = Math.max(this.#tats[row] ?? 0, this.#floorOf(row))
    if (this.#floors.size > 0) this.#floors.delete(row)
    if (this.#own.size > 0) this.#own.delete(row)
    if (parent > 0 && owed > this.#nowMs && owed > this.#floorOf(parent)) this.#floors.set(parent, owed)
  }

  idle(row: number, nowMs: number): boolean {
    return (this.#tats[row] ?? 0) <= nowMs && this.#floorOf(row) <= nowMs
  }
}

/** Cells added to a connection at a time: the kinds of the libp2p adapter fit at once. */
const CELLS_STEP = 12

/** Not above `now + tolerance`: in `observe`, where nothing is refused, an account owes no more than its burst, as it would in `enforce`. */
function capped(gcra: Gcra, tat: number, nowMs: number, cost: number): number {
  const next = commit(gcra, tat, nowMs, cost)
  const most = nowMs + gcra.toleranceMs
  return next > most ? Math.max(most, tat) : next
}
