/**
 * Identify and identify push: each exchange asked of us makes js-libp2p read its own record and sign it anew, each push makes it check a signature, sort and store. Charged when
 * the stream is negotiated, before any of that; over the rate the stream is reset.
 *
 * The size of a message is bounded by js-libp2p (ten times 8 KiB), what of it is stored by `bounds.ts`.
 */

import type { NodeContext } from '../context.ts'
import type { WorkCharger, WorkKind } from './charge.ts'
import type { HandlerGate } from './registrar.ts'

/** A gate that spends one of `kind` per stream and resets the streams it does not cover. */
export function exchangeGate(charger: WorkCharger, context: NodeContext, kind: WorkKind): HandlerGate {
  return async (stream, state, run) => {
    const decision = charger.spend(state, kind)
    if (decision.allow) await run()
    else stream.abort(context.refuse(decision.denial, state))
  }
}
