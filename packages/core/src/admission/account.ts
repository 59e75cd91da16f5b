/**
 * Leaves that hold bytes: connection, stream, a view's direct use, and the span, a scope inside any of these. Every reservation is two-phase: look at the leaf and each scope above it in order,
 * then charge all of them or none.
 *
 * The leaf is its own `MemoryAccount`, so that a handle costs one object. Fast paths are the subclasses' `fits` and `charge` over fixed fields; this class walks
 * `level(i)` only once something would not fit.
 */

import { ADMITTED, type Decision, type Denial } from '../decision.ts'
import type { MemoryAccount, MemoryPriority, Span, Usage } from '../handles.ts'
import { MEMORY, memoryUsage, SPAN } from '../resources/counters.ts'
import type { LimitTable } from '../resources/limits.ts'
import { checkBytes, checkPriority, UNLIMITED } from '../resources/memory.ts'
import { type Level, NOWHERE } from '../resources/scope.ts'
import type { Subject } from './denials.ts'
import type { Engine } from './engine.ts'

export abstract class Account implements MemoryAccount, Level {
  readonly engine: Engine
  /** All bytes charged to this leaf: its cost, what it holds, what its spans hold. */
  bytes: number
  /** Bytes held through this account itself. */
  used: number
  /** Head of the list of open spans. */
  spans: SpanHandle | undefined
  open: boolean

  constructor(engine: Engine, cost: number) {
    this.engine = engine
    this.bytes = cost
    this.used = 0
    this.spans = undefined
    this.open = true
  }

  abstract get kind(): number
  abstract get name(): string
  /** Who is behind it, for the denial log. */
  abstract get subject(): Subject | undefined
  /** What the recorder calls this leaf. */
  abstract get reference(): string
  abstract get limits(): LimitTable
  /** Would the bytes fit everywhere? */
  abstract fits(bytes: number, priority: MemoryPriority): boolean
  /** Charges this leaf and everything above it; negative to give back. */
  abstract charge(bytes: number): void
  /** This leaf (0) and everything above it in the order of checks; undefined past the last. May repeat `NOWHERE`. */
  abstract level(index: number): Level | undefined

  reserve(bytes: number, priority: MemoryPriority = 'always'): Decision {
    checkBytes(bytes)
    checkPriority(priority)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'reserve', t: engine.tick(), o: this.reference, n: bytes, p: priority })
    if (!this.open) return engine.released(this)
    if (this.fits(bytes, priority)) {
      this.charge(bytes)
      this.used += bytes
      return ADMITTED
    }
    return this.#reserveTight(bytes, priority)
  }

  force(bytes: number): boolean {
    checkBytes(bytes)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'force', t: engine.tick(), o: this.reference, n: bytes })
    if (!this.open) return false
    const room = this.#exactRoom()
    const charged = bytes > room ? room : bytes
    this.charge(charged)
    this.used += charged
    return this.fits(0, 'always')
  }

  free(bytes: number): void {
    checkBytes(bytes)
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'free', t: engine.tick(), o: this.reference, n: bytes })
    const freed = bytes > this.used ? this.used : bytes
    if (freed === 0) return
    this.charge(-freed)
    this.used -= freed
  }

  openSpan(): Decision<Span> {
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'span', t: engine.tick(), o: this.reference })
    const id = engine.nextSpanId()
    if (!this.open) return engine.released(this)
    return { allow: true, handle: new SpanHandle(engine, id, this) }
  }

  /** A span of this leaf was released; views let go of their scope here. */
  emptied(): void {}

  /** Ends every span below, without touching the scopes: the owner gives back its total at once. */
  closeSpans(): void {
    for (let span = this.spans; span !== undefined; span = span.next) span.shut()
    this.spans = undefined
  }

  #reserveTight(bytes: number, priority: MemoryPriority): Decision {
    const engine = this.engine
    let would: Denial | undefined
    for (let index = 0; ; index++) {
      const level = this.level(index)
      if (level === undefined) break
      if (level === NOWHERE) continue
      const limit = level.limits.memoryAt(priority)
      if (bytes <= limit - level.bytes) continue
      // Past 2^53-1 nothing would be exact any more, so that is refused in every mode.
      const enforced = engine.limitEnforced(level.kind) || bytes > UNLIMITED - level.bytes
      if (!enforced && would !== undefined) continue
      const denial = engine.limitDenial(level, MEMORY, undefined, level.bytes, bytes, limit, !enforced, this.subject)
      if (enforced) return { allow: false, denial }
      would = denial
    }
    this.charge(bytes)
    this.used += bytes
    return would === undefined ? ADMITTED : { allow: true, handle: undefined, would }
  }

  /** Bytes that can still be counted exactly at every level. No process holds 8 PiB; this only keeps the arithmetic honest. */
  #exactRoom(): number {
    let room = UNLIMITED
    for (let index = 0; ; index++) {
      const level = this.level(index)
      if (level === undefined) return room
      if (level !== NOWHERE && UNLIMITED - level.bytes < room) room = UNLIMITED - level.bytes
    }
  }
}

/**
 * A span: for work with a beginning and an end. Charged to itself and, through its owner, to everything the owner is charged to; it shares the owner's limits.
 * Releasing it frees all it holds, spans inside it included.
 */
export class SpanHandle extends Account implements Span {
  readonly id: number
  readonly owner: Account
  previous: SpanHandle | undefined
  next: SpanHandle | undefined

  constructor(engine: Engine, id: number, owner: Account) {
    super(engine, 0)
    this.id = id
    this.owner = owner
    this.previous = undefined
    this.next = owner.spans
    if (owner.spans !== undefined) owner.spans.previous = this
    owner.spans = this
    engine.spanCount++
  }

  get kind(): number {
    return SPAN
  }

  get name(): string {
    return `${this.owner.name}.span-${this.id}`
  }

  get reference(): string {
    return `p${this.id}`
  }

  get limits(): LimitTable {
    return this.owner.limits
  }

  get memory(): MemoryAccount {
    return this
  }

  get usage(): Usage {
    return memoryUsage(this.bytes)
  }

  get subject(): Subject | undefined {
    return this.owner.subject
  }

  fits(bytes: number, priority: MemoryPriority): boolean {
    return bytes <= this.limits.memoryAt(priority) - this.bytes && this.owner.fits(bytes, priority)
  }

  charge(bytes: number): void {
    this.bytes += bytes
    this.owner.charge(bytes)
  }

  level(index: number): Level | undefined {
    return index === 0 ? this : this.owner.level(index - 1)
  }

  release(): void {
    const engine = this.engine
    if (engine.onInput !== undefined) engine.record({ v: 'release', t: engine.tick(), o: this.reference })
    if (!this.open) return
    const { owner, previous, next, bytes } = this
    this.shut()
    owner.charge(-bytes)
    if (previous === undefined) owner.spans = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    owner.emptied()
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** Closes this span and those inside it; whoever calls gives the bytes back above. */
  shut(): void {
    this.open = false
    this.engine.spanCount--
    this.closeSpans()
    this.bytes = 0
    this.used = 0
  }
}
