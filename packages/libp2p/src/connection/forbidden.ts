/**
 * Closes connections that are open when their address or peer is banned or denied. The governor forbids; ending what exists is the adapter's work.
 */

import type { ConnectionState, NodeContext } from '../context.ts'

/** @returns how many were closed */
export function closeForbidden(context: NodeContext): number {
  let closed = 0
  for (const state of [...context.connections()]) {
    const rule = forbiddenBy(context, state)
    if (rule !== undefined && context.cut(state, rule, `its address or peer is forbidden by gate.${rule}`)) {
      closed++
    }
  }
  return closed
}

function forbiddenBy(context: NodeContext, state: ConnectionState): 'ban' | 'deny' | undefined {
  const { address, peer } = state.handle
  for (const subject of peer === undefined ? [address] : [address, peer]) {
    for (const { rule, passes } of context.governor.explain(subject).rules) {
      if (!passes && rule === 'gate.ban') {
        return 'ban'
      }
      if (!passes && rule === 'gate.deny') {
        return 'deny'
      }
    }
  }
  return undefined
}
