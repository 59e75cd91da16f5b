/**
 * One budget of accounted bytes for the node: the governor's system scope. As it fills the node asks for less, in the order of least harm, and never resets what could have waited:
 * the fattest readers get no more window, then nobody who holds anything does, then sockets are read in pulses, then the fattest stream of the fattest connection is reset.
 *
 * Bytes that nobody reads have a smaller budget of their own, because waiting costs their sender nothing it could have had: above it the connections that hold more than their share are
 * read in pulses, and above one and a half times that, streams that were not read for `STALLED_MS` are reset.
 *
 * The governor counts; this only acts. A scope below the node's that overflows (a connection, a peer, a protocol) costs the connection that grew it its fattest stream.
 */

import type { ScopeView } from '@sluice/core'
import type { NodeContext } from '../context.ts'
import type { MuxerGuard } from '../muxer/guard.ts'
import type { StreamGuard } from '../stream/guard.ts'
import { SETTLE_BYTES, WITHHELD } from '../stream/guard.ts'
import { fattestOffender, fattestShare } from './fattest.ts'
import { SocketPauses } from './pauses.ts'

/** Fill of the budget (0..1) from which each measure is taken; it ends 0.1 lower. */
export const WITHHOLD_FATTEST_FILL = 0.7
export const WITHHOLD_ALL_FILL = 0.8
export const PAUSE_SOCKETS_FILL = 0.9
const HYSTERESIS = 0.1
/** Share of all charged bytes whose holders count as the fattest readers. */
const FATTEST_SHARE = 0.5
/** Unread bytes of the whole node above which connections with more than their share are read in pulses: a quarter of the budget, 8 MiB at most. Received bytes cost about twice their size of process memory. */
export const UNREAD_BYTES_MAX: number = 8 * 1024 * 1024
const UNREAD_SHARE = 1 / 4
/** Times the unread bytes from which pulses begin, at which stalled streams are reset. */
const RESET_FACTOR = 1.5
/**
 * Unread bytes every connection may hold while not more than 32 hold any: one initial yamux window, so that one stalled stream never slows the others of its connection.
 * Beyond that they share `UNREAD_BYTES_MAX`, down to about one read of a socket.
 */
export const UNREAD_FREE_BYTES: number = 256 * 1024
const UNREAD_FREE_BYTES_MIN: number = 64 * 1024
/** A stream nobody has read for so long may be reset while too much is unread for pulses alone, in milliseconds; the less, the more is unread: the least applies at twice `UNREAD_BYTES_MAX`. */
export const STALLED_MS = 5_000
const STALLED_MS_MIN = 1_000
/** How often charges are refreshed and measures taken while anything is charged, in milliseconds. */
export const SWEEP_MS = 50
/** Bytes newly charged after which measures are taken without waiting for the sweep. */
const REACT_BYTES = 1024 * 1024

/** 0: none. 1: fattest readers withheld. 2: all who hold anything. 3: sockets read in pulses. */
export type BudgetLevel = 0 | 1 | 2 | 3

export class MemoryBudget {
  readonly #context: NodeContext
  /** Streams with a charge: at most the open streams. */
  readonly #charged = new Set<StreamGuard>()
  /** Connections with bytes below their streams. */
  readonly #connections = new Set<MuxerGuard>()
  readonly #pauses: SocketPauses
  readonly #withheld = new Set<StreamGuard>()
  #system: ScopeView | undefined
  #level: BudgetLevel = 0
  #unreadBytes = 0
  /** As of the last measure: from how many unread bytes on the node is crowded, and what a connection may then hold. */
  #crowdedBytes = UNREAD_BYTES_MAX
  #shareBytes = UNREAD_BYTES_MAX
  /** Since when sockets are read in pulses. */
  #crowdedSinceMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #sinceMeasured = 0
  /** Acting moves charges, which asks to act. */
  #measuring = false
  #resets = 0

  constructor(context: NodeContext) {
    this.#context = context
    this.#pauses = new SocketPauses(() => context.governor.now())
    context.onStop(() => this.stop())
  }

  get level(): BudgetLevel {
    return this.#level
  }

  /** Bytes received that nobody has read. */
  get unreadBytes(): number {
    return this.#unreadBytes
  }

  /** Connections read in pulses now. */
  get pausedConnections(): number {
    return this.#pauses.size
  }

  /** Streams reset because the budget, or a scope, was full. */
  get resets(): number {
    return this.#resets
  }

  /** Streams that hold anything charged. */
  get chargedStreams(): number {
    return this.#charged.size
  }

  removeConnection(guard: MuxerGuard): void {
    this.#connections.delete(guard)
    this.#pauses.release(guard)
  }

  remove(guard: StreamGuard): void {
    this.#charged.delete(guard)
    this.#withheld.delete(guard)
  }

  onCharged(guard: StreamGuard, moved: number, unreadMoved: number): void {
    this.#unreadBytes += unreadMoved
    if (guard.ended) return
    if (guard.chargedBytes === 0) this.#charged.delete(guard)
    else this.#charged.add(guard)
    if (unreadMoved > 0 && this.#unreadBytes > this.#crowdedBytes) this.#holdAtOnce(guard.owner as MuxerGuard)
    this.#react(Math.abs(moved))
  }

  /** A socket that may read brings megabytes in one turn of the event loop: too much to wait for the next measure. */
  #holdAtOnce(owner: MuxerGuard): void {
    if (owner.shaping && owner.unreadBytes > this.#shareBytes && this.#context.mode('limit.system') === 'enforce') this.#pauses.hold(owner)
  }

  onConnectionCharged(guard: MuxerGuard): void {
    if (guard.bufferedBytes === 0) this.#connections.delete(guard)
    else this.#connections.add(guard)
    this.#react(SETTLE_BYTES)
  }

  #react(bytes: number): void {
    this.#schedule()
    this.#sinceMeasured += bytes
    if (this.#sinceMeasured >= REACT_BYTES) this.#measure()
  }

  /** A scope is over its limit with bytes that are already here. @param guard the stream that grew it; absent when it was the connection's own buffers */
  onOverfull(owner: MuxerGuard, guard: StreamGuard | undefined): void {
    if (!owner.shaping) return
    const fattest = fattestOffender(owner.streams)
    if (this.#fill() >= 1) this.#measure()
    else if (fattest !== undefined) this.#reset(fattest)
    else if (guard === undefined) owner.cut('memory', `${owner.bufferedBytes} bytes wait below its streams and a memory limit is reached`)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pauses.releaseUnless(() => false)
    for (const guard of this.#withheld) guard.release(WITHHELD.budget)
    this.#withheld.clear()
    this.#level = 0
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  #sweep(): void {
    this.#timer = undefined
    for (const guard of this.#charged) guard.sweep()
    for (const guard of this.#connections) guard.settle()
    this.#measure()
    if (this.#charged.size > 0 || this.#connections.size > 0 || this.#level > 0 || this.#pauses.size > 0) this.#schedule()
  }

  /** The governor's system scope; there is always one. */
  get #view(): ScopeView | undefined {
    this.#system ??= this.#context.governor.view({ scope: 'system' })
    return this.#system
  }

  #limit(): number {
    const limit = this.#view?.limits.memory
    return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY
  }

  #fill(): number {
    const used = this.#view?.usage.memory ?? 0
    const limit = this.#limit()
    return limit === 0 ? 0 : used / limit
  }

  #measure(): void {
    if (this.#measuring) return
    this.#measuring = true
    try {
      this.#sinceMeasured = 0
      this.#act()
    } finally {
      this.#measuring = false
    }
  }

  #act(): void {
    if (this.#context.mode('limit.system') !== 'enforce') return
    let fill = this.#fill()
    // What was given back since the last sweep is still charged: look again before anybody is reset for it.
    if (fill >= PAUSE_SOCKETS_FILL) {
      for (const guard of this.#charged) guard.sweep()
      fill = this.#fill()
    }
    while (fill >= 1) {
      const worst = fattestOffender(this.#charged)
      if (worst === undefined) break
      this.#reset(worst)
      fill = this.#fill()
    }
    this.#level = nextLevel(this.#level, fill)
    this.#withhold()
    this.#pause()
  }

  /** Withholds whom the level says, and grants everybody else again. */
  #withhold(): void {
    if (this.#level === 0 && this.#withheld.size === 0) return
    const due = new Set(this.#level === 0 ? [] : this.#level === 1 ? fattestShare(this.#charged, FATTEST_SHARE) : this.#charged)
    for (const guard of this.#withheld) {
      if (due.has(guard)) continue
      this.#withheld.delete(guard)
      guard.release(WITHHELD.budget)
    }
    for (const guard of due) {
      if (!guard.owner.shaping) continue
      this.#withheld.add(guard)
      guard.withhold(WITHHELD.budget)
    }
  }

  #pause(): void {
    const max = Math.min(UNREAD_BYTES_MAX, this.#limit() * UNREAD_SHARE)
    const owners = new Set([...this.#charged].map(guard => guard.owner as MuxerGuard))
    this.#shareBytes = shareBytes(max, owners.size)
    this.#crowdedBytes = this.#pauses.size > 0 ? max / 2 : max
    const crowded = this.#unreadBytes > this.#crowdedBytes
    if (!crowded && this.#level < 3) {
      this.#crowdedSinceMs = undefined
      this.#pauses.releaseUnless(() => false)
      return
    }
    const nowMs = this.#context.governor.now()
    this.#crowdedSinceMs ??= nowMs
    // Pulses alone could go on for ever: whoever is not read for that long either gives way.
    const keep = nowMs - this.#crowdedSinceMs >= 2 * STALLED_MS ? max / 2 : RESET_FACTOR * max
    if (this.#unreadBytes > keep) this.#resetStalled(keep, max)
    const due = (owner: MuxerGuard): boolean =>
      owner.shaping && (this.#level === 3 ? owner.heldBytes > 0 : owner.unreadBytes > this.#shareBytes)
    this.#pauses.releaseUnless(due)
    for (const owner of owners) if (due(owner)) this.#pauses.hold(owner)
    this.#pauses.pulse(this.#context.policy().transports.socketPauseMs)
  }

  /** Resets streams that nobody has read for long, those that hold most first, until no more than `keep` bytes are unread or no such stream is left. @param max unread bytes from which patience shrinks */
  #resetStalled(keep: number, max: number): void {
    const nowMs = this.#context.governor.now()
    const over = Math.min(1, Math.max(0, this.#unreadBytes / max - 1))
    const stalledMs = STALLED_MS - over * (STALLED_MS - STALLED_MS_MIN)
    const stalled = [...this.#charged]
      .filter(guard => guard.owner.shaping && guard.chargedUnreadBytes > 0 && nowMs - guard.readMs >= stalledMs)
      .sort((a, b) => b.owner.unreadBytes - a.owner.unreadBytes || b.chargedUnreadBytes - a.chargedUnreadBytes)
    for (const guard of stalled) {
      if (this.#unreadBytes <= keep) return
      this.#reset(guard)
    }
  }

  #reset(guard: StreamGuard): void {
    this.#resets++
    guard.cut('memory', `its stream ${guard.handle.name} held ${guard.chargedBytes} bytes when the node or one of its scopes had no room`)
    // In `observe`, or if the stream did not close: not the fattest any more, so that the search ends.
    this.remove(guard)
  }
}

/** What each of so many connections may hold unread while the node holds more than `max`. */
function shareBytes(max: number, connections: number): number {
  const fair = max / Math.max(1, connections)
  return Math.max(fair / 2, Math.min(UNREAD_FREE_BYTES, Math.max(UNREAD_FREE_BYTES_MIN, fair)))
}

function nextLevel(level: BudgetLevel, fill: number): BudgetLevel {
  const thresholds = [WITHHOLD_FATTEST_FILL, WITHHOLD_ALL_FILL, PAUSE_SOCKETS_FILL]
  const up = thresholds.filter(from => fill >= from).length
  const down = thresholds.filter(from => fill >= from - HYSTERESIS).length
  return Math.max(up, Math.min(level, down)) as BudgetLevel
}

const budgets = new WeakMap<NodeContext, MemoryBudget>()

/** Made once per node; later calls return the same. */
export function createMemoryBudget(context: NodeContext): MemoryBudget {
  let budget = budgets.get(context)
  if (budget === undefined) {
    budget = new MemoryBudget(context)
    budgets.set(context, budget)
  }
  return budget
}
