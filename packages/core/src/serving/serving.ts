/**
 * The serving room: sessions hold requests, slots go to sessions in turn, `advance()` serves them. What may wait, waits here; nobody who could not be served within the bound is let in, and who has waited the bound is let go
 * with a reason, because a client that hears nothing gives up later and worse.
 *
 * Requests are served only from `advance()`, at most `STEPS_MAX` steps per call; other verbs change state and return. Full tables make room by lowest score, then longest served, but among equal scores never at the cost of
 * a prefix that holds no more sessions than the newcomer's: otherwise names made up by the thousand would push out everybody who was served.
 */

import type { Clock } from '../clock.ts'
import type { ServingDecision, ServingDenial } from './denial.ts'
import { type DenialFacts, ServingDenials } from './denials.ts'
import type { ServingEvent, ServingReport, SessionEnd } from './events.ts'
import { type ServingLimits, STEPS_MAX, servingLimits } from './limits.ts'
import type { Place } from './place.ts'
import { type Held, Session, type SessionRoom, type Turn } from './session.ts'
import { byWorth, displaced } from './shed.ts'
import type { Throttle } from './throttle.ts'
import { type ServingBudget, Turns } from './turns.ts'

export interface ServingInit {
  readonly clock: Clock
  /** @default SERVING_LIMITS */
  readonly limits?: Partial<ServingLimits>
  /** @default everything fits */
  readonly budget?: ServingBudget
  /** @default no emergency throttle */
  readonly throttle?: Throttle
  /** Milliseconds a principal is still refused bulk service; 0 for none. @default 0 */
  readonly cooldownMs?: (place: Place, nowMs: number) => number
  /** Lower is shed first. @default 0 */
  readonly score?: (place: Place, nowMs: number) => number
  readonly onEvent?: (event: ServingEvent) => void
}

type Refusal = { readonly allow: false; readonly denial: ServingDenial }

export class Serving implements SessionRoom {
  readonly limits: ServingLimits
  readonly #init: ServingInit
  readonly #turns: Turns
  readonly #denials: ServingDenials
  readonly #sessions: Set<Session> = new Set()
  #held: number
  #numbers: number

  /** Throws `MisuseError` for limits out of range. */
  constructor(init: ServingInit) {
    this.limits = servingLimits(init.limits ?? {})
    this.#init = init
    this.#turns = new Turns({
      clock: init.clock,
      limits: this.limits,
      budget: init.budget,
      throttle: init.throttle,
      unaffordable: (session, retryAfterMs) => this.#letGo(session, 'serving.budget', retryAfterMs),
    })
    this.#denials = new ServingDenials(init.onEvent)
    this.#held = 0
    this.#numbers = 0
  }

  /** Opens a session. Refused by `serving.cooldown`, or `serving.sessions` when there is no room and nobody to make any. */
  openSession(place: Place): ServingDecision<Session> {
    const nowMs = this.#turns.tick()
    const cooldownMs = this.#init.cooldownMs?.(place, nowMs) ?? 0
    if (cooldownMs > 0)
      return this.#deny(place, { rule: 'serving.cooldown', scope: `ip:${place.ip}`, ...NOTHING, retryAfterMs: cooldownMs })
    const { sessionsMax, sessionIdleMs } = this.limits
    if (this.#sessions.size >= sessionsMax && !this.#makeRoom(place, this.#sessions, 1)) {
      const numbers = { resource: 'sessions', current: this.#sessions.size, attempted: 1, limit: sessionsMax } as const
      return this.#deny(place, { rule: 'serving.sessions', scope: 'system', ...numbers, retryAfterMs: sessionIdleMs })
    }
    const session = new Session(this, place, ++this.#numbers)
    session.member = this.#turns.queue.join(place, session)
    this.#sessions.add(session)
    this.#turns.idle(session, nowMs)
    return { allow: true, handle: session }
  }

  /** Milliseconds a first request from this place would wait, by the rate measured. */
  estimateMs(place: Place): number {
    return this.#turns.estimateMs(place)
  }

  report(): ServingReport {
    const { queue, slots, parked, bytesInFlight } = this.#turns
    return {
      sessions: this.#sessions.size,
      waiting: queue.waiting,
      parked,
      slots: slots.held,
      held: this.#held,
      bytesInFlight,
      newcomerWaitMs: this.estimateMs({ prefix: '', ip: '', peer: '' }),
      limits: this.limits,
    }
  }

  /** Ends up to `count` sessions for memory: lowest score, then longest served. Returns how many. */
  shed(count: number): number {
    const nowMs = this.#turns.tick()
    const ranked = [...this.#sessions].map(session => ({ session, score: this.#score(session.place, nowMs) })).sort(byWorth)
    const victims = ranked.slice(0, count)
    for (const { session } of victims) this.#shed(session)
    return victims.length
  }

  /** Meets deadlines and serves. Returns the milliseconds until it should be called again, if no `request` or `end` comes before; 0: there is more to do now; `Infinity`: nothing to wait for. What a callback throws passes through; its turn then ends by its deadline. */
  advance(): number {
    const { deadlines } = this.#turns
    const nowMs = this.#turns.tick()
    let steps = STEPS_MAX
    for (let due = deadlines.first; due !== undefined && due.dueMs <= nowMs && steps > 0; due = deadlines.first) {
      this.#meet(due, nowMs)
      steps--
    }
    return this.#turns.run(steps) <= 0 ? 0 : this.#turns.nextMs()
  }

  request(session: Session, held: Held): ServingDecision<Held> {
    const nowMs = this.#turns.tick()
    const { place } = session
    const scope = `peer:${place.peer}`
    if (session.state === 'ended') return this.#deny(place, { rule: 'handle.released', scope, ...NOTHING })
    const { heldPerSessionMax, heldMax, sessionsMax } = this.limits
    const own = session.heldCount
    const limit = own > 0 ? heldMax - sessionsMax : heldMax
    const numbers = { rule: 'serving.held', resource: 'requests', attempted: 1 } as const
    if (own >= heldPerSessionMax) return this.#deny(place, { ...numbers, scope, current: own, limit: heldPerSessionMax })
    if (this.#held >= limit) return this.#deny(place, { ...numbers, scope: 'system', current: this.#held, limit })
    const isNew = session.state === 'idle'
    const refusal = isNew ? this.#refuseWait(place) : undefined
    if (refusal !== undefined) return refusal
    this.#held++
    session.held.push(held)
    if (isNew) this.#turns.wait(session, nowMs)
    else if (session.slot !== undefined && session.slot.turn === undefined) this.#turns.afterRequest(session, nowMs)
    return { allow: true, handle: held }
  }

  cancel(held: Held): void {
    if (held.isReleased) return
    held.isReleased = true
    const { session } = held
    const at = session.held.indexOf(held)
    if (at < 0) return
    session.held.splice(at, 1)
    this.#held--
    if (session.held.length === 0 && session.slot === undefined) this.#turns.idle(session, this.#turns.tick())
  }

  sent(turn: Turn, bytes: number): boolean {
    return this.#turns.sent(turn, bytes)
  }

  ended(turn: Turn, bytesRemaining: number): void {
    if (turn.isEnded) return
    const nowMs = this.#turns.tick()
    const { held } = turn
    const { session } = held
    this.#turns.close(session, turn)
    if (bytesRemaining > 0 && !held.isReleased) {
      held.bytesExpected = bytesRemaining
      session.held.unshift(held)
      if (turn.sentBytes > 0) this.#turns.afterRequest(session, nowMs)
      else this.#turns.finish(session, nowMs)
      return
    }
    held.isReleased = true
    this.#held--
    this.#turns.afterRequest(session, nowMs)
  }

  release(session: Session): void {
    this.#end(session, 'released')
  }

  #score(place: Place, nowMs: number): number {
    return this.#init.score?.(place, nowMs) ?? 0
  }

  #deny(place: Place, facts: DenialFacts): Refusal {
    return this.#denials.deny(this.#turns.tick(), place, facts)
  }

  /** Nobody waits who could not be served within the bound, and no more wait than the queue holds. */
  #refuseWait(place: Place): Refusal | undefined {
    const { waitMsMax, queueMax } = this.limits
    const { queue, slots, parked } = this.#turns
    const estimateMs = this.estimateMs(place)
    const rule = 'serving.queue'
    if (estimateMs > waitMsMax) {
      const numbers = { resource: 'waitMs', current: 0, attempted: estimateMs, limit: waitMsMax } as const
      return this.#deny(place, { rule, scope: `ip:${place.ip}`, ...numbers, retryAfterMs: Math.ceil(estimateMs - waitMsMax) })
    }
    const current = queue.waiting + parked
    if (current < queueMax) return undefined
    const queued = [...this.#sessions].filter(session => session.state === 'waiting' || session.state === 'parked')
    if (this.#makeRoom(place, queued, 0)) return undefined
    const numbers = { resource: 'sessions', current, attempted: 1, limit: queueMax } as const
    return this.#deny(place, { rule, scope: 'system', ...numbers, retryAfterMs: Math.ceil(slots.gapMs(this.#turns.tick())) })
  }

  /** @param joining sessions the newcomer adds to its prefix: 0 when it has joined already */
  #makeRoom(place: Place, among: Iterable<Session>, joining: number): boolean {
    const nowMs = this.#turns.tick()
    const { queue } = this.#turns
    const victim = displaced(
      among,
      this.#score(place, nowMs),
      queue.membersOf(place) + joining,
      session => this.#score(session.place, nowMs),
      session => queue.membersOf(session.place),
    )
    if (victim === undefined) return false
    this.#shed(victim)
    return true
  }

  #shed(session: Session): void {
    const { sessionsMax, waitMsMax } = this.limits
    const numbers = { resource: 'sessions', current: this.#sessions.size, attempted: 0, limit: sessionsMax } as const
    const { denial } = this.#deny(session.place, { rule: 'serving.shed', scope: 'system', ...numbers, retryAfterMs: waitMsMax })
    this.#end(session, 'shed', denial)
  }

  #meet(session: Session, nowMs: number): void {
    const isBound = nowMs >= session.waitingSinceMs + this.limits.waitMsMax
    if (session.state === 'idle') this.#end(session, 'idle')
    else if (session.state === 'waiting') this.#letGo(session, 'serving.queue')
    else if (session.state === 'parked' && isBound) this.#letGo(session, 'serving.budget')
    else if (session.state === 'parked') this.#turns.unpark(session)
    else if (session.slot?.turn === undefined) this.#turns.finish(session, nowMs)
    else this.#stall(session, nowMs - session.slot.untilMs)
  }

  #stall(session: Session, lateMs: number): void {
    const { turnMs } = this.limits
    const numbers = { resource: 'turnMs', current: turnMs, attempted: lateMs, limit: turnMs } as const
    const { denial } = this.#deny(session.place, { rule: 'serving.turn', scope: `peer:${session.place.peer}`, ...numbers })
    this.#end(session, 'stalled', denial)
  }

  /** Refuses what a session holds: it has waited the bound, or would. The session stays open. */
  #letGo(session: Session, rule: 'serving.queue' | 'serving.budget', retryAfterMs?: number): void {
    const nowMs = this.#turns.tick()
    const { waitMsMax } = this.limits
    const { place } = session
    const numbers = { resource: 'waitMs', current: nowMs - session.waitingSinceMs, attempted: retryAfterMs ?? 0, limit: waitMsMax } as const
    this.#turns.idle(session, nowMs)
    const facts: DenialFacts = { rule, scope: `ip:${place.ip}`, ...numbers }
    this.#drop(session, this.#deny(place, retryAfterMs === undefined ? facts : { ...facts, retryAfterMs }).denial)
  }

  #drop(session: Session, denial: ServingDenial | undefined): void {
    const dropped = session.held.splice(0)
    this.#held -= dropped.length
    for (const held of dropped) held.isReleased = true
    if (denial !== undefined) for (const held of dropped) held.refused?.(denial)
  }

  #end(session: Session, reason: SessionEnd, denial?: ServingDenial): void {
    if (session.state === 'ended') return
    const isFinished = session.heldCount === 0
    const turn = session.slot?.turn
    this.#turns.leave(session)
    this.#sessions.delete(session)
    if (turn !== undefined) {
      this.#held--
      turn.held.isReleased = true
    }
    this.#drop(session, denial)
    if (turn !== undefined && denial !== undefined) turn.held.refused?.(denial)
    const { place, servedBytes, turns, waitedMsMax } = session
    this.#init.onEvent?.({ type: 'session-end', atMs: this.#turns.tick(), place, reason, isFinished, servedBytes, turns, waitedMsMax })
  }
}

const NOTHING = { resource: 'none', current: 0, attempted: 0, limit: 0 } as const
