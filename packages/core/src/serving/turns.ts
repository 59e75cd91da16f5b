/**
 * Turns: from waiting for one to its end. Order of a grant: whose turn (queue), is the node throttled, does it fit in flight, does the budget give it, then the slot. A budget that gives nothing now parks the session, so
 * that it keeps nobody waiting. A turn ends by bytes or seconds, always at a message boundary; one that reaches none is for the room to end. Seconds beyond
 * the turn are owed like bytes beyond it: otherwise nine clients that read at a trickle take half of all slot time from a hundred (seen in the simulation).
 */

import type { Clock } from '../clock.ts'
import { Deadlines } from './deadlines.ts'
import type { ServingLimits } from './limits.ts'
import type { Place } from './place.ts'
import { FairQueue } from './queue.ts'
import { type Session, type Slot, Turn } from './session.ts'
import { Slots } from './slots.ts'
import type { Throttle } from './throttle.ts'

/** Reserve before sending, settle after. `reserve` returns the milliseconds to wait, 0 when the bytes are reserved; each that returned 0 is settled once, and a late report of bytes with nothing reserved. */
export interface ServingBudget {
  reserve(place: Place, bytes: number): number
  settle(place: Place, reservedBytes: number, sentBytes: number): void
}

export interface TurnsInit {
  readonly clock: Clock
  readonly limits: ServingLimits
  readonly budget: ServingBudget | undefined
  readonly throttle: Throttle | undefined
  /** The budget gives nothing within the bound. */
  readonly unaffordable: (session: Session, retryAfterMs: number) => void
}

export class Turns {
  readonly queue: FairQueue<Session>
  readonly slots: Slots
  readonly deadlines: Deadlines<Session> = new Deadlines()
  readonly #init: TurnsInit
  readonly #limits: ServingLimits
  readonly #ready: Set<Session> = new Set()
  #nowMs: number
  #parked: number
  #bytesInFlight: number

  constructor(init: TurnsInit) {
    this.#init = init
    this.#limits = init.limits
    this.queue = new FairQueue(init.limits.turnBytes, init.limits.slots)
    this.slots = new Slots(init.limits)
    this.#nowMs = init.clock.now()
    this.#parked = 0
    this.#bytesInFlight = 0
  }

  /** The time, never earlier than one seen. */
  tick(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#init.clock.now())
    return this.#nowMs
  }

  get parked(): number {
    return this.#parked
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  /** Goes on within turns, then begins turns, until nothing more can be done or the steps are used up. Returns the steps left. */
  run(stepsMax: number): number {
    const nowMs = this.tick()
    let steps = stepsMax
    for (let before = -1; steps > 0 && steps !== before; ) {
      before = steps
      for (const session of [...this.#ready]) if (steps > 0 && this.#proceed(session, nowMs)) steps--
      while (steps > 0 && this.#grant(nowMs)) steps--
    }
    return steps
  }

  /** Milliseconds until `run` or a deadline has something to do, if nothing else happens. */
  nextMs(): number {
    const nowMs = this.tick()
    const dueMs = Math.max(0, (this.deadlines.first?.dueMs ?? Number.POSITIVE_INFINITY) - nowMs)
    if (this.queue.waiting === 0 || this.slots.free === 0) return dueMs
    const pacedMs = this.#init.throttle?.waitMs(nowMs) ?? 0
    return pacedMs > 0 ? Math.min(dueMs, pacedMs) : dueMs
  }

  /** Milliseconds a request from this place would wait, by the rate measured. */
  estimateMs(place: Place): number {
    const nowMs = this.tick()
    const wait = this.#init.throttle?.waitMs(nowMs) ?? 0
    if (this.slots.free > 0 && this.queue.waiting === 0) return wait
    const paceMs = (this.#limits.turnBytes * 1000) / (this.#init.throttle?.ratePerSecond ?? Number.POSITIVE_INFINITY)
    return Math.max(wait, (this.queue.turnsAhead(place) + 1) * Math.max(paceMs, this.slots.gapMs(nowMs)))
  }

  wait(session: Session, nowMs: number): void {
    session.state = 'waiting'
    session.waitingSinceMs = nowMs
    this.deadlines.set(session, nowMs + this.#limits.waitMsMax)
    if (session.member !== undefined) this.queue.wait(session.member)
  }

  /** Out of the queue or the parking, with what it waited. */
  #unwait(session: Session, nowMs: number): void {
    if (session.state === 'parked') this.#parked--
    else if (session.state !== 'waiting') return
    if (session.member !== undefined) this.queue.unwait(session.member)
    this.#unwaited(session, nowMs)
    if (this.queue.waiting === 0) this.slots.rest()
  }

  idle(session: Session, nowMs: number): void {
    this.#unwait(session, nowMs)
    session.state = 'idle'
    this.deadlines.set(session, nowMs + this.#limits.sessionIdleMs)
  }

  unpark(session: Session): void {
    this.#parked--
    session.state = 'waiting'
    this.deadlines.set(session, session.waitingSinceMs + this.#limits.waitMsMax)
    if (session.member !== undefined) this.queue.wait(session.member)
  }

  /** One turn begun, or one session parked; false when there is nobody, no slot, or nothing may be sent now. */
  #grant(nowMs: number): boolean {
    if (this.slots.free <= 0 || (this.#init.throttle?.waitMs(nowMs) ?? 0) > 0) return false
    const member = this.queue.peek()
    if (member === undefined) return false
    const session = member.owner
    const allowance = this.queue.allowance(member)
    const bytes = Math.min(session.held[0]?.bytesExpected ?? 0, allowance)
    if (this.#bytesInFlight + bytes > this.#limits.bytesInFlightMax) return false
    const waitMs = this.#init.budget?.reserve(session.place, bytes) ?? 0
    if (waitMs > 0) {
      this.#park(session, nowMs, waitMs)
      return true
    }
    this.#unwaited(session, nowMs)
    this.queue.grant(member)
    this.slots.take()
    this.slots.granted(nowMs, this.queue.waiting > 0)
    session.state = 'turn'
    session.turns++
    session.slot = { allowanceBytes: allowance, untilMs: nowMs + this.#limits.turnMs, sentBytes: 0, turn: undefined }
    this.#serve(session, session.slot, bytes)
    return true
  }

  #unwaited(session: Session, nowMs: number): void {
    session.waitedMsMax = Math.max(session.waitedMsMax, nowMs - session.waitingSinceMs)
  }

  #park(session: Session, nowMs: number, waitMs: number): void {
    const boundMs = session.waitingSinceMs + this.#limits.waitMsMax
    if (nowMs + waitMs > boundMs) {
      this.#init.unaffordable(session, waitMs)
      return
    }
    if (session.member !== undefined) this.queue.unwait(session.member)
    if (this.queue.waiting === 0) this.slots.rest()
    session.state = 'parked'
    this.#parked++
    this.deadlines.set(session, nowMs + waitMs)
  }

  /** The next request within a turn. */
  #proceed(session: Session, nowMs: number): boolean {
    const { slot } = session
    const next = session.held[0]
    if (slot === undefined || next === undefined || slot.turn !== undefined) {
      this.#ready.delete(session)
      return false
    }
    const bytes = Math.min(next.bytesExpected, slot.allowanceBytes - slot.sentBytes)
    if (this.#bytesInFlight + bytes > this.#limits.bytesInFlightMax) return false
    this.#ready.delete(session)
    if (nowMs < slot.untilMs && (this.#init.budget?.reserve(session.place, bytes) ?? 0) === 0) this.#serve(session, slot, bytes)
    else this.finish(session, nowMs)
    return true
  }

  #serve(session: Session, slot: Slot, bytes: number): void {
    const held = session.held.shift()
    if (held === undefined) return
    const turn = new Turn(held, bytes, slot.untilMs)
    slot.turn = turn
    this.#bytesInFlight += bytes
    this.deadlines.set(session, slot.untilMs + this.#limits.overrunMs)
    held.serve(turn)
  }

  /** Ends a request's part in a turn: in flight, held and budget come right. */
  close(session: Session, turn: Turn): void {
    turn.isEnded = true
    if (session.slot !== undefined) session.slot.turn = undefined
    this.#bytesInFlight -= Math.max(0, turn.bytesMax - turn.sentBytes)
    this.#init.budget?.settle(session.place, turn.bytesMax, turn.sentBytes)
  }

  /** A slot without a running request: goes on, waits a round trip, or ends. */
  afterRequest(session: Session, nowMs: number): void {
    const { slot } = session
    if (slot === undefined) return
    if (slot.sentBytes >= slot.allowanceBytes || nowMs >= slot.untilMs) {
      this.finish(session, nowMs)
      return
    }
    if (session.held.length > 0) this.#ready.add(session)
    const graceMs = session.held.length > 0 ? this.#limits.turnMs : this.#limits.slotIdleMs
    this.deadlines.set(session, Math.min(slot.untilMs, nowMs + graceMs))
  }

  /** Ends a turn. */
  finish(session: Session, nowMs: number): void {
    this.#giveSlot(session)
    if (session.held.length > 0) this.wait(session, nowMs)
    else this.idle(session, nowMs)
  }

  #giveSlot(session: Session): void {
    const { slot, member } = session
    if (slot === undefined || member === undefined) return
    session.slot = undefined
    session.state = 'idle'
    this.#ready.delete(session)
    this.slots.give()
    const lateMs = Math.max(0, this.tick() - slot.untilMs)
    const lateBytes = Math.round((this.#limits.turnBytes * lateMs) / this.#limits.turnMs)
    this.queue.settle(member, slot.allowanceBytes, slot.sentBytes, lateBytes)
  }

  /** Reports bytes; whether another message may follow in this turn. */
  sent(turn: Turn, bytes: number): boolean {
    const nowMs = this.tick()
    const { session } = turn.held
    this.#init.throttle?.sent(nowMs, bytes)
    session.servedBytes += bytes
    if (turn.isEnded || session.slot === undefined) {
      this.#init.budget?.settle(session.place, 0, bytes)
      return false
    }
    const before = Math.max(0, turn.bytesMax - turn.sentBytes)
    turn.sentBytes += bytes
    this.#bytesInFlight -= before - Math.max(0, turn.bytesMax - turn.sentBytes)
    session.slot.sentBytes += bytes
    return turn.sentBytes < turn.bytesMax && nowMs < turn.untilMs
  }

  /** Ends whatever a session has here, for good. */
  leave(session: Session): void {
    if (session.slot?.turn !== undefined) this.close(session, session.slot.turn)
    this.#giveSlot(session)
    this.#unwait(session, this.tick())
    session.state = 'ended'
    this.deadlines.delete(session)
    if (session.member !== undefined) this.queue.leave(session.member)
  }
}
