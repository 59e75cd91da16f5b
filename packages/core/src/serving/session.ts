/**
 * The handles of serving: a session, a request it holds, and the turn a request is served in. Thin: they keep the facts of one session, the room decides. All releases are idempotent.
 */

import { MisuseError } from '../errors.ts'
import type { Due } from './deadlines.ts'
import type { ServingDecision, ServingDenial } from './denial.ts'
import type { Place } from './place.ts'
import type { Member } from './queue.ts'

/** `idle`: holds no request. `waiting`: for a turn. `parked`: for its budget. `turn`: has a slot. */
export type SessionState = 'idle' | 'waiting' | 'parked' | 'turn' | 'ended'

/** Called from `advance()`, once per turn the request takes part in; sends messages and reports them on the turn. */
export type Serve = (turn: Turn) => void

/** Called once if a held request is let go without having been finished by the room's own doing. */
export type Refused = (denial: ServingDenial) => void

/** What the room does for its handles. */
export interface SessionRoom {
  request(session: Session, held: Held): ServingDecision<Held>
  cancel(held: Held): void
  sent(turn: Turn, bytes: number): boolean
  ended(turn: Turn, bytesRemaining: number): void
  release(session: Session): void
}

/** A held request. */
export class Held {
  readonly session: Session
  readonly serve: Serve
  readonly refused: Refused | undefined
  bytesExpected: number
  isReleased: boolean

  constructor(session: Session, bytesExpected: number, serve: Serve, refused: Refused | undefined) {
    this.session = session
    this.serve = serve
    this.refused = refused
    this.bytesExpected = bytesExpected
    this.isReleased = false
  }

  /** Gives the request up. One that is being served ends at its turn's `end`. */
  release(): void {
    this.session.room.cancel(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/** What a request may send now. Check `sent`'s answer after each message, and always `end`. */
export class Turn {
  readonly held: Held
  /** Bytes reserved for this request in this turn; the last message may go beyond. */
  readonly bytesMax: number
  /** When the turn is over, milliseconds of the room's clock. */
  readonly untilMs: number
  sentBytes: number
  isEnded: boolean

  constructor(held: Held, bytesMax: number, untilMs: number) {
    this.held = held
    this.bytesMax = bytesMax
    this.untilMs = untilMs
    this.sentBytes = 0
    this.isEnded = false
  }

  /** Reports a message sent. @returns whether another may follow; if not, `end` with what is left */
  sent(bytes: number): boolean {
    if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) throw new MisuseError(`sent ${bytes} bytes; it must be 0 or more`)
    return this.held.session.room.sent(this, bytes)
  }

  /** The request is finished, or stops at this message boundary with bytes remaining, and is then held for the next turn. @param bytesRemaining @default 0 */
  end(bytesRemaining = 0): void {
    if (!(bytesRemaining >= 0)) throw new MisuseError(`${bytesRemaining} bytes remain; it must be 0 or more`)
    this.held.session.room.ended(this, bytesRemaining)
  }

  [Symbol.dispose](): void {
    this.end()
  }
}

/** The slot of a session and what is left in it. */
export interface Slot {
  readonly allowanceBytes: number
  readonly untilMs: number
  sentBytes: number
  turn: Turn | undefined
}

/** One peer's bulk download, from its first bulk request until idle. */
export class Session implements Due {
  readonly room: SessionRoom
  readonly place: Place
  readonly number: number
  readonly held: Held[] = []
  member: Member<Session> | undefined
  state: SessionState
  slot: Slot | undefined
  waitingSinceMs: number
  waitedMsMax: number
  servedBytes: number
  turns: number
  dueMs: number
  dueAt: number

  constructor(room: SessionRoom, place: Place, number: number) {
    this.room = room
    this.place = place
    this.number = number
    this.member = undefined
    this.state = 'idle'
    this.slot = undefined
    this.waitingSinceMs = 0
    this.waitedMsMax = 0
    this.servedBytes = 0
    this.turns = 0
    this.dueMs = 0
    this.dueAt = -1
  }

  /** Requests held, the one being served included. */
  get heldCount(): number {
    return this.held.length + (this.slot?.turn === undefined ? 0 : 1)
  }

  /**
   * Holds a request until its turn, then calls `serve` from `advance()`. Refused only where it could not be served within the bound, or holds too much.
   * @param bytesExpected 1 or more, of the whole reply; reserved piece by piece from the budget
   * @param refused told if the request is let go later
   */
  request(bytesExpected: number, serve: Serve, refused?: Refused): ServingDecision<Held> {
    if (!(bytesExpected >= 1 && bytesExpected <= Number.MAX_SAFE_INTEGER))
      throw new MisuseError(`bytesExpected is ${bytesExpected}; it must be 1 or more`)
    return this.room.request(this, new Held(this, bytesExpected, serve, refused))
  }

  /** Ends the session; its held requests are dropped without a word. */
  release(): void {
    this.room.release(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
