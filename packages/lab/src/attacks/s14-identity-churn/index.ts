/**
 * Connects with a new identity, agrees on one protocol and leaves, 86 times a second. What is written down about each of them stays.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'

/** Per lane; 86 a second over all eight. */
const IDENTITIES_PER_SECOND = 10.75
const PATIENCE_MS = 2_000

async function attack(lane: Lane): Promise<void> {
  await lane.pace(IDENTITIES_PER_SECOND, 1)
  const session = await lane.connect()
  // A stream whose protocol is agreed makes the node write the peer down.
  const stream = await session.openStream('/ipfs/ping/1.0.0')
  await session.send(stream, Buffer.alloc(32))
  await Promise.race([stream.changed(), session.closed, lane.sleep(PATIENCE_MS)])
  session.leave()
}

export const identityChurn: Scenario = {
  name: 's14-identity-churn',
  title: 'identity churn',
  proves: 'fresh identities do not fill the peer store',
  lanes: 8,
  seconds: 15,
  thresholds: PROTECTED,
  ci: { seconds: 5, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1, layout: 'one' },
  attack,
}
