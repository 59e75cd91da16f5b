/**
 * Every scenario, in the order of the table.
 */

import type { Scenario } from '../harness/scenario.ts'
import { slowReader } from './s01-slow-reader/index.ts'
import { unreadPing } from './s02-unread-ping/index.ts'
import { endlessFrame } from './s03-endless-frame/index.ts'
import { unreadEcho } from './s04-unread-echo/index.ts'
import { unreadStreams } from './s05-unread-streams/index.ts'
import { silentStreams, silentStreamsMany } from './s06-silent-streams/index.ts'
import { rapidReset } from './s07-rapid-reset/index.ts'
import { listingFlood } from './s08-listing-flood/index.ts'
import { muxerPings } from './s09-muxer-pings/index.ts'
import { silentSockets } from './s10-silent-sockets/index.ts'
import { pingFlood } from './s11-ping-flood/index.ts'
import { identifyFlood } from './s12-identify-flood/index.ts'
import { negotiateAndReset } from './s13-negotiate-and-reset/index.ts'
import { identityChurn } from './s14-identity-churn/index.ts'

export const SCENARIOS: readonly Scenario[] = [
  slowReader,
  unreadPing,
  endlessFrame,
  unreadEcho,
  unreadStreams,
  silentStreams,
  silentStreamsMany,
  rapidReset,
  listingFlood,
  muxerPings,
  silentSockets,
  pingFlood,
  identifyFlood,
  negotiateAndReset,
  identityChurn,
]

/** By full name or S-number (`s02-unread-ping`, `s02`, `S2`). Undefined when there is none. */
export function findScenario(text: string): Scenario | undefined {
  const wanted = text.toLowerCase()
  const number = /^s0*(\d+b?)$/.exec(wanted)?.[1]
  return SCENARIOS.find(({ name }) => name === wanted || (number !== undefined && /^s0*(\d+b?)-/.exec(name)?.[1] === number))
}

/** Throws a RangeError that names the scenarios there are. */
export function scenarioNamed(text: string): Scenario {
  const scenario = findScenario(text)
  if (scenario === undefined) throw new RangeError(`no scenario "${text}"; there are ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  return scenario
}
