/**
 * An attacker process. It checks its target before anything else, and its parent's word is not enough: see `harness/guard.ts`.
 */

import { scenarioNamed } from '../attacks/index.ts'
import { answer, Troubles, takeOrders } from '../harness/channel.ts'
import { assertAttackable, TargetRefusedError } from '../harness/guard.ts'
import type { Order } from '../harness/messages.ts'
import { seededRandom } from '../harness/random.ts'
import { AttackLane } from './lane.ts'

const troubles = new Troubles()
let lanes: readonly AttackLane[] = []

/** What a cut connection leaves behind in half-finished handshakes is expected here, and counted. */
process.on('unhandledRejection', reason => troubles.add(reason))
process.on('uncaughtException', error => troubles.add(error))

function start(order: Extract<Order, { type: 'start'; role: 'attacker' }>): void {
  try {
    assertAttackable(order.announcement)
  } catch (error) {
    if (!(error instanceof TargetRefusedError)) throw error
    answer({ type: 'refused-target', reason: error.message })
    return
  }
  const scenario = scenarioNamed(order.scenario)
  const random = seededRandom(order.seed)
  const startedMs = performance.now()
  let turnedAway = false
  const onTurnedAway = (): void => {
    if (turnedAway) return
    turnedAway = true
    answer({ type: 'cut', afterMs: Math.round(performance.now() - startedMs) })
  }
  const init = { scenario, target: order.announcement, layout: order.layout, random, troubles, onTurnedAway }
  lanes = Array.from({ length: scenario.lanes }, (_, index) => new AttackLane(index, init))
  answer({ type: 'ready' })
  for (const lane of lanes) void lane.run()
}

takeOrders(async order => {
  if (order.type === 'start' && order.role === 'attacker') start(order)
  else if (order.type === 'report') {
    const report = { connections: 0, cut: 0, refused: 0, streamsReset: 0, sentBytes: 0, troubles: troubles.top() }
    for (const lane of lanes) {
      const part = lane.report()
      report.connections += part.connections
      report.cut += part.cut
      report.refused += part.refused
      report.streamsReset += part.streamsReset
      report.sentBytes += part.sentBytes
    }
    answer({ type: 'report', report })
  }
})
