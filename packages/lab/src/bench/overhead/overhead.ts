/**
 * `npm run bench -- overhead`: what protection costs honest traffic. The same server, once protected with the default policy and once plain js-libp2p, in a process of
 * its own; an unmodified js-libp2p client in another. Every block is a fresh pair of processes, warmed up with part of its work; sides alternate.
 *
 * A case `X` is the server's CPU-seconds per unit of work (user and system, all threads, `process.cpuUsage` around the block); `X, wall rate` is the work per second of wall
 * time, which also depends on the client and on what else the machine does.
 *
 * - bulk throughput: bytes both ways at once on two streams of one connection (TCP, noise, yamux);
 * - streams per second: one request and its answer on a stream of its own, 16 at once on one connection;
 * - connections per second: connect, identify both ways, close; 4 at once, 64 identities in turn.
 */

import { nodeCommand, PeerProcess } from '../../interop/lines.ts'
import { alternate, type Benchmark } from '../benchmark.ts'
import { type CaseReport, caseReport } from '../report.ts'

interface Case {
  readonly name: string
  /** What one unit of work is called. */
  readonly unit: string
  /** Units of work one block does. */
  readonly units: number
  /** The request that makes the client do that share (0 to 1) of a block's work. */
  readonly work: (share: number, address: string) => Record<string, unknown>
  /** Does the client hold a connection for the work, or does the work make its own? */
  readonly connected: boolean
}

/** Bytes each way of one block. */
const BULK_BYTES = 256 * 2 ** 20
const STREAMS = 6000
const STREAM_CONCURRENCY = 16
const CONNECTIONS = 600
const CONNECTION_CONCURRENCY = 4

/** Share of a block's work done first and not measured, so that both sides run compiled code. */
const WARM_UP_SHARE = 0.5

const CASES: readonly Case[] = [
  {
    name: 'bulk throughput',
    unit: 'GiB',
    units: (2 * BULK_BYTES) / 2 ** 30,
    work: share => ({ command: 'exchange', bytes: Math.round(BULK_BYTES * share) }),
    connected: true,
  },
  {
    name: 'streams per second',
    unit: '1,000 streams',
    units: STREAMS / 1000,
    work: share => ({ command: 'streams', count: Math.round(STREAMS * share), concurrency: STREAM_CONCURRENCY }),
    connected: true,
  },
  {
    name: 'connections per second',
    unit: '1,000 connections',
    units: CONNECTIONS / 1000,
    work: (share, address) => ({
      command: 'connections',
      address,
      count: Math.round(CONNECTIONS * share),
      concurrency: CONNECTION_CONCURRENCY,
    }),
    connected: false,
  },
]

const NODE = nodeCommand(new URL('../../interop/node.ts', import.meta.url))

interface Block {
  readonly cpuSecondsPerUnit: number
  readonly unitsPerSecond: number
}

type Worked = { readonly seconds: number; readonly answered?: number; readonly firstError?: string }

async function block(task: Case, guarded: boolean): Promise<Block> {
  await using server = new PeerProcess(NODE)
  await using client = new PeerProcess(NODE)
  const listen = { command: 'listen', transports: ['tcp'] }
  const { addresses } = await server.request<{ addresses: readonly string[] }>({ ...listen, ...(guarded ? { policy: {} } : {}) })
  await client.request(listen)
  const address = addresses[0]!
  if (task.connected) await client.request({ command: 'connect', address })
  await client.request(task.work(WARM_UP_SHARE, address))
  const before = await server.request<{ cpuSeconds: number }>({ command: 'cpu' })
  const request = task.work(1, address)
  const worked = await client.request<Worked>(request)
  const after = await server.request<{ cpuSeconds: number }>({ command: 'cpu' })
  if (worked.answered !== undefined && worked.answered !== request.count) {
    throw new Error(`${task.name}: ${worked.answered} of ${String(request.count)} were answered; first error: ${worked.firstError}`)
  }
  return { cpuSecondsPerUnit: (after.cpuSeconds - before.cpuSeconds) / task.units, unitsPerSecond: task.units / worked.seconds }
}

async function measure(task: Case, runs: number, progress: (text: string) => void): Promise<CaseReport[]> {
  const blocks = { ours: [] as Block[], peer: [] as Block[] }
  for (let run = 0; run < runs; run++) {
    progress(`${task.name}, run ${run + 1} of ${runs}`)
    for (const side of alternate(['ours', 'peer'] as const, run)) blocks[side].push(await block(task, side === 'ours'))
  }
  const peerName = 'plain js-libp2p'
  return [
    caseReport({
      case: task.name,
      unit: `CPU-seconds/${task.unit}`,
      better: 'lower',
      peerName,
      ours: blocks.ours.map(({ cpuSecondsPerUnit }) => cpuSecondsPerUnit),
      peer: blocks.peer.map(({ cpuSecondsPerUnit }) => cpuSecondsPerUnit),
    }),
    caseReport({
      case: `${task.name}, wall rate`,
      unit: `${task.unit}/s`,
      better: 'higher',
      peerName,
      ours: blocks.ours.map(({ unitsPerSecond }) => unitsPerSecond),
      peer: blocks.peer.map(({ unitsPerSecond }) => unitsPerSecond),
    }),
  ]
}

export const overhead: Benchmark = {
  name: 'overhead',
  summary: 'what protection costs honest traffic: server CPU and rate against plain js-libp2p',
  cases: CASES.map(task => task.name),
  runs: 9,
  async run({ runs, cases, progress }) {
    const reports: CaseReport[] = []
    for (const task of CASES) if (cases.includes(task.name)) reports.push(...(await measure(task, runs, progress)))
    return { cases: reports }
  },
}
