/** What the process to be killed and the one that kills it must agree on. */

import type { Budgets } from '@sluice/core'

export const IPS = ['203.0.113.1', '203.0.113.2', '203.0.114.1', '2001:db8::1'] as const

/** Nothing refuses, everything counts: the longer it runs, the more could be forgiven. */
export const BUDGETS: Budgets = {
  peer: { hour: 'unlimited', day: 'unlimited' },
  ip: { hour: 'unlimited', day: 'unlimited' },
  '/24': { day: 'unlimited' },
  '/48': { day: 'unlimited' },
  node: { day: 'unlimited', month: 'unlimited' },
}

export const CHUNK = 65_536

/** Largest reservation; a quarter of a chunk, so that a lease with what it was asked for stays within one. */
export const TRANSFER_MAX = 16_384
