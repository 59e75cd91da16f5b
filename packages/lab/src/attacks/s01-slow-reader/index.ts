/**
 * Sends as fast as windows allow into a handler that works on each chunk. The muxer grants window on receipt, not on consumption, and the iterator's queue has no bound,
 * so the memory of a stock node grows with the link's speed.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { SINK } from '../../server/protocols.ts'
import { flood } from '../flood.ts'

async function attack(lane: Lane): Promise<void> {
  await flood(lane, SINK, 2, 85_000_000)
}

export const slowReader: Scenario = {
  name: 's01-slow-reader',
  title: 'slow reader',
  proves: 'a handler that reads slowly with `for await` costs bounded memory',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 0 },
  attack,
}
