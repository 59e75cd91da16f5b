/** What the serving tests share: a room on a clock of their own, places by number. */

import { type Place, Serving, type ServingEvent, type ServingInit, type Session } from '@sluice/core'
import { TestClock, taken } from '../helpers.ts'

export interface ServingRig {
  readonly clock: TestClock
  readonly serving: Serving
  readonly events: ServingEvent[]
}

export function servingRig(init: Partial<Omit<ServingInit, 'clock' | 'onEvent'>> = {}): ServingRig {
  const clock = new TestClock()
  const events: ServingEvent[] = []
  return { clock, events, serving: new Serving({ ...init, clock, onEvent: event => events.push(event) }) }
}

/** 10.P.0.0/24 of a prefix by number, its IP by number, a peer. */
export function place(prefix: number, ip = 0, peer = 0, isLan = false): Place {
  const base = `10.${prefix >> 8}.${prefix & 255}`
  return { prefix: `${base}.0/24`, ip: `${base}.${ip}`, peer: `${base}.${ip}#${peer}`, isLan }
}

/** Keeps a session asking for more, each request sent at once in messages of the sizes given. */
export function leech(session: Session, messageBytes: () => number, onSent: (bytes: number) => void): void {
  taken(
    session.request(1e12, turn => {
      let more = true
      while (more) {
        const bytes = messageBytes()
        onSent(bytes)
        more = turn.sent(bytes)
      }
      turn.end(1e12)
    }),
  )
}
