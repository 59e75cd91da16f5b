/**
 * The store contract, and how much is leased from a store at a time.
 *
 * A store keeps one entry per principal: what its windows had used, and beside it `heldBytes`, taken ahead of use. Whoever opens the store next counts all of `heldBytes` as used at that moment, so a crash at any
 * instant forgives nothing, and over-counts by what was left of the lease (at most one chunk, plus what came back to it since the last `advance`) and by what was reserved and not sent. Because held bytes are stamped when they are read back, a lease does not
 * end with a part of a window: bytes taken from it later can only expire later than they should after a crash, never sooner.
 *
 * Saving replaces the whole entry, so that doing it twice is harmless and a store that fails, or is late, is merely behind: then leases run dry and the ledger refuses.
 * A store of a fleet forms the difference to what it last saved itself.
 */

/** Chunks start at 64 KiB and double with each renewal; every tick without shrinks them by half. */
export const LEASE_BYTES_FIRST: number = 2 ** 16
/** The default of the largest chunk: 64 MiB, a second of a link that carries half a gigabit. */
export const LEASE_BYTES_MAX: number = 2 ** 26
/** A chunk is at most this share of the smallest window of its principal. */
export const LEASE_SHARE: number = 1 / 64
/** Renewals in one batch, so that no call of `advance` takes longer than some tens of milliseconds; the others go with the next. */
export const RENEWALS_MAX = 4096
/** Entries waiting to be saved. Beyond it the last word of a principal that folds is left out, which only over-counts. */
export const SAVES_MAX = 65_536

/** Who an entry is about, as `PrincipalTable` keys it. */
export interface StoredPrincipal {
  readonly level: number
  /** Words of an address; 0 for what is known by name. */
  readonly high: number
  readonly low: number
  /** Empty for an address. */
  readonly name: string
  /** Of a peer: where it came from first. */
  readonly place: StoredPrincipal | undefined
}

export interface StoredEntry {
  readonly principal: StoredPrincipal
  /** Start of the tick the numbers are of, milliseconds since the epoch. */
  readonly atMs: number
  /** Taken ahead of use: to be counted as used when the entry is read back. */
  readonly heldBytes: number
  /** Shape of the record, see `shapeOf`. An entry of another shape is read window by window. */
  readonly shape: string
  /** Offset in the record and value, of every number that is not zero; undefined for an entry that is damaged: its windows count as spent. */
  readonly pairs: Float64Array | undefined
}

/** How a store came up. */
export interface StoreReport {
  /** Entries read. */
  readonly entries: number
  /** Entries that failed their check. */
  readonly damaged: number
  /** What was there could not be used and was set aside: usage before now is unknown. The new name of the file. */
  readonly setAside: string | undefined
  /** Why, in one sentence. */
  readonly problem: string | undefined
}

export interface BudgetStore extends Disposable {
  /** True when `save` may be called in the middle of a decision and is done when it returns. */
  readonly isImmediate: boolean
  /** How long a dry lease takes to be renewed, about: what a refused caller is told to wait. Milliseconds. */
  readonly delayMs: number
  /** Hands out everything kept, the narrowest levels first. Called once, before any `save`. */
  load(visit: (entry: StoredEntry) => void): StoreReport
  /** Replaces these entries, all or none, and says when they are safe. One without `pairs` and held bytes is deleted. A store that fails says `false`, never throws; no call begins before the last one has answered. */
  save(entries: readonly StoredEntry[], done: (isSaved: boolean) => void): void
  /** Drops entries without held bytes that are older than this; the node's own is always kept. */
  prune(beforeMs: number): void
  close(): void
}

/** What a renewal fills a lease up to, after so many doublings: half the largest chunk at most, so that what comes back to it from reservations finds room. */
export function chunkBytes(power: number, chunkMax: number): number {
  return Math.max(1, Math.min(LEASE_BYTES_FIRST * 2 ** power, Math.floor(chunkMax / 2)))
}

/** Largest chunk of a principal with these limits, in bytes, at least 1. */
export function chunkMaxOf(limits: readonly number[], bytesMax: number): number {
  const smallest = Math.min(...limits)
  return Number.isFinite(smallest) ? Math.max(1, Math.min(bytesMax, Math.floor(smallest * LEASE_SHARE))) : bytesMax
}
