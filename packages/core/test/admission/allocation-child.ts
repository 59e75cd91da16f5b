/** Counts bytes allocated a cycle and prints them as JSON. Run by allocation.test.ts with `--expose-gc` and a large young generation. */

import { getHeapStatistics } from 'node:v8'
import { createGovernor, type Decision } from '@sluice/core'

const ROUNDS = 20_000

declare const gc: () => void

function taken<H>(decision: Decision<H>): H {
  if (!decision.allow) throw new Error(decision.denial.message)
  return decision.handle
}

/** Bytes a cycle, after the compiler has seen enough of it. */
function count(cycle: () => void): number {
  for (let round = 0; round < 3 * ROUNDS; round++) cycle()
  gc()
  const before = getHeapStatistics().used_heap_size
  for (let round = 0; round < ROUNDS; round++) cycle()
  return Math.round((getHeapStatistics().used_heap_size - before) / ROUNDS)
}

const free = { connections: 'unlimited', pending: 'unlimited', rate: 'unlimited' } as const
const off = {
  connection: 'unlimited',
  peer: 'unlimited',
  ip: 'unlimited',
  '/24': 'unlimited',
  '/56': 'unlimited',
  '/48': 'unlimited',
} as const
const governor = createGovernor({
  policy: { prefixes: { ipv4: { ip: free, '/24': free, '/16': free } }, rates: { 'stream-open': off } },
  clock: { now: () => Date.now() },
  random: Math.random,
})
const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/4001', 'inbound'))
taken(connection.setPeer('QmPeer'))
const attached = taken(connection.openStream('inbound'))
const full = taken(governor.openConnection('/ip4/192.0.2.2/tcp/4001', 'inbound'))
taken(full.setPeer('QmFull'))
governor.view({ scope: 'peer', key: 'QmFull' })?.setLimits({ streamsInbound: 'block' })

const bytes = {
  stream: count(() => {
    const stream = taken(connection.openStream('inbound'))
    taken(stream.setProtocol('/a/1.0.0'))
    taken(stream.setService('a'))
    taken(stream.memory.reserve(4096))
    stream.memory.free(4096)
    stream.release()
  }),
  memory: count(() => {
    taken(attached.memory.reserve(4096))
    attached.memory.free(4096)
  }),
  connection: count(() => {
    const each = taken(governor.openConnection('/ip4/192.0.2.1/tcp/4001', 'inbound'))
    taken(each.setPeer('QmOther'))
    each.release()
  }),
  refusal: count(() => {
    if (full.openStream('inbound').allow) throw new Error('admitted')
  }),
}
process.stdout.write(`${JSON.stringify(bytes)}\n`)
