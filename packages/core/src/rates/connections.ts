/**
 * The rate of new inbound connections: `policy.prefixes.*.rate`, by level of the address, and the rates of the policy's networks, the most specific of which stands in for all levels of the addresses inside it.
 *
 * A second one with half the burst says when an address should first prove that it is its sender's (QUIC Retry): go-libp2p's rule, so that spoofed addresses run dry before the true ones they name are refused.
 */

import type { Address } from '../address.ts'
import { parseNetwork } from '../gate/entries.ts'
import { PrefixTable } from '../gate/prefixes.ts'
import type { Policy, Rate } from '../policy/policy.ts'
import { isExempt, NETWORK, NODE, OTHER, RELAY, V4_16, V4_24, V4_IP, V6_32, V6_48, V6_56, V6_IP } from '../principals/levels.ts'
import type { PrincipalTable } from '../principals/table.ts'
import { compileRate, type Gcra } from './gcra.ts'
import { type KindLevels, RateKind } from './kind.ts'

type Prefixes = Policy['prefixes']

/** A network with a rate of its own. */
interface NetworkRate {
  readonly network: string
  readonly isPerIp: boolean
  /** undefined: unlimited. */
  readonly rate: Gcra | undefined
}

/** Kind numbers of these two; they have no cells on connections, so the numbers are never used as an index. */
const NO_CELL = -1

function compileShare(rate: Rate | 'unlimited', share: number): Gcra | undefined {
  return rate === 'unlimited' ? undefined : compileRate({ perSecond: rate.perSecond, burst: Math.ceil(rate.burst * share) })
}

function levelsOf({ ipv4, ipv6, relay, other }: Prefixes, share: number): KindLevels {
  const levels: (Gcra | undefined)[] = []
  const put = (level: number, rate: Rate | 'unlimited'): void => {
    levels[level] = compileShare(rate, share)
  }
  put(NODE, 'unlimited')
  put(V4_16, ipv4['/16'].rate)
  put(V4_24, ipv4['/24'].rate)
  put(V4_IP, ipv4.ip.rate)
  put(V6_32, ipv6['/32'].rate)
  put(V6_48, ipv6['/48'].rate)
  put(V6_56, ipv6['/56'].rate)
  put(V6_IP, ipv6.ip.rate)
  put(RELAY, relay.rate)
  put(OTHER, other.rate)
  return { connection: undefined, levels }
}

export class ConnectionRates {
  readonly kind: RateKind
  readonly #table: PrincipalTable
  readonly #share: number
  #prefixes: Prefixes
  #networks: PrefixTable
  #rates: readonly NetworkRate[]

  /** @param name of the kind; the rule is `rate.<name>`. @param share of the burst, 0 to 1. @default 1 */
  constructor(name: string, table: PrincipalTable, prefixes: Prefixes, share = 1) {
    this.#table = table
    this.#share = share
    this.#prefixes = prefixes
    this.#networks = new PrefixTable()
    this.#rates = []
    this.kind = new RateKind(name, NO_CELL, table, levelsOf(prefixes, share))
    this.setPolicy(prefixes)
  }

  /** New rates from now on; what was spent stays. */
  setPolicy(prefixes: Prefixes): void {
    this.#prefixes = prefixes
    this.kind.setRates(levelsOf(prefixes, this.#share))
    this.#networks = new PrefixTable()
    const rates: NetworkRate[] = []
    for (const { network, per, rate } of prefixes.networks) {
      const parsed = parseNetwork(network)
      if (!parsed.ok || rate === undefined) continue
      this.#networks.set(parsed, rates.length)
      rates.push({ network, isPerIp: per === 'ip', rate: compileShare(rate, this.#share) })
    }
    this.#rates = rates
  }

  /**
   * The row that new connections from this address are charged to, with those above it; 0 (the node) when no rate concerns it. Made when there is none.
   * @param hint where it may be, see `PrincipalTable.place`. @default 0, no hint
   */
  place(address: Address, hint = 0): number {
    const own = this.#rates.length === 0 ? -1 : this.#match(address)
    const network = own < 0 ? undefined : this.#rates[own]
    if (network !== undefined) {
      if (network.rate === undefined) return 0
      const row = this.#table.named(NETWORK, network.isPerIp ? `${network.network} ${placeText(address)}` : network.network, 0)
      if (row !== 0) {
        this.kind.setOwnRate(row, network.rate)
        return row
      }
    }
    return isExempt(address, this.#prefixes) ? 0 : this.#table.place(address, hint)
  }

  #match({ kind, a, b, c, d }: Address): number {
    if (kind === 'ip4') return this.#networks.match(4, a, b, c, d)
    return kind === 'ip6' ? this.#networks.match(6, a, b, c, d) : -1
  }
}

/** An IP as a principal: of IPv6 the /64. */
function placeText({ kind, a, b }: Address): string {
  return kind === 'ip4' ? String(a) : `${a}:${b}`
}
