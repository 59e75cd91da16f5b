/** Sluice's figures as `@libp2p/prometheus-metrics` shows them, against what the node itself reports. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import { Registry } from 'prom-client'
import { RULE_LABELS_MAX } from '../src/metrics.ts'
import { addressOf, eventually, nodeOptions, plainNode, protectedNode } from './helpers.ts'

/** Value of a sample in the text format; undefined when there is none. */
async function value(registry: Registry, name: string, label?: string): Promise<number | undefined> {
  const metric = (await registry.getMetricsAsJSON()).find(candidate => candidate.name === name)
  const samples = (metric?.values ?? []) as readonly { value: number; labels: Record<string, string> }[]
  return samples.find(sample => label === undefined || Object.values(sample.labels).includes(label))?.value
}

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
  held.abort(new Error('done'))

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
