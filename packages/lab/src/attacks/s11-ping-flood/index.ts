/**
 * Pings of 32 bytes, each in a frame and an encrypted message of its own, more than one core can answer, over four connections, all replies read.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { dataFrame } from '../../wire/frames.ts'

const STREAMS = 2
/** Per connection; 48,000 a second over all four: what saturates a core of the server. */
const PINGS_PER_SECOND = 12_000
const BATCH = 120
const PAYLOAD_BYTES = 32
const WINDOW_BYTES = 2 ** 30

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  const streams = await Promise.all(Array.from({ length: STREAMS }, () => session.openStream('/ipfs/ping/1.0.0', WINDOW_BYTES)))
  const payload = Buffer.alloc(PAYLOAD_BYTES, 7)
  while (lane.running && session.open) {
    for (const [place, stream] of streams.entries()) {
      if (stream.ended) {
        streams[place] = await session.openStream('/ipfs/ping/1.0.0', WINDOW_BYTES)
        continue
      }
      await lane.pace(PINGS_PER_SECOND, BATCH)
      while (stream.sendWindowBytes < BATCH * PAYLOAD_BYTES && !stream.ended && session.open) await stream.changed()
      if (stream.ended || !session.open) continue
      stream.sendWindowBytes -= BATCH * PAYLOAD_BYTES
      // Each in an encrypted message of its own, so that each is a decryption for the server too.
      const written = Array.from({ length: BATCH }, () => session.write(dataFrame(0, stream.id, payload)))
      await Promise.all(written)
    }
  }
}

export const pingFlood: Scenario = {
  name: 's11-ping-flood',
  title: 'ping flood',
  proves: 'cheap requests on an open stream are limited by rate or by turn',
  lanes: 4,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 0 },
  attack,
}
