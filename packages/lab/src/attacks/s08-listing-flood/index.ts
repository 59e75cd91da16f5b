/**
 * Asks for the list of protocols over and over in the negotiation of a stream: four bytes in, the whole list out.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { multistreamMessage } from '../../wire/frames.ts'

/** Streams asking at the same time; each asks again on a new one when it is ended. */
const STREAMS = 4
const ASKS_PER_SECOND = 140_000
const ASKS = 1024
/** Room for the answers of a whole phase. */
const WINDOW_BYTES = 2 ** 30

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  const asks = Buffer.concat(Array.from({ length: ASKS }, () => multistreamMessage('ls')))
  const streams = await Promise.all(Array.from({ length: STREAMS }, () => session.openStream('ls', WINDOW_BYTES)))
  while (lane.running && session.open) {
    for (const [place, stream] of streams.entries()) {
      await lane.pace(ASKS_PER_SECOND, ASKS)
      if (stream.ended) streams[place] = await session.openStream('ls', WINDOW_BYTES)
      else await session.send(stream, asks)
    }
  }
}

export const listingFlood: Scenario = {
  name: 's08-listing-flood',
  title: 'listing flood',
  proves: 'multistream messages on one stream are limited in number',
  lanes: 1,
  seconds: 12,
  thresholds: PROTECTED,
  ci: { seconds: 4, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1 },
  attack,
}
