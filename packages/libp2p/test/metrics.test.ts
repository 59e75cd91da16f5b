/** Sluice's figures as `@libp2p/prometheus-metrics` shows them, against what the node itself reports. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Metrics } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import type { Denial } from '@sluice/core'
import { createGovernor } from '@sluice/core'
import { Registry } from 'prom-client'
import { createNodeContext } from '../src/context.ts'
import { RULE_LABELS_MAX, registerMetrics } from '../src/metrics.ts'
import { addressOf, eventually, nodeOptions, plainNode, protectedNode } from './helpers.ts'

/** Value of a sample in the text format; undefined when there is none. */
async function value(registry: Registry, name: string, label?: string): Promise<number | undefined> {
  const metric = (await registry.getMetricsAsJSON()).find(candidate => candidate.name === name)
  const samples = (metric?.values ?? []) as readonly { value: number; labels: Record<string, string> }[]
  return samples.find(sample => label === undefined || Object.values(sample.labels).includes(label))?.value
}

/** Less than the first window. */
const UNREAD_BYTES = 64 * 1024

// prometheus-metrics keeps one table of metrics for the whole process, so this file has one node with metrics and one test.
test('what is scraped is what the node reports', async t => {
  const registry = new Registry()
  const node = await protectedNode(t, {
    options: { ...nodeOptions(), metrics: prometheusMetrics({ registry, collectDefaultMetrics: false }) },
    policy: { rates: { identify: { connection: { perSecond: 0.001, burst: 1 } } }, memory: '100MB' },
  })
  const peer = await plainNode(t, { listen: false })

  assert.equal(await value(registry, 'sluice_connections_inbound', 'system'), 0)
  assert.equal(await value(registry, 'sluice_memory_limit_bytes', 'system'), 100_000_000)
  assert.equal(await value(registry, 'sluice_enforcing'), 1)

  const connection = await peer.dial(addressOf(node))
  await eventually(async () => (await value(registry, 'sluice_connections_inbound', 'system')) === 1)
  assert.equal(await value(registry, 'sluice_connections_pending'), 0)
  assert.equal(await value(registry, 'sluice_file_descriptors', 'system'), node.services.sluice.resources().system.usage.fileDescriptors)
  assert.equal(await value(registry, 'sluice_tracked', 'connections'), 1)

  await node.handle('/test/hold', () => {})
  const held = await connection.newStream('/test/hold')
  await eventually(
    async () =>
      (await value(registry, 'sluice_streams_inbound', 'system')) === node.services.sluice.resources().system.usage.streamsInbound,
  )
  assert.ok(((await value(registry, 'sluice_streams_inbound', 'system')) ?? 0) >= 1)
  await eventually(
    async () => (await value(registry, 'sluice_memory_bytes', 'system')) === node.services.sluice.resources().system.usage.memory,
  )
  // Nobody reads what this stream brings.
  held.send(new Uint8Array(UNREAD_BYTES))
  await eventually(async () => ((await value(registry, 'sluice_memory_unread_bytes')) ?? 0) >= UNREAD_BYTES)
  assert.equal(await value(registry, 'sluice_memory_level'), 0)
  assert.equal(await value(registry, 'sluice_connections_paused'), 0)
  held.abort(new Error('done'))
  await eventually(async () => (await value(registry, 'sluice_memory_unread_bytes')) === 0)

  await eventually(() => connection.streams.length === 0)
  for (let index = 0; index < 3; index++) {
    const stream = await connection.newStream('/ipfs/id/1.0.0')
    await eventually(() => stream.status !== 'open' || stream.remoteWriteStatus === 'closed')
    stream.abort(new Error('done'))
  }
  const denied = (): number =>
    node.services.sluice
      .resources()
      .denials.filter(denial => denial.rule === 'rate.identify')
      .reduce((sum, denial) => sum + denial.count, 0)
  assert.ok(denied() >= 2)
  assert.equal(await value(registry, 'sluice_denials_total', 'rate.identify'), denied())
  // A counter that is scraped twice has not counted twice.
  assert.equal(await value(registry, 'sluice_denials_total', 'rate.identify'), denied())

  const text = await registry.metrics()
  const ours = text.split('\n').filter(line => line.startsWith('sluice_'))
  assert.ok(ours.length > 30)
  for (const line of ours) {
    assert.equal(line.includes(peer.peerId.toString()) || line.includes('127.0.0.1'), false, line)
    assert.match(line, /^sluice_[a-z_]+(?:\{[a-z_]+="[A-Za-z._-]+"\})? \S+$/)
  }
  for (const name of new Set(ours.map(line => line.split(/[{ ]/)[0]))) {
    assert.ok(ours.filter(line => line.startsWith(`${name}{`)).length <= RULE_LABELS_MAX + 1, name)
  }
})

test('rules past the bound share one label; what is observed and what is cut are counted apart', () => {
  const counted = new Map<string, Map<string, number>>()
  const group = (name: string): { increment(values: Record<string, number>): void } => ({
    increment(values) {
      const labels = counted.get(name) ?? new Map<string, number>()
      counted.set(name, labels)
      for (const [label, count] of Object.entries(values)) labels.set(label, (labels.get(label) ?? 0) + count)
    },
  })
  let bans = 0
  const metrics = {
    registerMetric() {},
    registerMetricGroup() {},
    registerCounter: () => ({ increment: () => bans++ }),
    registerCounterGroup: group,
  } as unknown as Metrics
  const clock = { now: () => 0 }
  const context = createNodeContext({
    governor: createGovernor({ clock, random: () => 0 }),
    clock,
    logger: defaultLogger(),
    foreignGovernor: false,
  })
  registerMetrics(metrics, context)
  for (let index = 0; index < RULE_LABELS_MAX + 36; index++) {
    const denial = { rule: `rate.kind${index}` } as Denial
    context.emit({ type: 'denial', atMs: 0, mode: 'enforce', denial, peer: undefined, address: undefined })
    context.emit({ type: 'denial', atMs: 0, mode: 'observe', denial, peer: undefined, address: undefined })
  }
  const cut = { type: 'cut', atMs: 0, reason: 'memory', what: 'stream', peer: undefined, address: '', message: '' } as const
  context.emit({ ...cut, mode: 'enforce' })
  context.emit({ ...cut, mode: 'observe' })
  context.emit({ type: 'ban', atMs: 0, ban: { target: '192.0.2.1', createdMs: 0, untilMs: 1, reason: '' } })
  assert.equal(counted.get('sluice_denials_total')?.size, RULE_LABELS_MAX + 1)
  assert.equal(counted.get('sluice_denials_total')?.get('other'), 36)
  assert.equal(counted.get('sluice_observed_denials_total')?.get('other'), 36)
  assert.deepEqual([...(counted.get('sluice_cuts_total') ?? [])], [['memory', 1]])
  assert.equal(bans, 1)
})
