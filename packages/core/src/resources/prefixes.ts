/**
 * Prefix scopes: how many inbound connections an IP and the prefixes around it hold, how many of them have no peer yet, and the streams on them. IPv4: /32, /24, /16;
 * IPv6: /64, /56, /48, /32. A relayed connection is charged to its relay, any other non-IP one to its kind of address, never to an IP that is not the remote's.
 *
 * The path of an address (its scopes, narrow to wide) is made once per IP and shared by its connections, so that admitting another one is one lookup. Scopes exist
 * while somebody is connected; empty ones are kept for the next caller up to `IDLE_PATHS_MAX`, so the tables hold at most one path per open connection and that
 * many more.
 */

import type { Address } from '../address.ts'
import { formatNetwork, parseNetwork } from '../gate/entries.ts'
import { type NetworkKey, PrefixTable } from '../gate/prefixes.ts'
import type { NetworkLimits, Policy } from '../policy/policy.ts'
import { PREFIX } from './counters.ts'
import type { LimitTable } from './limits.ts'
import { PrefixScopeLevel, prefixLimits } from './prefix-level.ts'
import { PrefixPath } from './prefix-path.ts'
import { Scope } from './scope.ts'

/** Paths without a connection that are kept for the next one. */
export const IDLE_PATHS_MAX = 4096

const UNBOUNDED = { connections: 'unlimited', pending: 'unlimited', streams: 'unlimited' } as const

/** A prefix as `explain` shows it. */
export interface DescribedPrefix {
  readonly name: string
  readonly limits: LimitTable
  readonly scope: Scope | undefined
  /** Policy path of the level or network. */
  readonly policyPath: string
}

/** A network with limits of its own: one path for everybody inside, or a level of its own where each IP gets these limits. */
interface NetworkRule {
  /** Of the entry in `prefixes.networks`. */
  readonly index: number
  readonly whole: PrefixPath | undefined
  readonly levels: readonly PrefixScopeLevel[]
}

/** Does it say how many at once? One that gives a rate alone leaves that to the levels. */
function holdsNumbers({ connections, pending, streams }: NetworkLimits): boolean {
  return connections !== undefined || pending !== undefined || streams !== undefined
}

function networkRule(index: number, network: NetworkLimits, key: NetworkKey): NetworkRule {
  const { connections = 'unlimited', pending = 'unlimited', streams = 'unlimited' } = network
  const limits = prefixLimits({ connections, pending, streams })
  if (network.per !== 'ip') return { index, whole: new PrefixPath([new Scope(PREFIX, `prefix:${formatNetwork(key)}`, limits)]), levels: [] }
  return {
    index,
    whole: undefined,
    levels: key.version === 4 ? [new PrefixScopeLevel(32, false, limits)] : [new PrefixScopeLevel(64, true, limits)],
  }
}

type PrefixPolicy = Policy['prefixes']

export class PrefixScopes {
  /** Narrow to wide. */
  #ip4: readonly PrefixScopeLevel[] = []
  #ip6: readonly PrefixScopeLevel[] = []
  /** Numbers of `#rules`, by network; the most specific one matches. */
  #networks: PrefixTable = new PrefixTable()
  #rules: readonly NetworkRule[] = []
  #relayLimits: LimitTable = prefixLimits(UNBOUNDED)
  #otherLimits: LimitTable = this.#relayLimits
  #loopbackExempt = false
  #privateExempt = false
  readonly #named: Map<string, PrefixPath> = new Map()
  #paths = 0
  /** Paths in the table without a connection. */
  #idlePaths = 0

  constructor(policy: PrefixPolicy) {
    this.applyPolicy(policy)
  }

  /** Paths in the table: at most one per open connection and `IDLE_PATHS_MAX` more. */
  get size(): number {
    return this.#paths
  }

  /** Puts a policy in force. Paths handed out before are forgotten: whoever holds connections charges them again through `path`. */
  applyPolicy(policy: PrefixPolicy): void {
    const { ipv4, ipv6 } = policy
    this.#ip4 = [
      new PrefixScopeLevel(32, false, prefixLimits(ipv4.ip)),
      new PrefixScopeLevel(24, false, prefixLimits(ipv4['/24'])),
      new PrefixScopeLevel(16, false, prefixLimits(ipv4['/16'])),
    ]
    this.#ip6 = [
      new PrefixScopeLevel(64, true, prefixLimits(ipv6.ip)),
      new PrefixScopeLevel(56, true, prefixLimits(ipv6['/56'])),
      new PrefixScopeLevel(48, true, prefixLimits(ipv6['/48'])),
      new PrefixScopeLevel(32, true, prefixLimits(ipv6['/32'])),
    ]
    this.#networks = new PrefixTable()
    const rules: NetworkRule[] = []
    for (const [index, network] of policy.networks.entries()) {
      const key = parseNetwork(network.network)
      if (!key.ok || !holdsNumbers(network)) continue
      this.#networks.set(key, rules.length)
      rules.push(networkRule(index, network, key))
    }
    this.#rules = rules
    this.#relayLimits = prefixLimits(policy.relay)
    this.#otherLimits = prefixLimits(policy.other)
    this.#loopbackExempt = policy.loopback === 'exempt'
    this.#privateExempt = policy.private === 'exempt'
    this.#named.clear()
    this.#paths = 0
    this.#idlePaths = 0
  }

  /** The scopes of an inbound connection from this address. */
  path(address: Address): PrefixPath {
    if (address.kind !== 'ip4' && address.kind !== 'ip6') return this.#namedPath(address)
    if (this.#rules.length > 0) {
      const rule = this.#rules[this.#match(address)]
      if (rule !== undefined) return rule.whole ?? this.#ipPath(address, rule.levels)
    }
    if (this.#isExempt(address)) return PrefixPath.NONE
    return this.#ipPath(address, address.kind === 'ip4' ? this.#ip4 : this.#ip6)
  }

  /** The limits an address stands under, narrow to wide, with the scope where somebody is connected. Makes nothing. */
  describe(address: Address): readonly DescribedPrefix[] {
    if (address.kind === 'relay' || address.kind === 'other') {
      const limits = address.kind === 'relay' ? this.#relayLimits : this.#otherLimits
      return [{ name: address.text, limits, scope: this.#named.get(address.text)?.scopes[0], policyPath: `prefixes.${address.kind}` }]
    }
    const rule = this.#rules[this.#match(address)]
    const policyPath = `prefixes.networks[${rule?.index}]`
    const whole = rule?.whole?.scopes[0]
    if (whole !== undefined) return [{ name: whole.name, limits: whole.limits, scope: whole, policyPath }]
    if (rule === undefined && this.#isExempt(address)) return []
    const family = address.kind === 'ip4' ? 'ipv4' : 'ipv6'
    const levels = rule?.levels ?? (address.kind === 'ip4' ? this.#ip4 : this.#ip6)
    return levels.map((level, depth) => {
      const scope = level.knownScope(address)
      const path = `prefixes.${family}.${depth === 0 ? 'ip' : `/${level.bits}`}`
      return { name: level.name(address), limits: scope?.limits ?? level.limits, scope, policyPath: rule === undefined ? path : policyPath }
    })
  }

  /** One more connection on this path, without a peer. */
  enter(path: PrefixPath): void {
    if (path.connections === 0) this.#idlePaths--
    path.add()
  }

  /** One connection less on this path. @param pending it never had a peer */
  leave(path: PrefixPath, pending: boolean): void {
    path.remove(pending)
    if (path.connections === 0 && ++this.#idlePaths > IDLE_PATHS_MAX) this.sweep()
  }

  /** The scope of a prefix (`192.0.2.0/24`, `relay:ID`, …) while it is in use. */
  find(key: string): Scope | undefined {
    const name = key.startsWith('relay:') || key.startsWith('other:') || key.startsWith('prefix:') ? key : `prefix:${key}`
    for (const scope of this.scopes()) if (scope.key === name) return scope
    return undefined
  }

  /** Every prefix scope in use. */
  *scopes(): IterableIterator<Scope> {
    for (const level of this.#levels()) for (const [, , scope] of level.scopes.entries()) yield scope
    for (const path of this.#named.values()) yield* path.scopes
    for (const rule of this.#rules) if (rule.whole !== undefined) yield* rule.whole.scopes
  }

  /** Forgets what nobody is connected through. */
  sweep(): void {
    let left = 0
    for (const level of this.#levels()) left += level.sweep()
    for (const [name, path] of this.#named) {
      if (path.idle) this.#named.delete(name)
      else left++
    }
    this.#paths = left
    this.#idlePaths = 0
  }

  /** Number of the most specific rule about an IP address; -1 for none. */
  #match({ kind, a, b, c, d }: Address): number {
    return this.#rules.length === 0 ? -1 : this.#networks.match(kind === 'ip4' ? 4 : 6, a, b, c, d)
  }

  #isExempt({ locality }: Address): boolean {
    return locality === 'loopback' ? this.#loopbackExempt : locality === 'private' && this.#privateExempt
  }

  *#levels(): IterableIterator<PrefixScopeLevel> {
    yield* this.#ip4
    yield* this.#ip6
    for (const rule of this.#rules) yield* rule.levels
  }

  #ipPath(address: Address, levels: readonly PrefixScopeLevel[]): PrefixPath {
    const narrowest = levels[0]
    if (narrowest === undefined) return PrefixPath.NONE
    const known = narrowest.knownPath(address)
    if (known !== undefined) return known
    this.#makeRoom()
    const path = new PrefixPath(levels.map(level => level.scope(address)))
    narrowest.keep(address, path)
    return path
  }

  #namedPath(address: Address): PrefixPath {
    const name = address.text
    const known = this.#named.get(name)
    if (known !== undefined) return known
    this.#makeRoom()
    const path = new PrefixPath([new Scope(PREFIX, name, address.kind === 'relay' ? this.#relayLimits : this.#otherLimits)])
    this.#named.set(name, path)
    return path
  }

  /** Before a new path is made: a sweep after it would forget it again. */
  #makeRoom(): void {
    if (this.#idlePaths >= IDLE_PATHS_MAX) this.sweep()
    this.#paths++
    this.#idlePaths++
  }
}
