/**
 * The ledger: reserve before serving, settle after, for all principals of a transfer and all their windows at once, or for none.
 *
 * A reservation counts in every window and never expires; bytes count in the running part of each window when they are sent. So whatever is sent in any interval of a window's length was within the budget, however
 * long a reply takes. A reply of unknown size is reserved as a guess, topped up from its announced length before the first byte goes out, and settled to what was sent.
 *
 * With a store, every byte comes out of a lease (see lease.ts): the decision itself stays local and synchronous. Without one, budgets live as long as the ledger.
 */

import type { Clock } from '../clock.ts'
import { MisuseError } from '../errors.ts'
import { RATE_LEVEL_OF } from '../principals/levels.ts'
import type { PrincipalTable } from '../principals/table.ts'
import { BudgetAccount, type BudgetHit, type BudgetView, type Transfer } from './accounts.ts'
import { BudgetColumns } from './columns.ts'
import { type BudgetStore, LEASE_BYTES_MAX, type StoredEntry, type StoreReport } from './lease.ts'
import { LeaseQueue } from './lease-queue.ts'
import { type Budgets, compileBudgets, WINDOWS_DEFAULT } from './levels.ts'
import { adapted, isPrincipal, rowOf } from './record.ts'
import { BudgetTime, type Rings, WAIT_RELEASE } from './ring.ts'
import { type BudgetWindow, periodAt, spanMs, tickOf } from './window.ts'

export interface LedgerInit {
  readonly table: PrincipalTable
  readonly clock: Clock
  readonly budgets: Budgets
  /** @default WINDOWS_DEFAULT: hour, day, and a month from the first in UTC */
  readonly windows?: readonly BudgetWindow[]
  /** Where budgets outlive the ledger. @default none */
  readonly store?: BudgetStore
  /** Largest chunk leased at a time, from 1. @default LEASE_BYTES_MAX */
  readonly leaseBytesMax?: number
}

export class Ledger {
  /** How the store came up; undefined without one. */
  readonly report: StoreReport | undefined
  readonly #table: PrincipalTable
  readonly #clock: Clock
  readonly #time: BudgetTime
  readonly #columns: BudgetColumns
  readonly #store: BudgetStore | undefined
  readonly #leases: LeaseQueue | undefined
  readonly #leaseBytesMax: number
  readonly #hit: BudgetHit = { rule: '', row: 0, current: 0, attempted: 0, limit: 0, retryAfterMs: undefined }
  #windows: readonly BudgetWindow[]
  /** Tick of the last `advance`. */
  #turnedAt: number

  constructor(init: LedgerInit) {
    const windows = init.windows ?? WINDOWS_DEFAULT
    const levels = compileBudgets(init.budgets, windows)
    this.#leaseBytesMax = init.leaseBytesMax ?? LEASE_BYTES_MAX
    checkBytes('leaseBytesMax', this.#leaseBytesMax, 1)
    this.#table = init.table
    this.#clock = init.clock
    this.#time = new BudgetTime(tickOf(windows))
    this.#time.set(init.clock.now())
    this.#columns = new BudgetColumns(init.table, this.#time, levels, (row, rings, slot) => this.#leases?.fold(row, rings, slot))
    this.#store = init.store
    this.#leases = init.store && new LeaseQueue(init.store, this.#columns, this.#leaseBytesMax)
    this.#windows = windows
    this.#turnedAt = this.#time.tick
    this.#setChunks()
    this.report = init.store?.load(entry => this.#restore(entry))
    if (this.report?.setAside !== undefined) this.#assume()
  }

  /** New limits, and new windows as long as their parts are multiples of the same tick; nothing used is lost. */
  setBudgets(budgets: Budgets, windows: readonly BudgetWindow[] = this.#windows): void {
    const levels = compileBudgets(budgets, windows)
    for (const window of windows) {
      if (window.kind === 'rolling' && window.partMs % this.#time.tickMs !== 0) {
        throw new MisuseError('The parts of a new window must be multiples of the tick the ledger was made with.', { window: window.name })
      }
    }
    this.#now()
    this.#columns.setLevels(levels)
    this.#windows = windows
    this.#setChunks()
  }

  /** @param place row of the IP, relay or kind of address, see `PrincipalTable.place`; 0 for one that only the node pays for. @param peer id, when known */
  open(place: number, peer?: string): BudgetAccount {
    if (!this.#table.isLive(place)) throw new MisuseError('place is no row of the table.', { place })
    const account = new BudgetAccount(place)
    this.#table.pin(place)
    if (peer !== undefined) this.setPeer(account, peer)
    return account
  }

  /** The peer of an account is known now: it pays from here on. Only while nothing is held. */
  setPeer(account: BudgetAccount, peer: string): void {
    if (account.isClosed || account.peer >= 0 || account.holding > 0)
      throw new MisuseError('The peer of an account is set once, before it reserves.')
    const row = this.#table.peer(peer, account.place)
    // A full table gives the peer no row of its own: its place pays alone.
    if (row === account.place) return
    account.peer = row
    this.#table.pin(row)
  }

  /** Idempotent. Rows stay until the last transfer has been settled or released. */
  close(account: BudgetAccount): void {
    if (account.isClosed) return
    account.isClosed = true
    if (account.holding === 0) this.#unpin(account)
  }

  /**
   * Reserves that many more bytes for a transfer: a first time, or to top up. All principals in all their windows, or none.
   * @param bytes a whole number from 0
   * @returns undefined when reserved; else why not, valid until the next call
   */
  reserve(transfer: Transfer, bytes: number): BudgetHit | undefined {
    checkBytes('bytes', bytes, 0)
    if (transfer.account.isClosed) throw new MisuseError('The account is closed.')
    this.#now()
    const { peer, place } = transfer.account
    const table = this.#table
    if (peer >= 0 && !this.#fits(peer, bytes)) return this.#miss(transfer.account, bytes)
    for (let row = place; row >= 0; row = table.parent(row)) if (!this.#fits(row, bytes)) return this.#miss(transfer.account, bytes)
    if (this.#leases !== undefined && !this.#isLeased(transfer.account, bytes)) return this.#hit
    this.#hold(transfer, bytes)
    return undefined
  }

  /** Reserves without asking: for bytes already received or sent, and in `observe`. What is used may then be above the limit; nothing is admitted until it is below. */
  force(transfer: Transfer, bytes: number): void {
    checkBytes('bytes', bytes, 0)
    if (transfer.account.isClosed) throw new MisuseError('The account is closed.')
    this.#now()
    this.#hold(transfer, bytes)
  }

  /** That many of the held bytes have been sent, at this moment. More than is held is counted all the same: it was sent. */
  sent(transfer: Transfer, bytes: number): void {
    checkBytes('bytes', bytes, 0)
    this.#now()
    const held = Math.min(bytes, transfer.heldBytes)
    const { peer, place } = transfer.account
    if (peer >= 0) this.#move(peer, held, bytes)
    for (let row = place; row >= 0; row = this.#table.parent(row)) this.#move(row, held, bytes)
    this.#setHeld(transfer, transfer.heldBytes - held)
  }

  /** Gives back what is held. Idempotent. */
  release(transfer: Transfer): void {
    const { heldBytes, account } = transfer
    if (heldBytes === 0) return
    this.#now()
    if (account.peer >= 0) this.#giveBack(account.peer, heldBytes)
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) this.#giveBack(row, heldBytes)
    this.#setHeld(transfer, 0)
  }

  /** The transfer is over: so much more of it was sent, the rest goes back. */
  settle(transfer: Transfer, sentBytes: number): void {
    this.sent(transfer, sentBytes)
    this.release(transfer)
  }

  /** Renews leases in one batch and drops what the store need not keep. To be called every few milliseconds to seconds; leases are renewed no more often than this when the store is not immediate. */
  advance(): void {
    this.#now()
    const { tick } = this.#time
    const isNewTick = tick !== this.#turnedAt
    this.#turnedAt = tick
    if (isNewTick) this.#leases?.turn()
    this.#leases?.flush()
    if (isNewTick) this.#store?.prune(this.#time.nowMs - keepMs(this.#windows))
  }

  /** Batches that the store failed to save since the start. */
  get storeFailures(): number {
    return this.#leases?.failures ?? 0
  }

  /** Bytes of memory held by records. */
  get memoryBytes(): number {
    return this.#columns.memoryBytes
  }

  /** Saves everything with nothing held beyond open reservations, and closes the store. The ledger is not to be used any more. */
  stop(): void {
    this.#now()
    this.#leases?.settle(this.#rows())
    this.#table.detach(this.#columns)
    this.#store?.close()
  }

  /** Every window of a principal; empty for one that has used nothing or has no budget. */
  view(row: number): BudgetView[] {
    this.#now()
    const rings = this.#columns.ringsOf(row)
    const slot = this.#columns.find(row)
    if (rings === undefined || slot < 0) return []
    const { nowMs } = this.#time
    return rings.rings.map(({ window, limit }, i) => ({
      window: window.name,
      usedBytes: rings.usedOf(slot, i),
      reservedBytes: rings.reserved(slot),
      limitBytes: limit,
      freshAtMs:
        window.kind === 'calendar' ? periodAt(window, nowMs).endMs : (Math.floor(nowMs / window.partMs) + window.parts + 1) * window.partMs,
    }))
  }

  /** Never earlier than before, whatever the clock says. */
  #now(): void {
    this.#time.set(this.#clock.now())
  }

  #fits(row: number, bytes: number): boolean {
    const rings = this.#columns.ringsOf(row)
    return rings === undefined || rings.fits(this.#columns.slot(row, rings), bytes)
  }

  /** Is it all leased? Asks for what is not, at once where the store can. Fills `hit` when it returns false. */
  #isLeased(account: BudgetAccount, bytes: number): boolean {
    let dry = this.#dry(account, bytes)
    if (dry < 0) return true
    this.#ask(account, bytes)
    const store = this.#store as BudgetStore
    if (store.isImmediate) {
      this.#leases?.flush()
      dry = this.#dry(account, bytes)
      if (dry < 0) return true
    }
    const rings = this.#columns.ringsOf(dry)
    const left = rings === undefined ? 0 : rings.leaseLeft(this.#columns.slot(dry, rings))
    this.#tell(`lease.${RATE_LEVEL_OF[this.#table.level(dry)] ?? ''}`, dry, 0, bytes, left, store.delayMs)
    return false
  }

  /** First row whose lease is dry, or -1. */
  #dry(account: BudgetAccount, bytes: number): number {
    if (account.peer >= 0 && this.#isDry(account.peer, bytes)) return account.peer
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) if (this.#isDry(row, bytes)) return row
    return -1
  }

  #isDry(row: number, bytes: number): boolean {
    const rings = this.#columns.ringsOf(row)
    return rings !== undefined && rings.leaseLeft(this.#columns.slot(row, rings)) < bytes
  }

  /** Asks for these bytes wherever they lack, and wherever a batch could take away what is there. */
  #ask(account: BudgetAccount, bytes: number): void {
    const ask = (row: number): void => {
      const rings = this.#columns.ringsOf(row)
      if (rings === undefined) return
      const slot = this.#columns.slot(row, rings)
      if (rings.leaseLeft(slot) < bytes || rings.isAsked(slot)) this.#leases?.ask(row, rings, slot, bytes)
    }
    if (account.peer >= 0) ask(account.peer)
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) ask(row)
  }

  #hold(transfer: Transfer, bytes: number): void {
    const { peer, place } = transfer.account
    if (peer >= 0) this.#take(peer, bytes)
    for (let row = place; row >= 0; row = this.#table.parent(row)) this.#take(row, bytes)
    this.#setHeld(transfer, transfer.heldBytes + bytes)
  }

  #take(row: number, bytes: number): void {
    const rings = this.#columns.ringsOf(row)
    if (rings === undefined) return
    const slot = this.#columns.slot(row, rings)
    rings.reserve(slot, bytes)
    if (this.#leases !== undefined) this.#lease(row, rings, slot, -bytes)
  }

  #move(row: number, heldBytes: number, sentBytes: number): void {
    const rings = this.#columns.ringsOf(row)
    if (rings === undefined) return
    const slot = this.#columns.slot(row, rings)
    rings.reserve(slot, -heldBytes)
    rings.use(slot, sentBytes)
    if (this.#leases === undefined) return
    if (sentBytes > heldBytes) this.#lease(row, rings, slot, heldBytes - sentBytes)
    this.#leases.used(row, rings, slot)
  }

  #giveBack(row: number, bytes: number): void {
    const rings = this.#columns.ringsOf(row)
    if (rings === undefined) return
    const slot = this.#columns.slot(row, rings)
    rings.reserve(slot, -bytes)
    if (this.#leases !== undefined) this.#lease(row, rings, slot, bytes)
  }

  /** What is left of a lease changes. Bytes that were never leased (forced ones) are asked for until the store has them too. */
  #lease(row: number, rings: Rings, slot: number, bytes: number): void {
    rings.setLeaseLeft(slot, rings.leaseLeft(slot) + bytes)
    this.#leases?.watch(row, rings, slot)
  }

  #setHeld(transfer: Transfer, bytes: number): void {
    const { account, heldBytes } = transfer
    transfer.heldBytes = bytes
    if (heldBytes === 0 && bytes > 0) account.holding++
    else if (heldBytes > 0 && bytes === 0) {
      account.holding--
      if (account.isClosed && account.holding === 0) this.#unpin(account)
    }
  }

  #unpin(account: BudgetAccount): void {
    this.#table.unpin(account.place)
    if (account.peer >= 0) this.#table.unpin(account.peer)
  }

  /** Finds the window with the longest wait: when it is over, the same bytes pass everywhere. */
  #miss(account: BudgetAccount, bytes: number): BudgetHit {
    let longest = 0
    const look = (row: number): void => {
      const rings = this.#columns.ringsOf(row)
      if (rings === undefined) return
      const slot = this.#columns.slot(row, rings)
      for (const [i, ring] of rings.rings.entries()) {
        const wait = rings.waitMs(slot, i, bytes)
        if (wait <= longest) continue
        longest = wait
        const current = rings.usedOf(slot, i) + rings.reserved(slot)
        this.#tell(`budget.${ring.window.name}`, row, current, bytes, ring.limit, wait === WAIT_RELEASE ? undefined : wait)
      }
    }
    if (account.peer >= 0) look(account.peer)
    for (let row = account.place; row >= 0; row = this.#table.parent(row)) look(row)
    return this.#hit
  }

  #tell(rule: string, row: number, current: number, attempted: number, limit: number, retryAfterMs: number | undefined): void {
    const hit = this.#hit
    hit.rule = rule
    hit.row = row
    hit.current = current
    hit.attempted = attempted
    hit.limit = limit
    hit.retryAfterMs = retryAfterMs
  }

  #setChunks(): void {
    for (const rings of this.#columns.rings)
      if (rings !== undefined && this.#leases !== undefined) rings.chunkMax = this.#leases.chunkMax(rings)
  }

  /** Counts an entry of the store as of now; what was held counts as used this moment. */
  #restore(entry: StoredEntry): void {
    const { principal, atMs, heldBytes, shape, pairs } = entry
    if (!isPrincipal(principal)) return
    const row = rowOf(this.#table, principal)
    const rings = row < 0 ? undefined : this.#columns.ringsOf(row)
    if (rings === undefined) return
    const slot = this.#columns.slot(row, rings)
    if (pairs === undefined) {
      for (const [i, { limit }] of rings.rings.entries()) if (Number.isFinite(limit)) rings.spend(slot, i, limit)
      return
    }
    const isSame = shape === this.#columns.shapes[this.#table.level(row)]
    const own = isSame
      ? pairs
      : adapted(
          pairs,
          shape,
          rings.rings.map(ring => ring.window),
        )
    rings.restore(slot, Math.floor(atMs / this.#time.tickMs), own)
    if (heldBytes === 0) return
    rings.use(slot, heldBytes)
    this.#leases?.used(row, rings, slot)
  }

  /** What was used before is lost: the node's own rolling windows count as spent, a calendar one by the share of it that is over. */
  #assume(): void {
    const rings = this.#columns.ringsOf(0)
    if (rings === undefined) return
    const slot = this.#columns.slot(0, rings)
    const { nowMs } = this.#time
    for (const [i, { window, limit }] of rings.rings.entries()) {
      if (!Number.isFinite(limit)) continue
      if (window.kind === 'rolling') rings.spend(slot, i, limit)
      else {
        const { startMs, endMs } = periodAt(window, nowMs)
        rings.spend(slot, i, Math.ceil(limit * ((nowMs - startMs) / (endMs - startMs))))
      }
    }
    this.#leases?.ask(0, rings, slot, 0)
    this.#leases?.flush()
  }

  *#rows(): Generator<number> {
    for (let row = 0; row < this.#table.rowsMax; row++) if (this.#table.isLive(row)) yield row
  }
}

/** How long an entry says anything. */
function keepMs(windows: readonly BudgetWindow[]): number {
  const DAYS_32 = 32 * 24 * 3600_000
  return Math.max(...windows.map(window => (window.kind === 'rolling' ? spanMs(window) + window.partMs : DAYS_32)), 0)
}

function checkBytes(what: string, bytes: number, min: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < min)
    throw new MisuseError(`${what} must be a whole number from ${min} to 2^53-1.`, { [what]: bytes })
}
