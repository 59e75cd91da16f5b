/**
 * Charging one piece of work (an exchange, a push, a write, a reservation, a circuit) to the connection that caused it, and ending a connection that goes on asking after it was refused:
 * every refusal costs us a stream and a reply, so refusing for ever is paying for ever.
 */

import type { Decision } from '@sluice/core'
import type { ConnectionState, NodeContext } from '../context.ts'

/** Rate kinds spent by this part. Their rates are in the policy, under `rates.<kind>`. */
export type WorkKind = 'identify' | 'identify-push' | 'peer-store-write' | 'relay-reservation' | 'relay-circuit' | 'ping'

/** Refused pieces of work of one connection within `INSISTENCE_WINDOW_MS` after which it is cut. An honest peer asks once or twice, then waits or leaves; each refused stream costs about 24 KB of garbage. */
export const INSISTENCE_MAX = 16

/** Milliseconds in which refusals count together; at one a second an insistent peer is left alone. */
export const INSISTENCE_WINDOW_MS = 60_000

interface Insistence {
  startedMs: number
  refusals: number
}

/** One per node; what it remembers of a connection goes with the connection. */
export class WorkCharger {
  readonly #context: NodeContext
  readonly #insistence = new WeakMap<ConnectionState, Insistence>()
  #refused = 0

  constructor(context: NodeContext) {
    this.#context = context
  }

  /** Pieces of work refused since the node was made. */
  get refused(): number {
    return this.#refused
  }

  /**
   * Spends `cost` of `kind` on the connection's accounts. A refusal counts towards `INSISTENCE_MAX`; past it the connection is ended with the denial as its reason.
   * @param cost @default 1
   */
  spend(state: ConnectionState, kind: WorkKind, cost: number = 1): Decision {
    const decision = state.handle.spend(kind, cost)
    if (!decision.allow) {
      this.#refused++
      if (this.#insists(state)) state.abort(this.#context.refuse(decision.denial, state))
    }
    return decision
  }

  #insists(state: ConnectionState): boolean {
    const nowMs = this.#context.clock.now()
    const entry = this.#insistence.get(state)
    if (entry === undefined || nowMs - entry.startedMs >= INSISTENCE_WINDOW_MS || nowMs < entry.startedMs) {
      this.#insistence.set(state, { startedMs: nowMs, refusals: 1 })
      return false
    }
    entry.refusals++
    return entry.refusals > INSISTENCE_MAX
  }
}
