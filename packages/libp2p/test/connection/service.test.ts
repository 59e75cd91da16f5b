import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createGovernor } from '@sluice/core'
import { formatCapabilities } from '@sluice/libp2p'
import { CUT_COUNTS_MAX, CutCounts } from '../../src/cuts.ts'
import { ADVANCE_MS_MAX } from '../../src/node.ts'
import { CUT_REASONS } from '../../src/refused.ts'
import { addressOf, eventually, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'
import { rawPeer } from '../muxer/raw-peer.ts'

/** A yamux header of version 7. */
const UNKNOWN_VERSION = Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)

test('resources, explain, decisions and setPolicy speak about the same node', async t => {
  const { node, peer } = await pair(t)
  const { sluice } = node.services
  await peer.services.ping.ping(addressOf(node))
  const report = sluice.resources(1)
  assert.equal(report.schemaVersion, 1)
  assert.equal(report.counts.connections, 1)
  assert.equal(report.peers.length, 1)
  const explained = sluice.explain(peer.peerId.toString())
  assert.equal(explained.kind, 'peer')
  assert.ok(explained.rules.filter(({ rule }) => rule === 'limit.peer').every(rule => rule.passes))

  const decisions = sluice.decisions()
  sluice.setPolicy({ limits: { system: { connectionsInbound: 1 } } })
  assert.equal((await decisions.next()).value?.type, 'policy')
  const other = await plainNode(t, { listen: false })
  await assert.rejects(other.dial(addressOf(node)))
  const denial = (await decisions.next()).value
  assert.ok(denial?.type === 'denial')
  assert.equal(denial.denial.rule, 'limit.system')
  assert.equal(sluice.explain(String(denial.denial.id)).kind, 'decision')
  sluice.setPolicy({ mode: 'observe', limits: { system: { connectionsInbound: 1 } } })
  assert.equal(sluice.mode, 'observe')
  await other.services.ping.ping(addressOf(node))
  await node.stop()
  let more = await decisions.next()
  for (let reads = 0; more.done !== true && reads < 100; reads++) {
    more = await decisions.next()
  }
  assert.equal(more.done, true, 'ends when the node stops')
})

test('what is cut is counted by reason, in enforce and in observe', async t => {
  noStrayErrors(t)
  const node = await protectedNode(t)
  const { sluice } = node.services
  assert.deepEqual(sluice.resources().cuts, [])
  for (let count = 1; count <= 2; count++) {
    const peer = await rawPeer(t, addressOf(node))
    peer.send(UNKNOWN_VERSION)
    await eventually(() => peer.cut)
    assert.deepEqual(sluice.resources().cuts, [{ reason: 'malformed-frame', what: 'connection', mode: 'enforce', count }])
  }
  sluice.setPolicy({ mode: 'observe' })
  const peer = await rawPeer(t, addressOf(node))
  peer.send(UNKNOWN_VERSION)
  await eventually(() => sluice.resources().cuts.length === 2)
  assert.deepEqual(sluice.resources().cuts[1], { reason: 'malformed-frame', what: 'connection', mode: 'observe', count: 1 })
})

test('the counts of cuts have as many rows as there are reasons to cut', () => {
  const counts = new CutCounts()
  const event = { type: 'cut', atMs: 0, peer: undefined, message: '' } as const
  for (let round = 0; round < 3; round++) {
    for (const reason of CUT_REASONS) {
      for (const what of ['connection', 'stream'] as const) {
        for (const mode of ['enforce', 'observe'] as const) counts.add({ ...event, reason, what, mode, address: `192.0.2.${round}` })
      }
    }
  }
  assert.equal(counts.read().length, CUT_COUNTS_MAX)
  assert.ok(counts.read().every(({ count }) => count === 3))
})

test('the capability table is printable', async t => {
  const node = await protectedNode(t, { transports: ['tcp', 'quic'] })
  const text = formatCapabilities(node.services.sluice.capabilities)
  assert.match(text, /^tcp +transport +backpressure +counted/m)
  assert.match(text, /^quic +transport +reset-only +uncounted-handshake/m)
  assert.match(text, /^\/yamux\/1\.0\.0 +muxer +backpressure/m)
})

test('an unknown transport gets the generic hooks, and its row says so', async t => {
  noStrayErrors(t)
  const known = await protectedNode(t, { transports: ['memory'] })
  const [transport] = (
    known as unknown as { components: { transportManager: { getTransports(): Record<symbol, string>[] } } }
  ).components.transportManager.getTransports()
  assert.ok(transport)
  Object.defineProperty(transport, Symbol.toStringTag, { value: 'carrier-pigeon' })
  const [row] = known.services.sluice.capabilities
  assert.deepEqual([row?.name, row?.known, row?.flow, row?.handshake], ['carrier-pigeon', false, 'reset-only', 'uncounted-handshake'])
  const peer = await plainNode(t, { transports: ['memory'], listen: false })
  await peer.services.ping.ping(addressOf(known))
  assert.equal(known.services.sluice.resources().system.usage.connectionsInbound, 1)
})

test('the governor is advanced while the node runs, and no longer', async t => {
  const governor = createGovernor({ clock: { now: () => Date.now() }, random: Math.random })
  const advance = t.mock.method(governor, 'advance')
  const node = await protectedNode(t, { init: { governor } })
  const calls = (): number => advance.mock.callCount()
  await eventually(() => calls() >= 2)
  await node.stop()
  const after = calls()
  await delay(ADVANCE_MS_MAX + 100)
  assert.equal(calls(), after)
})
