/**
 * Yamux PING frames, 100,000 a second; each is answered with a frame, an encryption and a write.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { frame, PING, SYN } from '../../wire/frames.ts'

const PINGS_PER_SECOND = 100_000
const BATCH = 500
/** Frames in one encrypted message. */
const TOGETHER = 10

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  const pings = Buffer.concat(Array.from({ length: TOGETHER }, (_, value) => frame(PING, SYN, 0, value)))
  while (lane.running && session.open) {
    await lane.pace(PINGS_PER_SECOND, BATCH)
    await Promise.all(Array.from({ length: BATCH / TOGETHER }, () => session.write(pings)))
  }
}

export const muxerPings: Scenario = {
  name: 's09-muxer-pings',
  title: 'muxer pings',
  proves: 'control frames are limited by rate',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
