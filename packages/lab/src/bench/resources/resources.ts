/**
 * `npm run bench -- resources`: our engine against go-libp2p's resource manager through its public API, alternating.
 *
 * Every block is a fresh process on either side: it builds its live peers, warms up for as long as it will be timed, and is timed. Live peers hold a connection and a
 * stream each, and are visited in the same shuffled order; addresses are handed over parsed on both sides. `stream cycle with rates` is ours with four rates per opened stream (connection, peer, IP, /24) against go without any. `memory` and `refusal` run at 1,000 live peers. Neither side logs or traces.
 * Go is measured twice: with its metrics off, and as it comes. Ours runs as it comes, counters on.
 */

import { goProgram } from '../../interop/go.ts'
import { nodeCommand, PeerProcess } from '../../interop/lines.ts'
import { alternate, type Benchmark, type BenchmarkOptions } from '../benchmark.ts'
import { type CaseReport, caseReport } from '../report.ts'
import type { Operation } from './cycles.ts'

interface Case {
  readonly name: string
  readonly operation: Operation
  readonly peers: number
  /** Ours also spends the rates of opening a stream; go has none. @default false */
  readonly rates?: boolean
  /** Connections come from addresses that have no limits of their own on either side. @default false */
  readonly loopback?: boolean
}

interface Side {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly metrics: 'off' | 'default'
}

const CASES: readonly Case[] = [
  ...[1, 1000, 100_000].map(peers => ({ name: `stream cycle, ${peers} peers`, operation: 'stream cycle' as const, peers })),
  ...[1, 1000, 100_000].map(peers => ({ name: `connection cycle, ${peers} peers`, operation: 'connection cycle' as const, peers })),
  { name: 'connection cycle on loopback, 1000 peers', operation: 'connection cycle', peers: 1000, loopback: true },
  { name: 'stream cycle with rates, 1000 peers', operation: 'stream cycle', peers: 1000, rates: true },
  { name: 'memory', operation: 'memory', peers: 1000 },
  { name: 'refusal', operation: 'refusal', peers: 1000 },
]

/** Length of a timed block, and of the warm-up before it. Long enough for every operation to be compiled and for collections of garbage to fall into it. */
const BLOCK_SECONDS = 0.5

const UNIT: Readonly<Record<Operation, string>> = {
  'stream cycle': 'cycles/s',
  'connection cycle': 'cycles/s',
  memory: 'reservations/s',
  refusal: 'refusals/s',
}

const OURS: Side = { name: 'ours', command: nodeCommand(new URL('child.ts', import.meta.url)), metrics: 'default' }

/** Operations per second of one block in a fresh process. */
export async function block(side: Side, task: Case, seconds = BLOCK_SECONDS): Promise<number> {
  await using process = new PeerProcess(side.command)
  await process.request({
    command: 'setup',
    peers: task.peers,
    metrics: side.metrics,
    full: task.operation === 'refusal',
    rates: task.rates === true,
  })
  const run = { command: 'run', case: task.operation, seconds }
  await process.request(run)
  const timed = await process.request<{ operations: number; seconds: number }>(run)
  return timed.operations / timed.seconds
}

async function measure(task: Case, sides: readonly Side[], { runs, progress }: BenchmarkOptions): Promise<CaseReport[]> {
  const perSecond = new Map<Side, number[]>(sides.map(side => [side, []]))
  for (let run = 0; run < runs; run++) {
    progress(`${task.name}, run ${run + 1} of ${runs}`)
    for (const side of alternate(sides, run)) perSecond.get(side)!.push(await block(side, task))
  }
  const ours = perSecond.get(OURS)!
  const peers = sides.filter(side => side !== OURS)
  return peers.map(peer =>
    caseReport({ case: task.name, unit: UNIT[task.operation], better: 'higher', peerName: peer.name, ours, peer: perSecond.get(peer)! }),
  )
}

export const resources: Benchmark = {
  name: 'resources',
  summary: 'stream, connection, memory and refusal paths against go-libp2p’s resource manager',
  cases: CASES.map(task => task.name),
  runs: 7,
  async run(options) {
    const go = await goProgram('rcmgrbench')
    if ('missing' in go) return { cases: [], skipped: [go.missing] }
    const sides: readonly Side[] = [
      OURS,
      { name: 'go metrics off', command: [go.path], metrics: 'off' },
      { name: 'go default', command: [go.path], metrics: 'default' },
    ]
    const cases: CaseReport[] = []
    for (const task of CASES) if (options.cases.includes(task.name)) cases.push(...(await measure(task, sides, options)))
    return { cases }
  },
}
