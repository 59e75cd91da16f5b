/**
 * The levels a principal may stand at, how an address is cut to each, and what is local.
 *
 * IPv4: IP = /32, prefixes /24 and /16. IPv6: IP = /64 (another address inside it costs nothing), prefixes /56, /48, /32. A relay and a kind of other address stand
 * directly under the node, and are treated as a /24 where a rule speaks of prefixes: many strangers behind one door.
 */

import type { Address } from '../address.ts'
import { formatIp4, formatIp6 } from '../ip.ts'
import type { Policy, RateLevel } from '../policy/policy.ts'

/** Code of a level; indexes columns. Within a family, a higher code is narrower. */
export type Level = number

export const NODE: Level = 0
export const V4_16: Level = 1
export const V4_24: Level = 2
export const V4_IP: Level = 3
export const V6_32: Level = 4
export const V6_48: Level = 5
export const V6_56: Level = 6
export const V6_IP: Level = 7
export const RELAY: Level = 8
export const OTHER: Level = 9
export const PEER: Level = 10
/** A network of the policy with one account for all of it. */
export const NETWORK: Level = 11
export const LEVEL_COUNT = 12

/** The level above each, within the same family; `NODE` for the widest. */
export const PARENT_LEVEL: readonly Level[] = [-1, NODE, V4_16, V4_24, NODE, V6_32, V6_48, V6_56, NODE, NODE, NODE, NODE]

/** Which rate of a kind applies at each level; undefined where none does. */
export const RATE_LEVEL_OF: readonly (RateLevel | undefined)[] = [
  'node',
  '/16',
  '/24',
  'ip',
  '/32',
  '/48',
  '/56',
  'ip',
  '/24',
  '/24',
  'peer',
  undefined,
]

/** First word of an address at a level. */
export function keyHigh(level: Level, a: number): number {
  return level === V4_16 ? a & 0xffff0000 : level === V4_24 ? a & 0xffffff00 : a
}

/** Second word of an address at a level; 0 for IPv4 and /32. */
export function keyLow(level: Level, b: number): number {
  if (level === V6_IP) return b
  if (level === V6_56) return b & 0xffffff00
  return level === V6_48 ? b & 0xffff0000 : 0
}

const BITS: readonly number[] = [0, 16, 24, 32, 32, 48, 56, 64]

/** Text of a place: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/64`. */
export function formatPlace(level: Level, high: number, low: number): string {
  if (level === V4_IP) return formatIp4(high)
  const ip = level < V6_32 ? formatIp4(high) : formatIp6(high, low, 0, 0)
  return `${ip}/${BITS[level] ?? 0}`
}

/** May an address be left out of prefix limits and rates? Relayed and other addresses never are. */
export function isExempt(address: Address, prefixes: Pick<Policy['prefixes'], 'loopback' | 'private'>): boolean {
  if (address.locality === 'public') return false
  return (address.locality === 'loopback' ? prefixes.loopback : prefixes.private) === 'exempt'
}
