/**
 * Who goes first when there must be room: the lowest score, then the longest served, then the oldest.
 */

import type { Session } from './session.ts'

export interface Ranked {
  readonly session: Session
  readonly score: number
}

export function byWorth(x: Ranked, y: Ranked): number {
  return x.score - y.score || y.session.servedBytes - x.session.servedBytes || x.session.number - y.session.number
}

/** Whom a newcomer may displace: those of a lower score, and those of the same score whose prefix holds more sessions than the newcomer's would. Looks at every session. */
export function displaced(
  sessions: Iterable<Session>,
  score: number,
  membersMax: number,
  scoreOf: (session: Session) => number,
  membersOf: (session: Session) => number,
): Session | undefined {
  let worst: Ranked | undefined
  for (const session of sessions) {
    const ranked = { session, score: scoreOf(session) }
    if (ranked.score > score || (ranked.score === score && membersOf(session) <= membersMax)) continue
    if (worst === undefined || byWorth(ranked, worst) < 0) worst = ranked
  }
  return worst?.session
}
