/**
 * Opens and resets streams at once, 28,000 a second: never many at a time, each one work. The stream version of HTTP/2's rapid reset.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { frame, RST, SYN, WINDOW_UPDATE } from '../../wire/frames.ts'

const PAIRS_PER_SECOND = 28_000
const BATCH = 280

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.settle()
  while (lane.running && session.open) {
    const frames: Buffer[] = []
    for (let pair = 0; pair < BATCH; pair++) {
      const id = session.takeId()
      frames.push(frame(WINDOW_UPDATE, SYN, id, 0), frame(WINDOW_UPDATE, RST, id, 0))
    }
    await lane.pace(PAIRS_PER_SECOND, BATCH)
    await session.write(Buffer.concat(frames))
  }
}

export const rapidReset: Scenario = {
  name: 's07-rapid-reset',
  title: 'rapid reset',
  proves: 'opening and resetting streams is limited by rate, whatever the number open at once',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
