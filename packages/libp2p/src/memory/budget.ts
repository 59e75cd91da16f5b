/**
 * One budget of accounted bytes for the node: the governor's system scope. As it fills the node asks for less, in the order of least harm, and never resets what could have waited:
 * the fattest readers get no more window, then nobody who holds anything does, then sockets are paused in pulses, then the fattest stream of the fattest connection is reset.
 *
 * The governor counts; this only acts. A scope below the node's that overflows (a connection, a peer, a protocol) costs the connection that grew it its fattest stream.
 */

import type { NodeContext } from '../context.ts'
import type { MuxerGuard } from '../muxer/guard.ts'
import type { StreamGuard } from '../stream/guard.ts'
import { WITHHELD } from '../stream/guard.ts'
import { fattestOffender, fattestShare } from './fattest.ts'
import { SocketPauses } from './pauses.ts'

/** Fill of the budget (0..1) from which each measure is taken; it ends 0.1 lower. */
export const WITHHOLD_FATTEST_FILL = 0.7
export const WITHHOLD_ALL_FILL = 0.8
export const PAUSE_SOCKETS_FILL = 0.9
const HYSTERESIS = 0.1
/** Share of all charged bytes whose holders count as the fattest readers. */
const FATTEST_SHARE = 0.5
/** How often charges are refreshed and measures taken while anything is charged, in milliseconds. */
export const SWEEP_MS = 50
/** Bytes newly charged after which measures are taken without waiting for the sweep. */
const REACT_BYTES = 1024 * 1024

/** 0: none. 1: fattest readers withheld. 2: all who hold anything. 3: sockets paused in pulses. */
export type BudgetLevel = 0 | 1 | 2 | 3

export class MemoryBudget {
  readonly #context: NodeContext
  /** Streams with a charge: at most the open streams. */
  readonly #charged = new Set<StreamGuard>()
  /** Connections with bytes below their streams. */
  readonly #connections = new Set<MuxerGuard>()
  readonly #pauses = new SocketPauses()
  readonly #withheld = new Set<StreamGuard>()
  #level: BudgetLevel = 0
  #timer: NodeJS.Timeout | undefined
  #sinceMeasured = 0
  #resets = 0

  constructor(context: NodeContext) {
    this.#context = context
    context.onStop(() => this.stop())
  }

  get level(): BudgetLevel {
    return this.#level
  }

  /** Streams reset because the budget, or a scope, was full. */
  get resets(): number {
    return this.#resets
  }

  /** Streams that hold anything charged. */
  get chargedStreams(): number {
    return this.#charged.size
  }

  addConnection(_guard: MuxerGuard): void {}

  removeConnection(guard: MuxerGuard): void {
    this.#connections.delete(guard)
    this.#pauses.resume(guard, this.#context.governor.now())
  }

  remove(guard: StreamGuard): void {
    this.#charged.delete(guard)
    this.#withheld.delete(guard)
  }

  onCharged(guard: StreamGuard): void {
    if (guard.ended) return
    if (guard.chargedBytes === 0) this.#charged.delete(guard)
    else this.#charged.add(guard)
    this.#react(guard.chargedBytes)
  }

  onConnectionCharged(guard: MuxerGuard): void {
    if (guard.bufferedBytes === 0) this.#connections.delete(guard)
    else this.#connections.add(guard)
    this.#react(guard.bufferedBytes)
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
    this.#pauses.resumeDue(this.#context.governor.now(), 0)
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
    for (const guard of this.#charged) guard.settle()
    for (const guard of this.#connections) guard.settle()
    this.#measure()
    if (this.#charged.size > 0 || this.#connections.size > 0 || this.#level > 0 || this.#pauses.size > 0) this.#schedule()
  }

  #fill(): number {
    const system = this.#context.governor.view({ scope: 'system' })
    const limit = system?.limits.memory
    return system === undefined || typeof limit !== 'number' || limit === 0 ? 0 : system.usage.memory / limit
  }

  #measure(): void {
    this.#sinceMeasured = 0
    if (this.#context.mode('limit.system') !== 'enforce') return
    const nowMs = this.#context.governor.now()
    let fill = this.#fill()
    while (fill >= 1) {
      const worst = fattestOffender(this.#charged)
      if (worst === undefined) break
      this.#reset(worst)
      fill = this.#fill()
    }
    this.#level = nextLevel(this.#level, fill)
    this.#withhold()
    const pauseMs = this.#level === 3 ? this.#context.policy().transports.socketPauseMs : 0
    this.#pauses.resumeDue(nowMs, pauseMs)
    if (this.#level === 3) for (const guard of this.#charged) this.#pauses.pause(guard.owner as MuxerGuard, nowMs)
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

  #reset(guard: StreamGuard): void {
    this.#resets++
    const message = `its stream ${guard.handle.name} held ${guard.chargedBytes} bytes when a memory limit was reached`
    guard.cut('memory', message)
    // In `observe`, or if the stream did not close: not the fattest any more, so that the search ends.
    this.remove(guard)
  }
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

export const budgetOf: (context: NodeContext) => MemoryBudget = createMemoryBudget
