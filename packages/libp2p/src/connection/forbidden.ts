/**
 * Closes connections that are open when their address or peer is banned or denied. The governor forbids; ending what exists is the adapter's work.
 */

import type { ConnectionState, NodeContext } from '../context.ts'

type Verdict = 'ban' | 'deny' | undefined

/** @returns how many were closed */
export function closeForbidden(context: NodeContext): number {
  let closed = 0
  const verdicts = new Map<string, Verdict>()
  for (const state of [...context.connections()]) {
    const rule = forbiddenBy(context, state, verdicts)
    if (rule !== undefined && context.cut(state, rule, `its address or peer is forbidden by gate.${rule}`)) {
      closed++
    }
  }
  return closed
}

/** @param verdicts of this sweep, by address and peer: many connections share them */
function forbiddenBy(context: NodeContext, state: ConnectionState, verdicts: Map<string, Verdict>): Verdict {
  const { address, peer } = state.handle
  for (const subject of peer === undefined ? [address] : [address, peer]) {
    if (!verdicts.has(subject)) {
      verdicts.set(subject, verdictOn(context, subject))
    }
    const verdict = verdicts.get(subject)
    if (verdict !== undefined) {
      return verdict
    }
  }
  return undefined
}

function verdictOn(context: NodeContext, subject: string): Verdict {
  const broken = context.governor.explain(subject).rules.filter(({ passes }) => !passes)
  if (broken.some(({ rule }) => rule === 'gate.ban')) {
    return 'ban'
  }
  return broken.some(({ rule }) => rule === 'gate.deny') ? 'deny' : undefined
}
