/**
 * Which rules refuse and which only observe, and how a refusal is said: the denial value, counted, kept for `explain()` and pushed to whoever listens.
 */

import type { Decision, Denial, Direction, RuleName } from '../decision.ts'
import type { GovernorEvent } from '../events.ts'
import type { Mode, Policy } from '../policy/policy.ts'
import { NOTHING, RATE, RESOURCES, SCOPE_CLASSES } from '../resources/counters.ts'
import { heldOf, type Level, limitOf, type Named, type Scope } from '../resources/scope.ts'
import { DenialEvent, DenialLog, DenialRecord, LIMIT_RULES, type Subject, TimedDenialRecord } from './denials.ts'

export abstract class Rulings {
  readonly denials: DenialLog = new DenialLog()
  policy: Policy
  mode: Mode
  readonly #onEvent: ((event: GovernorEvent) => void) | undefined
  /** By scope class code: 1 when `limit.<class>` refuses. */
  readonly #enforced: Uint8Array
  #ruleModes: ReadonlyMap<string, Mode>

  constructor(policy: Policy, onEvent: ((event: GovernorEvent) => void) | undefined) {
    this.policy = policy
    this.mode = policy.mode
    this.#onEvent = onEvent
    this.#enforced = new Uint8Array(SCOPE_CLASSES.length)
    this.#ruleModes = new Map()
    this.setModes(policy.mode)
  }

  /** Milliseconds, never stepping back. */
  abstract now(): number

  /** Global mode, with the modes per rule of the policy in force. */
  setModes(mode: Mode): void {
    this.mode = mode
    this.#ruleModes = new Map(Object.entries(this.policy.rules))
    for (let kind = 0; kind < SCOPE_CLASSES.length; kind++)
      this.#enforced[kind] = this.enforced(LIMIT_RULES[kind] ?? 'handle.state') ? 1 : 0
  }

  modeOf(rule: RuleName): Mode {
    return this.#ruleModes.get(rule) ?? this.mode
  }

  enforced(rule: RuleName): boolean {
    return this.modeOf(rule) === 'enforce'
  }

  limitEnforced(kind: number): boolean {
    return this.#enforced[kind] === 1
  }

  emit(event: GovernorEvent): void {
    this.#onEvent?.(event)
  }

  /** A denial by a limit, logged. @param direction of what was asked, where it has one */
  limitDenial(
    where: Level,
    resource: number,
    direction: Direction | undefined,
    current: number,
    attempted: number,
    limit: number,
    observed: boolean,
    subject: Subject | undefined,
  ): Denial {
    const kind = where.kind
    const rule = LIMIT_RULES[kind] ?? 'handle.state'
    const scopeClass = SCOPE_CLASSES[kind] ?? 'system'
    const denial = new DenialRecord(
      this.denials.nextId,
      rule,
      where,
      scopeClass,
      RESOURCES[resource] ?? 'none',
      direction,
      current,
      attempted,
      limit,
    )
    this.#log(denial, kind, resource, observed, subject)
    return denial
  }

  /** The same with the numbers of a scope. @param attempted streams, connections, descriptors or bytes */
  scopeDenial(
    scope: Scope,
    resource: number,
    direction: Direction,
    attempted: number,
    observed: boolean,
    subject: Subject | undefined,
  ): Denial {
    return this.limitDenial(
      scope,
      resource,
      direction,
      heldOf(scope, resource),
      attempted,
      limitOf(scope.limits, resource),
      observed,
      subject,
    )
  }

  /** A denial by a list or by the state of a handle, which has no numbers. */
  plainDenial(
    rule: RuleName,
    where: Named,
    kind: number,
    direction: Direction | undefined,
    observed: boolean,
    subject: Subject | undefined,
  ): Denial {
    const denial = new DenialRecord(this.denials.nextId, rule, where, SCOPE_CLASSES[kind] ?? 'system', 'none', direction, 0, 0, 0)
    this.#log(denial, kind, NOTHING, observed, subject)
    return denial
  }

  rateDenial(
    rule: RuleName,
    where: Named,
    kind: number,
    direction: Direction | undefined,
    current: number,
    attempted: number,
    burst: number,
    retryAfterMs: number,
    observed: boolean,
    subject: Subject | undefined,
  ): Denial {
    const scopeClass = SCOPE_CLASSES[kind] ?? 'system'
    const id = this.denials.nextId
    if (!Number.isFinite(retryAfterMs)) {
      // More than the burst at once never passes, however long one waits.
      const never = new DenialRecord(id, rule, where, scopeClass, 'rate', direction, current, attempted, burst)
      this.#log(never, kind, RATE, observed, subject)
      return never
    }
    const denial = new TimedDenialRecord(id, rule, where, scopeClass, 'rate', direction, current, attempted, burst, retryAfterMs)
    this.#log(denial, kind, RATE, observed, subject)
    return denial
  }

  /** What a released handle says to every verb, in every mode. */
  released<H>(handle: Level & { readonly subject: Subject | undefined }): Decision<H> {
    return { allow: false, denial: this.plainDenial('handle.released', handle, handle.kind, undefined, false, handle.subject) }
  }

  /** What a handle says to a verb it cannot take, or not yet, or not again; in every mode. */
  wrongState<H>(handle: Level & { readonly subject: Subject | undefined }): Decision<H> {
    return { allow: false, denial: this.plainDenial('handle.state', handle, handle.kind, undefined, false, handle.subject) }
  }

  #log(denial: DenialRecord, kind: number, resource: number, observed: boolean, subject: Subject | undefined): void {
    const onEvent = this.#onEvent
    const atMs = this.now()
    this.denials.add(denial, kind, resource, observed, subject, atMs)
    if (onEvent === undefined) return
    const mode = observed ? 'observe' : 'enforce'
    onEvent(new DenialEvent(atMs, mode, denial, subject))
  }
}
