/**
 * Rates on the admission path: which accounts an event is charged to, and the denial when one of them is dry. Peek and commit are apart: `Spending` remembers what the
 * last peek looked at, so that a commit right after it charges the same accounts and nothing is spent on what a later step refuses.
 */

import { type Address, parseAddress } from '../address.ts'
import { ADMITTED, type Decision, type Denial, type Direction, type RuleName } from '../decision.ts'
import { MisuseError } from '../errors.ts'
import { formatPlace, isExempt, NODE, PEER as PEER_LEVEL, RELAY, V4_IP } from '../principals/levels.ts'
import { RateAccount, type RateKind } from '../rates/kind.ts'
import { CONNECTION, PEER, PREFIX, SYSTEM } from '../resources/counters.ts'
import type { PrefixPath } from '../resources/prefix-path.ts'
import type { Named } from '../resources/scope.ts'
import type { ConnectionHandle } from './connection.ts'
import type { Subject } from './denials.ts'
import type { Engine } from './engine.ts'
import { checkName } from './names.ts'

/** An account that does not have the tokens now. */
export interface RateHit {
  readonly rule: RuleName
  readonly where: Named
  /** Code of the scope class it is reported under. */
  readonly kind: number
  readonly current: number
  readonly attempted: number
  readonly burst: number
  readonly retryAfterMs: number
}

/** A row of the principal table as a denial keeps it: rows are given to others, so the words are copied and the text made when read. */
class Place implements Named {
  readonly #level: number
  readonly #high: number
  readonly #low: number
  readonly #text: string

  constructor(engine: Engine, row: number) {
    const { table } = engine
    this.#level = table.level(row)
    this.#high = table.highs[row] ?? 0
    this.#low = table.lows[row] ?? 0
    this.#text = this.#level >= RELAY ? table.name(row) : ''
  }

  get name(): string {
    if (this.#level === NODE) return 'system'
    if (this.#level === PEER_LEVEL) return `peer:${this.#text}`
    if (this.#level >= RELAY) return this.#text
    const place = formatPlace(this.#level, this.#high, this.#low)
    return `prefix:${place}${this.#level === V4_IP ? '/32' : ''}`
  }
}

/** The door of every spend: a whole number of events from 1. */
export function checkCost(cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new MisuseError('cost must be a whole number from 1.', { cost })
}

/** What the last peek looked at: up to two kinds on one account. */
export class Spending {
  #first: RateKind | undefined
  #second: RateKind | undefined
  #account: RateAccount | undefined
  #cost = 0
  #time = 0

  /** Looks; undefined when every level has the tokens. */
  peek(
    engine: Engine,
    first: RateKind | undefined,
    second: RateKind | undefined,
    account: RateAccount,
    connection: ConnectionHandle | undefined,
    cost: number,
  ): RateHit | undefined {
    this.#first = first
    this.#second = second
    this.#account = account
    this.#cost = cost
    if (first === undefined && second === undefined) return undefined
    const time = engine.rates.time(engine.now())
    this.#time = time
    return this.#look(engine, first, account, connection, cost, time) ?? this.#look(engine, second, account, connection, cost, time)
  }

  /** Spends what was looked at. */
  commit(): void {
    const account = this.#account
    if (account === undefined) return
    this.#first?.commit(account, this.#cost, this.#time)
    this.#second?.commit(account, this.#cost, this.#time)
  }

  #look(
    engine: Engine,
    kind: RateKind | undefined,
    account: RateAccount,
    connection: ConnectionHandle | undefined,
    cost: number,
    time: number,
  ): RateHit | undefined {
    if (kind === undefined) return undefined
    const wait = kind.waitMs(account, cost, time)
    if (wait <= 0) return undefined
    const { row, burst, spent: current } = kind.hit
    if (row < 0 && connection !== undefined) {
      return { rule: kind.rule, where: connection, kind: CONNECTION, current, attempted: cost, burst, retryAfterMs: wait }
    }
    const level = engine.table.level(row)
    const scopeClass = level === NODE ? SYSTEM : level === PEER_LEVEL ? PEER : PREFIX
    return { rule: kind.rule, where: new Place(engine, row), kind: scopeClass, current, attempted: cost, burst, retryAfterMs: wait }
  }
}

/** Row a remote is charged to: its place, or the node where no prefix limit concerns it. */
function placeOf(engine: Engine, address: Address): number {
  return isExempt(address, engine.policy.prefixes) ? 0 : engine.table.place(address)
}

/** The account of a connection, opened on its first spend. Its rows are pinned until `closeAccount`. */
function accountOf(engine: Engine, connection: ConnectionHandle): RateAccount {
  let account = connection.account
  if (account === undefined) {
    account = new RateAccount(placeOf(engine, connection.remote), true)
    engine.table.pin(account.place)
    connection.account = account
  }
  if (account.peer < 0 && connection.peer !== undefined) {
    const row = engine.table.peer(connection.peer, account.place)
    // A full table gives the peer no row of its own: its place pays alone.
    if (row !== account.place) {
      account.peer = row
      engine.table.pin(row)
    }
  }
  return account
}

export function closeAccount(engine: Engine, account: RateAccount): void {
  engine.table.unpin(account.place)
  if (account.peer >= 0) engine.table.unpin(account.peer)
}

/** Looks whether a connection may spend; `engine.spending.commit()` spends it. */
export function peekOn(engine: Engine, connection: ConnectionHandle, kind: RateKind | undefined, cost: number): RateHit | undefined {
  return engine.spending.peek(engine, kind, undefined, accountOf(engine, connection), connection, cost)
}

/** The same for a new inbound connection. One lookup finds its path and, remembered there, the row its rate is charged to. */
export function peekConnection(engine: Engine, address: Address, path: PrefixPath): RateHit | undefined {
  const { connectionRates, scratchAccount } = engine
  const row = connectionRates.place(address, path.row)
  path.row = row
  scratchAccount.place = row
  return engine.spending.peek(engine, connectionRates.kind, engine.connectionKind, scratchAccount, undefined, 1)
}

export function rateDenial(engine: Engine, hit: RateHit, direction: Direction | undefined, observed: boolean, subject: Subject): Denial {
  return engine.rateDenial(
    hit.rule,
    hit.where,
    hit.kind,
    direction,
    hit.current,
    hit.attempted,
    hit.burst,
    hit.retryAfterMs,
    observed,
    subject,
  )
}

export function spendOn(engine: Engine, connection: ConnectionHandle, name: string, cost: number): Decision {
  checkName('kind', name)
  checkCost(cost)
  const kind = engine.rates.kind(name)
  if (kind === undefined) return ADMITTED
  const hit = peekOn(engine, connection, kind, cost)
  if (hit === undefined) {
    engine.spending.commit()
    return ADMITTED
  }
  return engine.lifts(connection) ? ADMITTED : refuse(engine, hit, connection)
}

export function spendAt(engine: Engine, remote: Address, name: string, cost: number): Decision {
  checkName('kind', name)
  checkCost(cost)
  const kind = engine.rates.kind(name)
  if (kind === undefined) return ADMITTED
  const account = engine.scratchAccount
  account.place = placeOf(engine, remote)
  const hit = engine.spending.peek(engine, kind, undefined, account, undefined, cost)
  if (hit === undefined) {
    engine.spending.commit()
    return ADMITTED
  }
  return engine.mayLift(remote) ? ADMITTED : refuse(engine, hit, { peer: undefined, remote })
}

/** In `observe` nothing is spent either, as `enforce` would not have. */
function refuse(engine: Engine, hit: RateHit, subject: Subject): Decision {
  const enforced = engine.enforced(hit.rule)
  const denial = rateDenial(engine, hit, undefined, !enforced, subject)
  return enforced ? { allow: false, denial } : { allow: true, handle: undefined, would: denial }
}

/** go-libp2p's rule for QUIC Retry: once half the burst of new connections is spent, or when the address does not parse, demand a proof. */
export function shouldVerifySource(engine: Engine, address: string | Address): boolean {
  const remote = typeof address === 'string' ? parseAddress(address) : address
  if (!remote.ok) return true
  const { verifyRates, scratchAccount, spending } = engine
  scratchAccount.place = verifyRates.place(remote)
  if (scratchAccount.place === 0) return false
  const hit = spending.peek(engine, verifyRates.kind, undefined, scratchAccount, undefined, 1)
  if (hit === undefined) spending.commit()
  return hit !== undefined && !engine.mayLift(remote)
}
