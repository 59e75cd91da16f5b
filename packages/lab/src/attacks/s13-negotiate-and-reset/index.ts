/**
 * Opens a stream, agrees on a protocol and resets, 7,000 times a second over two connections.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { dataFrame, frame, proposal, RST, SYN, WINDOW_UPDATE } from '../../wire/frames.ts'

/** Per connection; 7,000 a second over both. */
const STREAMS_PER_SECOND = 3_500
const BATCH = 35

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.settle()
  const first = proposal('/ipfs/ping/1.0.0')
  let opened: readonly number[] = []
  while (lane.running && session.open) {
    const next = Array.from({ length: BATCH }, () => session.takeId())
    await lane.pace(STREAMS_PER_SECOND, BATCH)
    // The last batch is reset one batch later, so that its negotiation has been answered.
    const resets = opened.map(id => frame(WINDOW_UPDATE, RST, id, 0))
    await session.write(Buffer.concat([...resets, ...next.map(id => dataFrame(SYN, id, first))]))
    opened = next
  }
}

export const negotiateAndReset: Scenario = {
  name: 's13-negotiate-and-reset',
  title: 'negotiate and reset',
  proves: 'a stream that is agreed and dropped at once counts like one that is used',
  lanes: 2,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
