/**
 * Why is this peer, IP or prefix refused, or a decision as it was? Every rule that applies, with what is held, the limit, the policy path whose value is in force, and the remedy.
 * For people: it may take its time, makes no scope and spends nothing.
 */

import { type Address, parseAddress } from './address.ts'
import type { Engine } from './admission/engine.ts'
import type { Resource, RuleName } from './decision.ts'
import { parseNetwork } from './gate/entries.ts'
import { formatIp4, formatIp6 } from './ip.ts'
import type { ScopeLimits } from './policy/policy.ts'
import { formatPath } from './policy/validate.ts'
import { NODE, RATE_LEVEL_OF, V6_32 } from './principals/levels.ts'
import type { RateKind } from './rates/kind.ts'
import type { ExplainedRule, Explanation } from './reports.ts'
import { CONNECTIONS, CONNECTIONS_PENDING, MEMORY, RESOURCES, STREAMS_INBOUND } from './resources/counters.ts'
import { COUNT_UNLIMITED, type LimitTable } from './resources/limits.ts'
import { UNLIMITED } from './resources/memory.ts'
import { heldOf, limitOf, type Scope } from './resources/scope.ts'

/** Denials listed in an explanation. */
export const EXPLAINED_DENIALS_MAX = 20

/** Whom an explanation is about. */
interface Who {
  readonly kind: Explanation['kind']
  readonly peer: string | undefined
  readonly remote: Address | undefined
}

export function explain(engine: Engine, subject: string): Explanation {
  const decision = /^[0-9]+$/u.test(subject) ? engine.denials.find(Number(subject)) : undefined
  if (decision !== undefined) {
    const who: Who = { kind: 'decision', peer: decision.subject?.peer, remote: decision.subject?.remote }
    const denials = engine.denials.recent(denial => denial.id === decision.denial.id, 1)
    return { subject, kind: 'decision', rules: rulesFor(engine, who), bans: bansFor(engine, who), denials }
  }
  const who = identify(engine, subject)
  const text = who.remote?.text
  const accepts = (peer: string | undefined, remote: string | undefined): boolean =>
    who.kind === 'peer' ? peer === who.peer : text !== undefined && remote === text
  const denials = engine.denials.recent((_, by) => accepts(by?.peer, by?.remote.text), EXPLAINED_DENIALS_MAX)
  return { subject, kind: who.kind, rules: rulesFor(engine, who), bans: bansFor(engine, who), denials }
}

/** A prefix is explained by its first address; a peer by the address of a connection it has. */
function identify(engine: Engine, subject: string): Who {
  const slash = subject.startsWith('/') ? -1 : subject.indexOf('/')
  if (slash > 0) {
    const network = parseNetwork(subject)
    if (!network.ok) return { kind: 'unknown', peer: undefined, remote: undefined }
    const first = network.version === 4 ? formatIp4(network.a) : formatIp6(network.a, network.b, network.c, network.d)
    const remote = parseAddress(first)
    return { kind: 'prefix', peer: undefined, remote: remote.ok ? remote : undefined }
  }
  const address = parseAddress(subject)
  if (address.ok) return { kind: 'ip', peer: address.peer, remote: address }
  for (let connection = engine.connections; connection !== undefined; connection = connection.next) {
    if (connection.peer === subject) return { kind: 'peer', peer: subject, remote: connection.remote }
  }
  const known = engine.graph.peers.has(subject) || engine.denials.recent((_, by) => by?.peer === subject, 1).length > 0
  const banned = engine.gate.barrier(undefined, subject, engine.now()) !== undefined
  return { kind: known || banned ? 'peer' : 'unknown', peer: subject, remote: undefined }
}

function bansFor(engine: Engine, { remote, peer }: Who): Explanation['bans'] {
  const barrier = engine.gate.barrier(remote, peer, engine.now())
  return barrier?.rule === 'gate.ban' ? engine.gate.bans().filter(ban => ban.target === barrier.target) : []
}

function rulesFor(engine: Engine, who: Who): ExplainedRule[] {
  const { graph } = engine
  const { remote, peer } = who
  const rules = gateRules(engine, who)
  if (remote !== undefined) rules.push(...connectionRateRules(engine, remote), ...prefixRules(engine, remote))
  rules.push(...scopeRules(engine, graph.transient, 'transient'), ...scopeRules(engine, graph.system, 'system'))
  const scope = peer === undefined ? undefined : graph.peers.get(peer)
  if (scope !== undefined) rules.push(...scopeRules(engine, scope, 'peerDefault', 'peers'), ...peerSubRules(engine, scope))
  if (peer !== undefined) rules.push(...peerRateRules(engine, peer))
  return rules
}

function gateRules(engine: Engine, { remote, peer }: Who): ExplainedRule[] {
  const barrier = engine.gate.barrier(remote, peer, engine.now())
  return (['gate.deny', 'gate.ban'] as const).map(rule => {
    const passes = barrier?.rule !== rule
    const base = { rule, scope: passes ? 'system' : barrier.target, resource: 'none' as const, current: 0, limit: 0 }
    const mode = engine.modeOf(rule)
    if (passes) return { ...base, mode, passes, policyPath: rule }
    const remedy = rule === 'gate.deny' ? `Take ${barrier.target} off gate.deny.` : `Unban ${barrier.target}, or wait for the ban to end.`
    return { ...base, mode, passes, policyPath: rule, remedy }
  })
}

/** One rule of a limit: held, limit, and whether one more fits. Memory passes while a connection's cost does. */
function limitRule(
  engine: Engine,
  rule: RuleName,
  scope: string,
  resource: number,
  current: number,
  limit: number,
  path: string,
): ExplainedRule {
  const wanted = resource === MEMORY ? engine.connectionCost : 1
  const passes = wanted <= limit - current
  const base = { rule, scope, resource: RESOURCES[resource] ?? 'none', current, limit, mode: engine.modeOf(rule), passes, policyPath: path }
  return passes
    ? base
    : {
        ...base,
        remedy: `Raise ${path} to at least ${current + wanted}, or wait until ${current + wanted - limit} of ${current} are released.`,
      }
}

function prefixRules(engine: Engine, remote: Address): ExplainedRule[] {
  return engine.prefixes.describe(remote).flatMap(({ name, limits, scope, policyPath }) => {
    const rule = (resource: number, field: string): ExplainedRule[] => {
      const limit = limitOf(limits, resource)
      const current = scope === undefined ? 0 : heldOf(scope, resource)
      return limit >= COUNT_UNLIMITED ? [] : [limitRule(engine, 'limit.prefix', name, resource, current, limit, `${policyPath}.${field}`)]
    }
    return [...rule(CONNECTIONS, 'connections'), ...rule(CONNECTIONS_PENDING, 'pending'), ...rule(STREAMS_INBOUND, 'streams')]
  })
}

/** Resources of a connection. A peer's part of a protocol or service holds streams and memory only, so these limits, 0 by default, refuse nobody there. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connections',
  'connectionsInbound',
  'connectionsOutbound',
  'fileDescriptors',
] satisfies Resource[])

/** Every finite limit of a scope that can refuse. @param overrides group of the policy that may name it */
function scopeRules(engine: Engine, scope: Scope, standard: keyof ScopeLimits, overrides?: keyof ScopeLimits): ExplainedRule[] {
  const rules: ExplainedRule[] = []
  const isShared = scope.scopeClass === 'protocolPeer' || scope.scopeClass === 'servicePeer'
  for (let resource = CONNECTIONS; resource <= MEMORY; resource++) {
    const limits: LimitTable = scope.limits
    const limit = limitOf(limits, resource)
    const field = RESOURCES[resource] ?? 'none'
    if (isShared && OF_CONNECTIONS.has(field)) continue
    if (limit >= (resource === MEMORY ? UNLIMITED : COUNT_UNLIMITED) || resource === CONNECTIONS_PENDING) continue
    const group = overrides === undefined ? undefined : (engine.policy.limits[overrides] as Readonly<Record<string, object>>)[scope.key]
    const path = group !== undefined && field in group ? ['limits', overrides ?? standard, scope.key, field] : ['limits', standard, field]
    rules.push(limitRule(engine, `limit.${scope.scopeClass}`, scope.name, resource, heldOf(scope, resource), limit, formatPath(path)))
  }
  return rules
}

function peerSubRules(engine: Engine, peer: Scope): ExplainedRule[] {
  return [...engine.graph.subScopes(peer)].flatMap(sub =>
    sub.scopeClass === 'protocolPeer'
      ? scopeRules(engine, sub, 'protocolPeerDefault', 'protocolPeers')
      : scopeRules(engine, sub, 'servicePeerDefault', 'servicePeers'),
  )
}

/** The rate of new connections at every level of an address that has an account. */
function connectionRateRules(engine: Engine, remote: Address): ExplainedRule[] {
  const { table, connectionRates } = engine
  const rules: ExplainedRule[] = []
  if (engine.prefixes.describe(remote).length === 0) return rules
  for (let row = table.find(remote); row >= 0; row = table.parent(row)) {
    const level = table.level(row)
    if (level === NODE) break
    const family = level < V6_32 ? 'ipv4' : remote.kind === 'ip6' ? 'ipv6' : remote.kind
    const path =
      remote.kind === 'ip4' || remote.kind === 'ip6'
        ? `prefixes.${family}.${RATE_LEVEL_OF[level] ?? 'ip'}.rate`
        : `prefixes.${remote.kind}.rate`
    rules.push(...rateRule(engine, connectionRates.kind, row, path))
  }
  return rules
}

function peerRateRules(engine: Engine, peer: string): ExplainedRule[] {
  const row = engine.table.findNamed(PEER_ROW, peer)
  if (row < 0) return []
  return [...engine.rates.kinds()].flatMap(kind => rateRule(engine, kind, row, `rates.${kind.name}.peer`))
}

/** Level code of a peer's row. */
const PEER_ROW = RATE_LEVEL_OF.indexOf('peer')

function rateRule(engine: Engine, kind: RateKind, row: number, policyPath: string): ExplainedRule[] {
  const gcra = kind.rateOf(row)
  if (gcra === undefined) return []
  const current = kind.spentAt(row, engine.rates.time(engine.now()))
  const passes = current + 1 <= gcra.burst
  const base = {
    rule: kind.rule,
    scope: engine.table.name(row),
    resource: 'rate' as const,
    current,
    limit: gcra.burst,
    mode: engine.modeOf(kind.rule),
    passes,
    policyPath,
  }
  return [passes ? base : { ...base, remedy: `Wait ${Math.ceil(gcra.intervalMs)} ms for the next one, or raise ${policyPath}.` }]
}
