/**
 * Twelve TCP connections that send nothing, opened again when they are closed. A stock node admits ten connections that are not upgraded yet, over all addresses.
 */

import type { Lane, Scenario } from '../../harness/scenario.ts'
import { PROTECTED } from '../../harness/thresholds.ts'

async function attack(lane: Lane): Promise<void> {
  const socket = await lane.openSocket()
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('close', () => resolve())
  await promise
}

export const silentSockets: Scenario = {
  name: 's10-silent-sockets',
  title: 'silent sockets',
  proves: 'a few sockets that never speak do not lock newcomers out',
  lanes: 12,
  seconds: 15,
  thresholds: PROTECTED,
  ci: { seconds: 5, rssGrowthBytesMax: 96 * 2 ** 20, refusalsMin: 1, layout: 'one' },
  attack,
}
