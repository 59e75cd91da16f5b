/**
 * One DATA header with a length of almost 4 GB for a stream that does not exist, then its body. A stock decoder collects the body before it looks at anything.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { DATA, frame } from '../../wire/frames.ts'
import { PAYLOAD_BYTES_MAX } from '../../wire/session.ts'

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.write(frame(DATA, 0, 99, 0xffff_ffff))
  const payload = Buffer.alloc(PAYLOAD_BYTES_MAX)
  while (lane.running && session.open) {
    await lane.pace(170_000_000, payload.byteLength)
    await session.write(payload)
  }
}

export const endlessFrame: Scenario = {
  name: 's03-endless-frame',
  title: 'endless frame',
  proves: 'a frame that claims 4 GB is refused by its header, not collected',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
