/**
 * Where attackers and honest clients connect from. Everything is inside 127.0.0.0/8; the protected server's policy treats it as public Internet,
 * so that address limits count as they would outside.
 *
 * one     all attackers from one address
 * spread  attackers from 32 /24s, each in a /16 of its own: what address limits alone cannot hold
 * open    attackers placed as in `spread`, and the policy's address limits lifted: what is left must hold alone
 */

import type { Random } from './random.ts'

export const LAYOUTS = ['one', 'spread', 'open'] as const
export type Layout = (typeof LAYOUTS)[number]

export const SPREAD_PREFIXES = 32
/** Hosts used in each /24. */
const HOSTS = 250

/** Address of an attacker's next connection. @param turn counts that attacker's connections; a new one may come from another host of its /24 */
export function attackerAddress(layout: Layout, lane: number, turn: number, random: Random): string {
  if (layout === 'one') return '127.66.0.9'
  const prefix = (lane + turn) % SPREAD_PREFIXES
  return `127.${20 + prefix}.${prefix}.${1 + Math.floor(random() * HOSTS)}`
}

/** The long-lived honest client. */
export const HONEST_ADDRESS = '127.200.0.1'

/** Address of the n-th honest newcomer: a /24 of its own for each of the first 12,800, spread over 50 /16s. */
export function newcomerAddress(n: number): string {
  return `127.${201 + (n % 50)}.${Math.floor(n / 50) % 256}.1`
}
