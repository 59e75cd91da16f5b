/**
 * What S1, S2 and S4 share: as many bytes as windows allow into a few streams of one protocol, never reading what comes back.
 */

import type { Lane } from '../harness/scenario.ts'
import type { Session } from '../wire/session.ts'
import { PAYLOAD_BYTES_MAX } from '../wire/session.ts'

/** Until the session ends; a stream that ends is opened again. @param bytesPerSecond of each stream, at most */
export async function flood(lane: Lane, protocol: string, streams: number, bytesPerSecond: number): Promise<void> {
  const session = await lane.connect()
  await Promise.all(Array.from({ length: streams }, () => fillStreams(lane, session, protocol, bytesPerSecond * streams)))
}

async function fillStreams(lane: Lane, session: Session, protocol: string, bytesPerSecond: number): Promise<void> {
  const payload = Buffer.alloc(PAYLOAD_BYTES_MAX)
  while (lane.running && session.open) {
    const stream = await session.openStream(protocol)
    while (lane.running) {
      await lane.pace(bytesPerSecond, PAYLOAD_BYTES_MAX)
      if ((await session.send(stream, payload)) === 0) break
    }
    await lane.sleep(20)
  }
}
