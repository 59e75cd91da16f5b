/**
 * Fills the read buffers of 32 streams on each of 40 connections whose handler never reads. Every buffer is inside its own limit; the sum has none.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'
import { HOLD } from '../../server/protocols.ts'
import type { Session, SessionStream } from '../../wire/session.ts'
import { PAYLOAD_BYTES_MAX } from '../../wire/session.ts'

/** A stream that is granted no window for so long is left as full as it is, and the next one is filled. */
const STALL_MS = 500
/** Of the 4 MiB a stock stream keeps before it resets. */
const FILL_BYTES = 4 * 2 ** 20 - 256 * 1024
const STREAMS = 32

async function attack(lane: Lane): Promise<void> {
  const session = await lane.connect()
  await session.settle()
  const payload = Buffer.alloc(PAYLOAD_BYTES_MAX)
  while (lane.running && session.open) {
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => session.openStream(HOLD)))
    for (const stream of streams) await fill(lane, session, stream, payload)
    // Hold what is there until the other side has given every stream up.
    while (lane.running && session.open && streams.some(stream => !stream.ended)) await lane.sleep(100)
  }
}

async function fill(lane: Lane, session: Session, stream: SessionStream, payload: Uint8Array): Promise<void> {
  for (let sent = 0; sent < FILL_BYTES && lane.running; ) {
    await lane.pace(5_000_000, PAYLOAD_BYTES_MAX)
    const bytes = await Promise.race([session.send(stream, payload), lane.sleep(STALL_MS).then(() => 0)])
    if (bytes === 0) return
    sent += bytes
  }
}

export const unreadStreams: Scenario = {
  name: 's05-unread-streams',
  title: 'streams nobody reads',
  proves: 'many streams that no handler reads stay inside one memory budget',
  lanes: 40,
  seconds: 15,
  thresholds: PROTECTED,
  ci: { seconds: 5, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 0 },
  attack,
}
