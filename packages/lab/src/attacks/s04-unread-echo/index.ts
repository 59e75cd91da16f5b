/**
 * Sends into an echo and never grants window for what comes back: the echo's write buffer has no bound by default.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { ECHO } from '../../server/protocols.ts'
import { flood } from '../flood.ts'

async function attack(lane: Lane): Promise<void> {
  await flood(lane, ECHO, 2, 85_000_000)
}

export const unreadEcho: Scenario = {
  name: 's04-unread-echo',
  title: 'unread echo',
  proves: 'a handler that ignores what `send()` returns costs bounded memory when the peer does not read',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 0 },
  attack,
}
