/**
 * Who pays for a transfer, and what a transfer holds. Both are kept by their owner and used again, so that charging allocates nothing.
 */

/** The rows that pay: a peer's, and its place's with all above it. Opened and closed by `Ledger`; its rows are pinned meanwhile, so that what is reserved cannot fold away. */
export class BudgetAccount {
  /** Row of the peer; -1 when there is none of its own. */
  peer: number
  /** Row of the IP, relay or kind of address; 0 (the node) for one that is exempt. */
  readonly place: number
  /** Transfers that hold bytes. */
  holding: number
  isClosed: boolean

  constructor(place: number) {
    this.peer = -1
    this.place = place
    this.holding = 0
    this.isClosed = false
  }
}

/** Bytes reserved on an account and not yet sent. One at a time per reply; when nothing is held it may be used for the next. */
export class Transfer {
  readonly account: BudgetAccount
  /** Reserved, not yet sent or given back. */
  heldBytes: number

  constructor(account: BudgetAccount) {
    this.account = account
    this.heldBytes = 0
  }
}

/** Why bytes were refused; valid until the ledger is asked again. */
export interface BudgetHit {
  /** `budget.<window>`: the budget is spent. `lease.<level>`: the budget is not, but the store has not said yet that it may be taken. */
  rule: string
  /** Row of the principal that refused. */
  row: number
  /** Used and reserved in that window; for a lease, 0. */
  current: number
  attempted: number
  /** Of the window; for a lease, what is left of it. */
  limit: number
  /** Milliseconds until the same bytes could pass if nothing else is taken; `Infinity` for never, undefined when only a release can tell. */
  retryAfterMs: number | undefined
}

/** One window of one principal, for people. */
export interface BudgetView {
  readonly window: string
  readonly usedBytes: number
  readonly reservedBytes: number
  readonly limitBytes: number
  /** When a calendar window starts anew, or all that a rolling one has used now is over; milliseconds since the epoch. */
  readonly freshAtMs: number
}
