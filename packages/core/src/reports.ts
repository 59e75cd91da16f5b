/**
 * The shape of what operators ask for: usage, denials, bans, and why something is refused. Plain values, safe to serialise.
 */

import type { Denial, Direction, Resource, RuleName, ScopeClass } from './decision.ts'
import type { Usage } from './handles.ts'
import type { Limits, Mode } from './policy/policy.ts'

export interface ScopeReport {
  readonly name: string
  readonly scopeClass: ScopeClass
  readonly usage: Usage
  readonly limits: Limits
}

/** Whom to ban or allow: an IP, a CIDR, a multiaddr prefix, or a peer id. */
export interface Ban {
  readonly target: string
  readonly createdMs: number
  readonly untilMs: number
  readonly reason: string
}

export interface DenialCount {
  readonly rule: RuleName
  readonly scopeClass: ScopeClass
  readonly resource: Resource
  readonly direction: Direction | undefined
  /** In `observe`: counted, not refused. */
  readonly mode: Mode
  readonly count: number
}

export interface ResourceReport {
  readonly schemaVersion: 1
  readonly atMs: number
  readonly mode: Mode
  readonly system: ScopeReport
  readonly transient: ScopeReport
  readonly allowlistedSystem: ScopeReport
  readonly allowlistedTransient: ScopeReport
  /** Sorted by name. */
  readonly services: readonly ScopeReport[]
  readonly protocols: readonly ScopeReport[]
  /** The fullest scopes, by highest share of any limit; at most `top` of each. */
  readonly peers: readonly ScopeReport[]
  readonly prefixes: readonly ScopeReport[]
  readonly counts: {
    readonly connections: number
    readonly streams: number
    readonly peers: number
    readonly prefixes: number
    readonly spans: number
  }
  readonly denials: readonly DenialCount[]
  readonly bans: number
}

export interface ExplainedRule {
  readonly rule: RuleName
  readonly scope: string
  readonly resource: Resource
  readonly current: number
  readonly limit: number
  readonly mode: Mode
  /** Would one more connection (or the subject's next event) pass this rule now? */
  readonly passes: boolean
  /** The policy path whose value is in force, e.g. `prefixes.ipv4.ip.connections`. */
  readonly policyPath: string
  /** What would have to happen to be let in, when it does not pass. */
  readonly remedy?: string
}

export interface Explanation {
  readonly subject: string
  readonly kind: 'peer' | 'ip' | 'prefix' | 'decision' | 'unknown'
  readonly rules: readonly ExplainedRule[]
  readonly bans: readonly Ban[]
  /** Newest first, at most 20. */
  readonly denials: readonly (Denial & { readonly atMs: number })[]
}
