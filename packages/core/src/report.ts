/**
 * The resource report: what every scope holds, against which limits. Pulled, so that admitting pays nothing for it; the lists of peers and prefixes are cut to the fullest.
 */

import type { Engine } from './admission/engine.ts'
import type { Limits } from './policy/policy.ts'
import type { ResourceReport, ScopeReport } from './reports.ts'
import { CONNECTIONS, CONNECTIONS_PENDING, MEMORY, PREFIX } from './resources/counters.ts'
import { heldOf, limitOf, type Scope } from './resources/scope.ts'

/** Peers and prefixes listed unless asked otherwise. */
export const REPORT_TOP = 100

/** Highest share of any limit, 0 for a scope that has none. A blocked resource has no share: nothing of it can be held. */
export function fullness(scope: Scope): number {
  let share = 0
  for (let resource = CONNECTIONS; resource <= MEMORY; resource++) {
    if (resource === CONNECTIONS_PENDING && scope.kind !== PREFIX) continue
    const limit = limitOf(scope.limits, resource)
    if (limit > 0) share = Math.max(share, heldOf(scope, resource) / limit)
  }
  return share
}

/** The report of one scope. */
export function reportScope(scope: Scope): ScopeReport {
  const limits: Limits = scope.limits.source
  return { name: scope.name, scopeClass: scope.scopeClass, usage: scope.usage, limits }
}

/** The fullest scopes, fullest first, names breaking ties. Keeps `top` candidates at a time, so that a hundred thousand peers are not sorted. */
export function fullest(scopes: Iterable<Scope>, top: number): readonly ScopeReport[] {
  const best: { readonly scope: Scope; readonly share: number }[] = []
  for (const scope of scopes) {
    const share = fullness(scope)
    const last = best.at(-1)
    if (best.length >= top && (last === undefined || share < last.share)) continue
    let at = best.length
    while (at > 0 && precedes(share, scope, best[at - 1])) at--
    best.splice(at, 0, { scope, share })
    if (best.length > top) best.pop()
  }
  return best.map(({ scope }) => reportScope(scope))
}

function precedes(share: number, scope: Scope, other: { readonly scope: Scope; readonly share: number } | undefined): boolean {
  if (other === undefined) return false
  return share > other.share || (share === other.share && scope.key < other.scope.key)
}

function byName(scopes: Iterable<Scope>): ScopeReport[] {
  return [...scopes].map(reportScope).sort((x, y) => (x.name < y.name ? -1 : x.name > y.name ? 1 : 0))
}

function* used(scopes: Iterable<Scope>): IterableIterator<Scope> {
  for (const scope of scopes) if (scope.connectionsInbound > 0) yield scope
}

export function report(engine: Engine, top: number = REPORT_TOP): ResourceReport {
  const { graph, prefixes } = engine
  const inUse = [...used(prefixes.scopes())]
  return {
    schemaVersion: 1,
    atMs: engine.now(),
    mode: engine.mode,
    system: reportScope(graph.system),
    transient: reportScope(graph.transient),
    allowlistedSystem: reportScope(graph.allowlistedSystem),
    allowlistedTransient: reportScope(graph.allowlistedTransient),
    services: byName(graph.services.values()),
    protocols: byName(graph.protocols.values()),
    peers: fullest(graph.peers.values(), top),
    prefixes: fullest(inUse, top),
    counts: {
      connections: engine.connectionCount,
      streams: engine.streamCount,
      peers: graph.peers.size,
      prefixes: inUse.length,
      spans: engine.spanCount,
    },
    denials: engine.denials.counts(),
    bans: engine.gate.banCount,
  }
}
