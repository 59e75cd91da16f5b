/**
 * Sluice's figures in the node's own `Metrics`, so that whoever scrapes js-libp2p through Prometheus or OpenTelemetry gets them with the rest.
 *
 * Gauges are computed when they are scraped. Counters are counted up as denials happen: a calculated counter means "add this" to one implementation and "is this" to another.
 * Labels are classes, rules, directions and reasons, never a peer, an address or a protocol; each group's labels are fixed or have a named bound. The metrics interface allows one
 * label a group, hence one group per resource.
 */

import type { Metrics } from '@libp2p/interface'
import type { Limit, ResourceReport, ScopeReport, Usage } from '@sluice/core'
import type { NodeContext } from './context.ts'
import type { MemoryBudget } from './memory/budget.ts'
import type { WorkGuard } from './work/index.ts'

/** Rules counted apart; the rest are counted as `other`. Rules of limits and the gate are about 20, one more per rate kind of the policy. */
export const RULE_LABELS_MAX = 64

/** Milliseconds one reading of the governor serves: a scrape asks for every group, one after the other. */
const SNAPSHOT_MS = 100

const SCOPES = ['system', 'transient', 'allowlistedSystem', 'allowlistedTransient'] as const

export interface MetricsInit {
  readonly work?: WorkGuard
  readonly memory?: Pick<MemoryBudget, 'level' | 'pausedConnections' | 'unreadBytes'>
}

/** `unlimited` is +Inf, as Prometheus writes it; `block` is 0. */
function limitValue(limit: Limit): number {
  if (limit === 'unlimited') return Number.POSITIVE_INFINITY
  return limit === 'block' ? 0 : limit
}

/** Registers everything. The metrics object keeps the registrations for as long as it lives, as with every component of a node. */
export function registerMetrics(metrics: Metrics, context: NodeContext, init: MetricsInit = {}): void {
  registerScopes(metrics, context)
  registerCounts(metrics, context, init)
  registerEvents(metrics, context)
}

function registerScopes(metrics: Metrics, context: NodeContext): void {
  const { governor, clock } = context
  let snapshot: { readonly report: ResourceReport; readonly atMs: number } | undefined
  const report = (): ResourceReport => {
    const nowMs = clock.now()
    if (snapshot === undefined || nowMs - snapshot.atMs >= SNAPSHOT_MS || nowMs < snapshot.atMs) {
      snapshot = { report: governor.resources(0), atMs: nowMs }
    }
    return snapshot.report
  }
  const byScope = (name: string, help: string, read: (scope: ScopeReport) => number): void => {
    metrics.registerMetricGroup(name, {
      label: 'scope',
      help,
      calculate: () => Object.fromEntries(SCOPES.map(scope => [scope, read(report()[scope])])),
    })
  }
  const usage = (field: keyof Usage): ((scope: ScopeReport) => number) => {
    return scope => scope.usage[field]
  }
  byScope('sluice_connections_inbound', 'Open inbound connections, half-open ones included', usage('connectionsInbound'))
  byScope('sluice_connections_outbound', 'Open outbound connections', usage('connectionsOutbound'))
  byScope('sluice_streams_inbound', 'Open inbound streams, un-negotiated ones included', usage('streamsInbound'))
  byScope('sluice_streams_outbound', 'Open outbound streams', usage('streamsOutbound'))
  byScope('sluice_file_descriptors', 'File descriptors held by connections', usage('fileDescriptors'))
  byScope('sluice_memory_bytes', 'Accounted memory', usage('memory'))
  byScope('sluice_memory_limit_bytes', 'Limit of accounted memory', scope => limitValue(scope.limits.memory))
  byScope('sluice_connections_limit', 'Limit of open connections, both directions', scope => limitValue(scope.limits.connections))
  byScope('sluice_streams_limit', 'Limit of open streams, both directions', scope => limitValue(scope.limits.streams))
  metrics.registerMetricGroup('sluice_tracked', {
    label: 'kind',
    help: 'What the governor keeps an account of',
    calculate: () => {
      const { connections, streams, peers, prefixes, spans } = report().counts
      return { connections, streams, peers, prefixes, spans, bans: report().bans }
    },
  })
}

function registerCounts(metrics: Metrics, context: NodeContext, init: MetricsInit): void {
  metrics.registerMetric('sluice_connections_pending', {
    help: 'Connections of this node still in their handshake',
    calculate: () => {
      let pending = 0
      for (const state of context.connections()) {
        if (state.handle.peer === undefined) pending++
      }
      return pending
    },
  })
  metrics.registerMetric('sluice_enforcing', {
    help: '1 while the node refuses, 0 while it only observes',
    calculate: () => (context.mode() === 'enforce' ? 1 : 0),
  })
  const { work, memory } = init
  if (memory !== undefined) {
    metrics.registerMetric('sluice_memory_level', {
      help: 'Measures in force as the memory budget fills: 0 none, 1 fattest readers withheld, 2 all readers, 3 sockets read in pulses',
      calculate: () => memory.level,
    })
    metrics.registerMetric('sluice_memory_unread_bytes', {
      help: 'Bytes received that nobody has read',
      calculate: () => memory.unreadBytes,
    })
    metrics.registerMetric('sluice_connections_paused', {
      help: 'Connections read in pulses for memory',
      calculate: () => memory.pausedConnections,
    })
  }
  if (work !== undefined) {
    metrics.registerMetric('sluice_peer_store_strangers', {
      help: 'Peers in the peer store that are neither connected nor tagged',
      calculate: () => work.strangers,
    })
    metrics.registerMetric('sluice_handlers_running', {
      help: 'Handlers of inbound streams that have not returned',
      calculate: () => work.handlersRunning,
    })
  }
}

function registerEvents(metrics: Metrics, context: NodeContext): void {
  const denials = metrics.registerCounterGroup('sluice_denials_total', { label: 'rule', help: 'Refused, by rule' })
  const observed = metrics.registerCounterGroup('sluice_observed_denials_total', {
    label: 'rule',
    help: 'Would have been refused, by rules that only observe',
  })
  const cuts = metrics.registerCounterGroup('sluice_cuts_total', {
    label: 'reason',
    help: 'Connections and streams ended for what the remote did',
  })
  const bans = metrics.registerCounter('sluice_bans_total', { help: 'Bans entered' })
  const rules = new Set<string>()
  context.onEvent(event => {
    if (event.type === 'denial') {
      const { rule } = event.denial
      if (rules.size < RULE_LABELS_MAX) rules.add(rule)
      const label = rules.has(rule) ? rule : 'other'
      ;(event.mode === 'observe' ? observed : denials).increment({ [label]: 1 })
    } else if (event.type === 'cut' && event.mode === 'enforce') {
      cuts.increment({ [event.reason]: 1 })
    } else if (event.type === 'ban') {
      bans.increment()
    }
  })
}
