/**
 * The attacked node: libp2p from npm over TCP, noise and yamux with identify and ping at their defaults. On `protected` the very same options go through
 * `protect()`, and nothing else differs.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { SluiceService } from '@sluice/libp2p'
import { createLibp2p } from 'libp2p'
import { answer, takeOrders } from '../harness/channel.ts'
import type { Layout } from '../harness/layouts.ts'
import type { Order, ServerReport } from '../harness/messages.ts'
import { loopDelayP99Ms } from '../harness/stats.ts'
import { policyFor, protectedNode } from './policy.ts'
import { serveProtocols } from './protocols.ts'

const LOOP_RESOLUTION_MS = 10
const PULSE_MS = 100
const UNCAUGHT_MAX = 5

const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
const uncaught: string[] = []
let sluice: SluiceService | undefined

/** What a plain node does not survive is the result, not a reason to lie: it is reported, and the process goes on as a supervised one would. */
function keep(reason: unknown): void {
  if (uncaught.length < UNCAUGHT_MAX) uncaught.push(reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason))
}
process.on('uncaughtException', keep)
process.on('unhandledRejection', keep)

function stockOptions() {
  return {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() },
  }
}

async function start(order: Extract<Order, { type: 'start'; role: 'server' }>): Promise<void> {
  const options = stockOptions()
  const node = order.target === 'plain' ? await createLibp2p(options) : await guarded(options, order.layout)
  await serveProtocols(node)
  const address = node.getMultiaddrs()[0]
  const port = Number(address?.getComponents().find(({ name }) => name === 'tcp')?.value)
  histogram.enable()
  setInterval(() => answer({ type: 'pulse' }), PULSE_MS)
  answer({ type: 'ready', server: { host: '127.0.0.1', port, peerId: node.peerId.toString() } })
}

async function guarded(options: ReturnType<typeof stockOptions>, layout: Layout): Promise<Libp2p> {
  const node = await protectedNode(options, await policyFor(layout))
  sluice = node.services.sluice
  return node
}

function report(): ServerReport {
  const { denials = [], cuts = [] } = sluice?.resources() ?? {}
  const refused = [
    ...denials.map(({ mode, count, rule, scopeClass, resource }) => ({ mode, count, text: `${rule} (${scopeClass}, ${resource})` })),
    ...cuts.map(({ mode, count, reason, what }) => ({ mode, count, text: `cut ${reason} (${what})` })),
  ]
    .filter(({ mode }) => mode === 'enforce')
    .sort((a, b) => b.count - a.count)
  return {
    loopDelayP99Ms: loopDelayP99Ms(histogram, LOOP_RESOLUTION_MS),
    denials: refused.reduce((sum, { count }) => sum + count, 0),
    denialsByRule: refused.slice(0, 5).map(({ count, text }) => `${count} x ${text}`),
    uncaught,
  }
}

takeOrders(async order => {
  if (order.type === 'start' && order.role === 'server') await start(order)
  else if (order.type === 'mark') histogram.reset()
  else if (order.type === 'report') answer({ type: 'report', report: report() })
})
