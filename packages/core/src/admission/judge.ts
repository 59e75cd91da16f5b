/**
 * What happens when a scope would not take a connection or a stream: enforced rules refuse, observed ones are noted, and an allow-listed remote gets a second look at the
 * allow-listed twins of transient and system. The fast paths come here only once something does not fit.
 */

import { NOTHING, PREFIX, STREAMS_INBOUND } from '../resources/counters.ts'
import { prefixBlocked, prefixStreamsBlocked } from '../resources/prefix-path.ts'
import { connectionBlocked, type Scope, streamBlocked } from '../resources/scope.ts'
import type { Engine } from './engine.ts'

/** What is asked of each scope. */
export interface Load {
  /** A connection of this direction, with its descriptors; else a stream. */
  readonly connection: boolean
  readonly inbound: boolean
  readonly fileDescriptors: number
  /** Memory that comes with it. */
  readonly bytes: number
}

/** First scope that would not take it, by an enforced rule and by an observed one before that. */
export interface Verdict {
  readonly hit: Scope | undefined
  readonly hitResource: number
  readonly would: Scope | undefined
  readonly wouldResource: number
}

/** The resource of a scope that the load would not fit into, as a code; 0 when it fits. */
export function blocked(scope: Scope, load: Load): number {
  if (scope.kind === PREFIX && !load.connection) return load.inbound && prefixStreamsBlocked(scope) ? STREAMS_INBOUND : NOTHING
  if (scope.kind === PREFIX) return prefixBlocked(scope)
  if (load.connection) return connectionBlocked(scope, load.inbound, load.fileDescriptors, load.bytes)
  return streamBlocked(scope, load.inbound, load.bytes)
}

/** Looks at scopes in order; charges nothing. */
export function judge(engine: Engine, scopes: readonly Scope[], load: Load): Verdict {
  let would: Scope | undefined
  let wouldResource = NOTHING
  for (const scope of scopes) {
    const resource = blocked(scope, load)
    if (resource === NOTHING) continue
    if (engine.limitEnforced(scope.kind)) return { hit: scope, hitResource: resource, would, wouldResource }
    if (would === undefined) {
      would = scope
      wouldResource = resource
    }
  }
  return { hit: undefined, hitResource: NOTHING, would, wouldResource }
}
