/**
 * Refusals: the denial value, the ring of recent ones and the counters by rule.
 *
 * Refusing must cost less than admitting, so a denial keeps references and numbers; its names and its sentence are made when somebody reads them. What it
 * refers to may be gone by then, never wrong: scopes keep their key for life.
 */

import type { Address } from '../address.ts'
import type { Denial, Direction, Resource, RuleName, ScopeClass } from '../decision.ts'
import type { Mode } from '../policy/policy.ts'
import type { DenialCount } from '../reports.ts'
import { RESOURCES, SCOPE_CLASSES } from '../resources/counters.ts'
import type { Named } from '../resources/scope.ts'

/** Denials that `explain()` can still find. */
export const DENIALS_KEPT_MAX = 1024
/** Distinct `rate.<kind>` rules counted apart; kinds past it are counted together as `rate.*`. */
export const RATE_KINDS_COUNTED_MAX = 256

/** `limit.<scope class>` by class code. */
export const LIMIT_RULES: readonly RuleName[] = SCOPE_CLASSES.map(name => `limit.${name}` as const)

/** `direction` as the counters index it. */
const NO_DIRECTION = 2
const DIRECTIONS: readonly (Direction | undefined)[] = ['inbound', 'outbound', undefined]
const PER_RULE = SCOPE_CLASSES.length * RESOURCES.length * 3 * 2

/** Quotes what a peer may have chosen: everything but printable ASCII is escaped, and quotes and backslashes with it. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]|[\\"]/gu, character => {
    const code = character.codePointAt(0) ?? 0
    return code === 0x22 || code === 0x5c ? `\\${character}` : `\\u{${code.toString(16)}}`
  })
}

export class DenialRecord implements Denial {
  readonly id: number
  readonly rule: RuleName
  readonly scopeClass: ScopeClass
  readonly resource: Resource
  readonly direction: Direction | undefined
  readonly current: number
  readonly attempted: number
  readonly limit: number
  readonly #where: Named

  constructor(
    id: number,
    rule: RuleName,
    where: Named,
    scopeClass: ScopeClass,
    resource: Resource,
    direction: Direction | undefined,
    current: number,
    attempted: number,
    limit: number,
  ) {
    this.id = id
    this.rule = rule
    this.#where = where
    this.scopeClass = scopeClass
    this.resource = resource
    this.direction = direction
    this.current = current
    this.attempted = attempted
    this.limit = limit
  }

  get scope(): string {
    return this.#where.name
  }

  get message(): string {
    const scope = printable(this.scope)
    if (this.rule === 'gate.deny') return `${scope} is on the deny list.`
    if (this.rule === 'gate.ban') return `${scope} is banned.`
    if (this.rule === 'handle.released') return `${scope} was released.`
    if (this.rule === 'handle.state') return `${scope} is not in a state that takes this.`
    const direction = this.direction === undefined ? '' : `${this.direction} `
    if (this.resource === 'rate')
      return `${this.rule} of ${scope}: ${direction}${this.current} of a burst of ${this.limit} spent, ${this.attempted} more asked.`
    return `${this.rule}: ${scope} holds ${this.current} ${words(this.resource)} of at most ${this.limit}; ${direction}request for ${this.attempted} more refused.`
  }

  /** Everything that can be read, as own properties: what `JSON.stringify` sees. */
  toJSON(): Denial {
    const { id, rule, scope, scopeClass, resource, direction, current, attempted, limit, message } = this
    return { id, rule, scope, scopeClass, resource, direction, current, attempted, limit, message }
  }
}

/** A denial that knows when the same request could pass. */
export class TimedDenialRecord extends DenialRecord {
  readonly retryAfterMs: number

  constructor(
    id: number,
    rule: RuleName,
    where: Named,
    scopeClass: ScopeClass,
    resource: Resource,
    direction: Direction | undefined,
    current: number,
    attempted: number,
    limit: number,
    retryAfterMs: number,
  ) {
    super(id, rule, where, scopeClass, resource, direction, current, attempted, limit)
    this.retryAfterMs = retryAfterMs
  }

  override toJSON(): Denial {
    return { ...super.toJSON(), retryAfterMs: this.retryAfterMs }
  }
}

/** Who was refused, as far as known when it happened. */
export interface Subject {
  readonly peer: string | undefined
  readonly remote: Address
}

/** `connectionsInbound` as a reader says it. */
function words(resource: Resource): string {
  return resource.replace(/[A-Z]/gu, letter => ` ${letter.toLowerCase()}`)
}

/** Its address is made text when somebody reads it. */
export class DenialEvent {
  readonly type = 'denial'
  readonly atMs: number
  readonly mode: Mode
  readonly denial: Denial
  readonly peer: string | undefined
  readonly #subject: Subject | undefined

  constructor(atMs: number, mode: Mode, denial: Denial, subject: Subject | undefined) {
    this.atMs = atMs
    this.mode = mode
    this.denial = denial
    this.peer = subject?.peer
    this.#subject = subject
  }

  get address(): string | undefined {
    return this.#subject?.remote.text
  }

  toJSON(): Record<string, unknown> {
    const { type, atMs, mode, denial, peer, address } = this
    return { type, atMs, mode, denial, peer, address }
  }
}

/** Counts by rule, scope class, resource, direction and mode. */
class DenialCounters {
  /** Rules other than rates need no name: the scope class or the rule itself is the row. */
  readonly #rules: Map<RuleName, Float64Array> = new Map()

  add(rule: RuleName, scopeClass: number, resource: number, direction: number, observed: boolean): void {
    const row = this.#rules.get(rule) ?? this.#add(rule)
    const index = ((scopeClass * RESOURCES.length + resource) * 3 + direction) * 2 + (observed ? 1 : 0)
    row[index] = (row[index] ?? 0) + 1
  }

  report(): DenialCount[] {
    const counts: DenialCount[] = []
    for (const [rule, row] of this.#rules) {
      for (let index = 0; index < row.length; index++) {
        const count = row[index] ?? 0
        if (count === 0) continue
        const mode: Mode = index % 2 === 1 ? 'observe' : 'enforce'
        const direction = DIRECTIONS[(index >> 1) % 3]
        const pair = Math.floor(index / 6)
        const resource = RESOURCES[pair % RESOURCES.length] ?? 'none'
        const scopeClass = SCOPE_CLASSES[Math.floor(pair / RESOURCES.length)] ?? 'system'
        counts.push({ rule, scopeClass, resource, direction, mode, count })
      }
    }
    return counts
  }

  #add(rule: RuleName): Float64Array {
    const name: RuleName = this.#rules.size < RATE_KINDS_COUNTED_MAX ? rule : 'rate.*'
    const row = this.#rules.get(name) ?? new Float64Array(PER_RULE)
    this.#rules.set(name, row)
    return row
  }
}

export class DenialLog {
  readonly #counters: DenialCounters = new DenialCounters()
  readonly #denials: (DenialRecord | undefined)[] = new Array<undefined>(DENIALS_KEPT_MAX).fill(undefined)
  readonly #subjects: (Subject | undefined)[] = new Array<undefined>(DENIALS_KEPT_MAX).fill(undefined)
  readonly #times: Float64Array = new Float64Array(DENIALS_KEPT_MAX)
  #count = 0

  /** Id of the next denial. */
  get nextId(): number {
    return this.#count + 1
  }

  /** @param direction 0 inbound, 1 outbound, 2 neither */
  add(denial: DenialRecord, scopeClass: number, resource: number, observed: boolean, subject: Subject | undefined, atMs: number): void {
    const slot = this.#count % DENIALS_KEPT_MAX
    this.#count++
    this.#denials[slot] = denial
    this.#subjects[slot] = subject
    this.#times[slot] = atMs
    const direction = denial.direction === 'inbound' ? 0 : denial.direction === 'outbound' ? 1 : NO_DIRECTION
    this.#counters.add(denial.rule, scopeClass, resource, direction, observed)
  }

  counts(): DenialCount[] {
    return this.#counters.report()
  }

  /** Newest first, those a test accepts, at most `max`. */
  recent(accepts: (denial: DenialRecord, subject: Subject | undefined) => boolean, max: number): (Denial & { readonly atMs: number })[] {
    const found: (Denial & { readonly atMs: number })[] = []
    for (let id = this.#count; id > 0 && id > this.#count - DENIALS_KEPT_MAX && found.length < max; id--) {
      const slot = (id - 1) % DENIALS_KEPT_MAX
      const denial = this.#denials[slot]
      if (denial !== undefined && accepts(denial, this.#subjects[slot])) found.push({ ...denial.toJSON(), atMs: this.#times[slot] ?? 0 })
    }
    return found
  }

  /** The denial of this id and whom it met, while it is kept. */
  find(id: number): { readonly denial: DenialRecord; readonly subject: Subject | undefined } | undefined {
    if (!Number.isSafeInteger(id) || id < 1 || id > this.#count || id <= this.#count - DENIALS_KEPT_MAX) return undefined
    const slot = (id - 1) % DENIALS_KEPT_MAX
    const denial = this.#denials[slot]
    return denial === undefined ? undefined : { denial, subject: this.#subjects[slot] }
  }
}
