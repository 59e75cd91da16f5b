/**
 * `npm run bench -- costs`: what an idle connection and an idle stream cost the node that holds them, protected and plain. Source of the defaults of `costs.connection` and
 * `costs.stream`, which are the protected node's figures rounded up.
 *
 * The server's heap and external memory after garbage collection, at four sizes of an otherwise idle load; the cost is the slope of the line through them by least squares, so that what
 * the node needs by itself falls out. The kernel's socket buffers are not in it: idle ones are empty. Before each reading everything rests for longer than the longest timer that js-libp2p
 * leaves behind an upgrade or a negotiation (10 s).
 *
 * - idle connection: 0, 200, 400, 600 peers with one connection each (TCP, noise, yamux), identified both ways;
 * - idle stream: 0, 1,000, 2,000, 4,000 negotiated streams over eight connections, each with a handler that waits for more.
 */

import { nodeCommand, PeerProcess } from '../../interop/lines.ts'
import { alternate, type Benchmark } from '../benchmark.ts'
import { type CaseReport, caseReport } from '../report.ts'
import { slope } from '../statistics.ts'

interface Case {
  readonly name: string
  /** What is added between two readings. */
  readonly adds: 'peers' | 'streams'
  /** Peers connected before the first reading. */
  readonly peers: number
  readonly sizes: readonly number[]
  readonly counted: 'connections' | 'streams'
}

const CASES: readonly Case[] = [
  { name: 'idle connection', adds: 'peers', peers: 0, sizes: [0, 200, 400, 600], counted: 'connections' },
  { name: 'idle stream', adds: 'streams', peers: 8, sizes: [0, 1000, 2000, 4000], counted: 'streams' },
]

/** Connections, or streams, made and counted before the first reading: code, caches and tables that grow once. */
const WARM_UP = 50

const REST_MS = 11_000

const CHILD = nodeCommand(new URL('./child.ts', import.meta.url), [], ['--expose-gc'])

interface Held {
  readonly bytes: number
  readonly connections: number
  readonly streams: number
}

/** Bytes of one of what the case adds. */
async function block(task: Case, guarded: boolean, restMs: number, share: number): Promise<number> {
  await using server = new PeerProcess(CHILD)
  await using clients = new PeerProcess(CHILD)
  const { address } = await server.request<{ address: string }>({ command: 'listen', guarded })
  const add = (what: Case['adds'], count: number) => clients.request({ command: what, address, count })
  if (task.peers > 0) await add('peers', task.peers)
  await add(task.adds, WARM_UP)
  const readings: (readonly [count: number, bytes: number])[] = []
  let previous = 0
  for (const size of task.sizes.map(full => Math.round(full * share))) {
    if (size > previous) await add(task.adds, size - previous)
    previous = size
    await new Promise(resolve => setTimeout(resolve, restMs))
    const held = await server.request<Held>({ command: 'held' })
    if (held[task.counted] !== size + WARM_UP) {
      throw new Error(`${task.name}: ${held[task.counted]} ${task.counted} are open, not ${size + WARM_UP}`)
    }
    readings.push([size, held.bytes])
  }
  return slope(readings)
}

/** @param restMs before each reading @param share of the sizes; both for tests @returns bytes of each, protected or plain */
export function measureCost(name: string, guarded: boolean, restMs: number = REST_MS, share: number = 1): Promise<number> {
  const task = CASES.find(each => each.name === name)
  if (task === undefined) throw new RangeError(`no case ${name}`)
  return block(task, guarded, restMs, share)
}

async function measure(task: Case, runs: number, progress: (text: string) => void): Promise<CaseReport> {
  const bytes = { ours: [] as number[], peer: [] as number[] }
  for (let run = 0; run < runs; run++) {
    progress(`${task.name}, run ${run + 1} of ${runs}`)
    for (const side of alternate(['ours', 'peer'] as const, run)) bytes[side].push(await block(task, side === 'ours', REST_MS, 1))
  }
  return caseReport({ case: task.name, unit: 'bytes', better: 'lower', peerName: 'plain js-libp2p', ...bytes })
}

export const costs: Benchmark = {
  name: 'costs',
  summary: 'what an idle connection and an idle stream cost the node that holds them',
  cases: CASES.map(task => task.name),
  runs: 3,
  async run({ runs, cases, progress }) {
    const reports: CaseReport[] = []
    for (const task of CASES) if (cases.includes(task.name)) reports.push(await measure(task, runs, progress))
    return { cases: reports }
  },
}
