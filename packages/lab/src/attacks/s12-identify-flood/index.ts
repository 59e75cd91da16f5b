/**
 * Asks who the node is, 3,300 times a second over four connections: each answer is a signed record, encoded again.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { FIN, frame, WINDOW_UPDATE } from '../../wire/frames.ts'

const EXCHANGES_PER_SECOND = 825
const WINDOW_BYTES = 2 ** 20

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.settle()
  while (lane.running && session.open) {
    await lane.pace(EXCHANGES_PER_SECOND, 1)
    const stream = await session.openStream('/ipfs/id/1.0.0', WINDOW_BYTES)
    await session.write(frame(WINDOW_UPDATE, FIN, stream.id, 0))
    while (!stream.ended && session.open) await stream.changed()
  }
}

export const identifyFlood: Scenario = {
  name: 's12-identify-flood',
  title: 'identify flood',
  proves: 'identify exchanges are limited by rate per peer and prefix',
  lanes: 4,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
