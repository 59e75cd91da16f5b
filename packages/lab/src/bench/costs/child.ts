/**
 * One side of a block of the benchmark `costs` in a process of its own: the server that holds what is idle, or the clients that leave it idle. Needs `--expose-gc`.
 *
 *     {"command":"listen","guarded":true}                    the server; protected, its limits lifted, or plain js-libp2p
 *     {"command":"peers","address":…,"count":N}              as many nodes more, each with one connection that has been identified both ways
 *     {"command":"streams","count":N}                        as many streams more on those connections in turn, one message answered on each
 *     {"command":"held"}                                     what the server holds: {"bytes","connections","streams"}
 */

import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { type PolicyInput, validatePolicy } from '@sluice/core'
import { serveLines } from '../../interop/lines.ts'
import { type InteropNode, startNode } from '../../interop/options.ts'
import { ECHO, RESPONDERS } from '../../interop/protocols.ts'

const TRANSPORTS = ['tcp'] as const
/** More than any block asks for. */
const STREAMS_MAX = 2048
const DEADLINE_MS = 20_000
const AT_ONCE = 8

const nodes: InteropNode[] = []
const connections: Connection[] = []
/** Held, so that nothing is collected that a real peer would keep. */
const streams: Stream[] = []

/** Nothing is refused, everything is counted and shaped as by default. */
function withoutLimits(): PolicyInput {
  const { rates } = validatePolicy({})
  const lifted = { connection: 'unlimited', peer: 'unlimited', node: 'unlimited' } as const
  const most = {
    streams: 'unlimited',
    streamsInbound: 'unlimited',
    streamsOutbound: 'unlimited',
    connections: 'unlimited',
    connectionsInbound: 'unlimited',
    connectionsOutbound: 'unlimited',
    fileDescriptors: 'unlimited',
    memory: 'unlimited',
  } as const
  return {
    memory: '16GB',
    limits: {
      system: most,
      transient: most,
      serviceDefault: most,
      servicePeerDefault: most,
      protocolDefault: most,
      protocolPeerDefault: most,
      peerDefault: most,
      connection: most,
    },
    rates: Object.fromEntries(Object.keys(rates).map(kind => [kind, lifted])),
  }
}

async function listen(guarded: boolean): Promise<{ address: string }> {
  const server = await startNode({ transports: TRANSPORTS, policy: guarded ? withoutLimits() : undefined })
  for (const [protocol, respond] of Object.entries(RESPONDERS)) {
    await server.handle(protocol, respond, { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX })
  }
  nodes.push(server)
  return { address: String(server.getMultiaddrs()[0]) }
}

/** Calls `work` `count` times, a few at once. */
async function repeat(count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function addPeer(address: string): Promise<void> {
  const node = await startNode({ transports: TRANSPORTS })
  nodes.push(node)
  const identified = Promise.withResolvers<void>()
  node.addEventListener('peer:identify', () => identified.resolve(), { once: true })
  const timer = setTimeout(() => identified.reject(new Error('not identified')), DEADLINE_MS)
  connections.push(await node.dial(multiaddr(address), { signal: AbortSignal.timeout(DEADLINE_MS) }))
  await identified.promise
  clearTimeout(timer)
}

async function addStream(): Promise<void> {
  const connection = connections[streams.length % connections.length]
  if (connection === undefined) throw new Error('peers come first')
  const stream = await connection.newStream(ECHO, { maxOutboundStreams: STREAMS_MAX, signal: AbortSignal.timeout(DEADLINE_MS) })
  streams.push(stream)
  const answered = Promise.withResolvers<void>()
  stream.addEventListener('message', () => answered.resolve(), { once: true })
  stream.addEventListener('close', () => answered.reject(new Error('a stream was reset')), { once: true })
  stream.send(new Uint8Array(1))
  await answered.promise
}

/** Twice with a pause between, because what the first collection finalises is freed by the second. */
async function held(): Promise<{ bytes: number; connections: number; streams: number }> {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc')
  for (let pass = 0; pass < 2; pass++) {
    await globalThis.gc({ type: 'major', execution: 'async' })
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const { heapUsed, external } = process.memoryUsage()
  const open = nodes.flatMap(node => node.getConnections())
  const echoing = open.flatMap(connection => connection.streams).filter(stream => stream.protocol === ECHO)
  return { bytes: heapUsed + external, connections: open.length, streams: echoing.length }
}

await serveLines(async request => {
  const { command, count } = request as { command: string; count: number }
  switch (command) {
    case 'listen':
      return listen(request.guarded === true)
    case 'peers':
      return repeat(count, () => addPeer(String(request.address)))
    case 'streams':
      return repeat(count, addStream)
    case 'held':
      return held()
    default:
      throw new Error(`unknown command ${command}`)
  }
})
process.exit(0)
