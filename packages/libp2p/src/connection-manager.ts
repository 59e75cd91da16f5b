/**
 * `options.connectionManager`: what of it is policy, and what is left to js-libp2p.
 *
 * Its names stay where its users know them and set the corresponding limits here; `policy` wins where both speak, and the allow and deny lists of both are joined.
 * In `enforce` its own caps on accepting are switched off, because ours stand in front of them and theirs are wrong in known ways: one pending table for the whole world,
 * of ten, that ten silent sockets fill, and that an allow-listed socket switches off for everybody. In `observe` they stay as they are: observing changes nothing.
 */

import type { Limit, Mode, PolicyInput, Rate } from '@sluice/core'
import type { ConnectionManagerInit } from 'libp2p'

/** Default of `policy.transports.upgradeDeadlineMinMs`, which must not exceed the deadline. */
const UPGRADE_DEADLINE_MIN_MS = 3_000

/** The most per second, and the largest burst, that a rate of a policy may name. */
const RATE_PER_SECOND_MAX = 1e6

/** The policy that the connection manager's names amount to. */
export function policyFromConnectionManager(init: ConnectionManagerInit = {}): PolicyInput {
  const { maxConnections, maxIncomingPendingConnections, inboundConnectionThreshold, allow, deny, inboundUpgradeTimeout } = init
  const rate = inboundConnectionThreshold === undefined ? undefined : rateOf(inboundConnectionThreshold)
  return {
    ...((maxConnections !== undefined || maxIncomingPendingConnections !== undefined) && {
      limits: {
        ...(maxConnections !== undefined && { system: { connections: limitOf(maxConnections) } }),
        ...(maxIncomingPendingConnections !== undefined && { transient: { connectionsInbound: limitOf(maxIncomingPendingConnections) } }),
      },
    }),
    ...(rate !== undefined && { prefixes: { ipv4: { ip: { rate } }, ipv6: { ip: { rate } } } }),
    ...((allow !== undefined || deny !== undefined) && {
      gate: { ...(allow !== undefined && { allow }), ...(deny !== undefined && { deny }) },
    }),
    ...(inboundUpgradeTimeout !== undefined && {
      transports: {
        upgradeDeadlineMs: inboundUpgradeTimeout,
        ...(inboundUpgradeTimeout < UPGRADE_DEADLINE_MIN_MS && { upgradeDeadlineMinMs: inboundUpgradeTimeout }),
      },
    }),
  }
}

/** `Infinity`, and what is as good as that, is how js-libp2p says that there is no limit. */
function limitOf(count: number): Limit {
  return count > Number.MAX_SAFE_INTEGER ? 'unlimited' : count
}

/** The same of connections a second; no machine accepts more than a policy can say. */
function rateOf(perSecond: number): Rate | 'unlimited' {
  return perSecond > RATE_PER_SECOND_MAX ? 'unlimited' : { perSecond, burst: perSecond }
}

/** What js-libp2p's connection manager gets to see. */
export function connectionManagerFor(init: ConnectionManagerInit = {}, mode: Mode): ConnectionManagerInit {
  if (mode === 'observe') {
    return init
  }
  return {
    ...init,
    allow: [],
    deny: [],
    maxConnections: init.maxConnections ?? Infinity,
    maxIncomingPendingConnections: Infinity,
    inboundConnectionThreshold: Infinity,
  }
}

type Plain = Readonly<Record<string, unknown>>

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `over` wins; objects are merged, `gate` lists joined, everything else replaced. */
export function mergePolicies(under: PolicyInput, over: PolicyInput): PolicyInput {
  const merged = merge(under as Plain, over as Plain) as PolicyInput
  const joined = (list: 'allow' | 'deny'): readonly string[] => [...new Set([...(under.gate?.[list] ?? []), ...(over.gate?.[list] ?? [])])]
  return under.gate === undefined ? merged : { ...merged, gate: { allow: joined('allow'), deny: joined('deny') } }
}

function merge(under: Plain, over: Plain): Plain {
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    merged[key] = isPlain(below) && isPlain(value) ? merge(below, value) : value
  }
  return merged
}
