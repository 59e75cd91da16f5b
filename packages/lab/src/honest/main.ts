/**
 * The honest client: one long-lived peer that pings and downloads, and newcomers that keep dialling, measured in every phase.
 */

import type { Connection } from '@libp2p/interface'
import { answer, Troubles, takeOrders } from '../harness/channel.ts'
import { HONEST_ADDRESS } from '../harness/layouts.ts'
import type { HonestReport, Order } from '../harness/messages.ts'
import { quantile } from '../harness/stats.ts'
import { BULK } from '../server/protocols.ts'
import { Bulk } from './bulk.ts'
import { Newcomers } from './newcomers.ts'
import type { HonestPeer } from './peer.ts'
import { addressOf, honestPeer } from './peer.ts'
import { finish, pingOver } from './ping-over.ts'
import { Pings } from './pings.ts'

/** Newcomers' identities. At one dial each 400 ms, an identity comes back after 3 s. */
const POOL = 8
const PING_TIMEOUT_MS = 10_000
const DIAL_TIMEOUT_MS = 10_000

const troubles = new Troubles()
let load: { readonly pings: Pings; readonly bulk: Bulk; readonly newcomers: Newcomers } | undefined

/** What a stock client leaves uncaught when its server misbehaves is counted; the measuring goes on. */
process.on('unhandledRejection', reason => troubles.add(reason))
process.on('uncaughtException', error => troubles.add(error))

async function start(order: Extract<Order, { type: 'start'; role: 'honest' }>): Promise<void> {
  const target = addressOf(order.server)
  const resident = await honestPeer(HONEST_ADDRESS)
  // Dials again when the connection is gone; while one dial is under way js-libp2p joins the second to it.
  const connection = (): Promise<Connection> => resident.node.dial(target, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
  await connection()
  const failed = (error: unknown): void => troubles.add(error)
  let finished = Promise.resolve()
  const ping = async (): Promise<void> => {
    await finished
    finished = finish(await pingOver(await connection(), AbortSignal.timeout(PING_TIMEOUT_MS)))
  }
  const pings = new Pings(ping, order.load.pingEveryMs, failed)
  const bulk = new Bulk(async () => await (await connection()).newStream(BULK), order.load.bulkBytesPerSecond, failed)
  const pool: HonestPeer[] = []
  for (let n = 0; n < POOL; n++) pool.push(await honestPeer(HONEST_ADDRESS))
  const newcomers = new Newcomers(pool, target, failed)
  void pings.run()
  void bulk.run()
  newcomers.start(order.load.dialEveryMs)
  load = { pings, bulk, newcomers }
  answer({ type: 'ready' })
}

function report(): HonestReport {
  if (load === undefined) throw new Error('asked for a report before the start')
  const samples = load.pings.samplesMs()
  const { dials, answered } = load.newcomers.counts()
  return {
    pingP50Ms: quantile(samples, 0.5),
    pingP99Ms: quantile(samples, 0.99),
    bulkBytesPerSecond: load.bulk.receivedBytesPerSecond(),
    dials,
    dialsAnswered: answered,
    troubles: troubles.top(),
  }
}

takeOrders(async order => {
  if (order.type === 'start' && order.role === 'honest') await start(order)
  else if (order.type === 'mark') {
    load?.pings.mark()
    load?.bulk.mark()
    load?.newcomers.mark()
    troubles.clear()
  } else if (order.type === 'report') answer({ type: 'report', report: report() })
})
