/**
 * Opens a thousand streams on each connection and says nothing on them: 12 bytes each. A stock node keeps every one until its negotiation times out.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { frame, SYN, WINDOW_UPDATE } from '../../wire/frames.ts'

/** A stock muxer admits this many. */
const STREAMS = 1000

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.settle()
  let open = 0
  while (lane.running && session.open) {
    const missing = STREAMS - (open - session.resets)
    if (missing > 0) {
      const frames = Array.from({ length: missing }, () => frame(WINDOW_UPDATE, SYN, session.takeId(), 0))
      open += missing
      await session.write(Buffer.concat(frames))
    }
    await lane.sleep(250)
  }
}

export const silentStreams: Scenario = {
  name: 's06-silent-streams',
  title: 'silent streams',
  proves: 'streams that never name a protocol are bounded in number and in rate',
  lanes: 20,
  seconds: 15,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}

/** The same from 150 connections. */
export const silentStreamsMany: Scenario = {
  ...silentStreams,
  name: 's06b-silent-streams-many',
  title: 'silent streams, 150 connections',
  lanes: 150,
  seconds: 20,
}
