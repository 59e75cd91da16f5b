/**
 * The policy of the protected server, and the one place that imports the adapter: lazily, so that the plain server loads nothing of ours.
 *
 * Loopback is treated as public Internet; else address limits would not count at all. In the `open` layout the address limits, concurrency and rates
 * of every prefix level, are lifted instead. Everything else is the default that a user gets.
 */

import type { Libp2p, ServiceMap } from '@libp2p/interface'
import type { PolicyInput } from '@sluice/core'
import type { SluiceService } from '@sluice/libp2p'
import type { Libp2pOptions } from 'libp2p'
import type { Layout } from '../harness/layouts.ts'

const LIFTED = { connections: 'unlimited', pending: 'unlimited', streams: 'unlimited', rate: 'unlimited' } as const
const PREFIX_LEVELS = ['ip', '/24', '/16', '/56', '/48', '/32'] as const

export async function policyFor(layout: Layout): Promise<PolicyInput> {
  if (layout !== 'open') return { prefixes: { loopback: 'public' } }
  const { validatePolicy } = await import('@sluice/core')
  const lifted = Object.fromEntries(PREFIX_LEVELS.map(level => [level, 'unlimited' as const]))
  return {
    prefixes: {
      loopback: 'public',
      ipv4: { ip: LIFTED, '/24': LIFTED, '/16': LIFTED },
      ipv6: { ip: LIFTED, '/56': LIFTED, '/48': LIFTED, '/32': LIFTED },
    },
    rates: Object.fromEntries(Object.keys(validatePolicy({}).rates).map(kind => [kind, lifted])),
  }
}

export async function protectedNode<T extends ServiceMap>(
  options: Libp2pOptions<T>,
  policy: PolicyInput,
): Promise<Libp2p<T & { sluice: SluiceService }>> {
  const { createLibp2p } = await import('libp2p')
  const { protect } = await import('@sluice/libp2p')
  return await createLibp2p(protect(options, policy))
}
