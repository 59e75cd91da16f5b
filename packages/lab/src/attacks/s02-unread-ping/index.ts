/**
 * Sends ping payload and never grants window for the replies. The stock handler waits for its write side while its read side keeps being filled.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { flood } from '../flood.ts'

async function attack(lane: Lane): Promise<void> {
  await flood(lane, '/ipfs/ping/1.0.0', 2, 85_000_000)
}

export const unreadPing: Scenario = {
  name: 's02-unread-ping',
  title: 'unread ping',
  proves: 'the stock ping service costs bounded memory when the peer never reads its replies',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 0 },
  attack,
}
