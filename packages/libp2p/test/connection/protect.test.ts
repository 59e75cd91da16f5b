import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ping } from '@libp2p/ping'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { SluiceService } from '@sluice/libp2p'
import { protect, SUPPORTED_LIBP2P } from '@sluice/libp2p'
import { createLibp2p } from 'libp2p'
import manifest from '../../package.json' with { type: 'json' }
import { connectionManagerFor, mergePolicies, policyFromConnectionManager } from '../../src/connection-manager.ts'
import { addressOf, nodeOptions, pair, plainNode, protectedNode } from '../helpers.ts'

test('protect keeps the types and the values of services, and adds its own', async t => {
  const node = await protectedNode(t)
  const sluice: SluiceService = node.services.sluice
  assert.equal(sluice.mode, 'enforce')
  assert.equal(typeof node.services.ping.ping, 'function')
  assert.deepEqual(sluice.missingHooks, [])
  assert.equal(sluice.resources().system.usage.connectionsInbound, 0)
})

test('options are not changed, and may be protected again from the original', () => {
  const options = nodeOptions()
  const { transports, connectionManager, services } = options
  const first = protect(options)
  assert.notEqual(first, options)
  assert.equal(options.transports, transports)
  assert.equal(options.connectionManager, connectionManager)
  assert.equal(options.services, services)
  assert.doesNotThrow(() => protect(options))
})

test('what cannot be meant is an error at once', () => {
  const misuse = { code: 'ERR_SLUICE_MISUSE' }
  assert.throws(() => protect(protect(nodeOptions())), misuse)
  assert.throws(() => protect({ services: { sluice: () => ({}) } }), misuse)
  assert.throws(() => protect({}, { memory: -1 }), { code: 'ERR_SLUICE_POLICY' })
  assert.throws(() => protect({ connectionManager: { maxIncomingPendingConnections: 0.5 } }), { code: 'ERR_SLUICE_POLICY' })
})

test('names of the connection manager are policy, and policy wins', () => {
  const read = policyFromConnectionManager({
    maxConnections: 40,
    maxIncomingPendingConnections: 7,
    inboundConnectionThreshold: 3,
    allow: ['/ip4/192.0.2.1'],
    deny: ['/ip4/198.51.100.0/ipcidr/24'],
    inboundUpgradeTimeout: 2_000,
  })
  assert.deepEqual(read, {
    limits: { system: { connections: 40 }, transient: { connectionsInbound: 7 } },
    prefixes: { ipv4: { ip: { rate: { perSecond: 3, burst: 3 } } }, ipv6: { ip: { rate: { perSecond: 3, burst: 3 } } } },
    gate: { allow: ['/ip4/192.0.2.1'], deny: ['/ip4/198.51.100.0/ipcidr/24'] },
    transports: { upgradeDeadlineMs: 2_000, upgradeDeadlineMinMs: 2_000 },
  })
  const merged = mergePolicies(read, { limits: { system: { connections: 10 } }, gate: { deny: ['192.0.2.9'] } })
  assert.equal(merged.limits?.system?.connections, 10)
  assert.equal(merged.limits?.transient?.connectionsInbound, 7)
  assert.deepEqual(merged.gate, { allow: ['/ip4/192.0.2.1'], deny: ['/ip4/198.51.100.0/ipcidr/24', '192.0.2.9'] })
  assert.deepEqual(policyFromConnectionManager(), {})
})

test('numbers that mean no limit in js-libp2p mean none here', () => {
  for (const huge of [Infinity, 2 ** 60, Number.MAX_VALUE]) {
    const connectionManager = { maxConnections: huge, maxIncomingPendingConnections: huge, inboundConnectionThreshold: huge }
    const policy = policyFromConnectionManager(connectionManager)
    assert.equal(policy.limits?.system?.connections, 'unlimited')
    assert.equal(policy.limits?.transient?.connectionsInbound, 'unlimited')
    assert.equal(policy.prefixes?.ipv4?.ip?.rate, 'unlimited')
    assert.equal(policy.prefixes?.ipv6?.ip?.rate, 'unlimited')
    assert.doesNotThrow(() => protect({ connectionManager }))
  }
  assert.doesNotThrow(() => protect({ connectionManager: { inboundConnectionThreshold: 1e9, maxConnections: 1e9 } }))
  const { rate } = policyFromConnectionManager({ inboundConnectionThreshold: 1e6 }).prefixes?.ipv4?.ip ?? {}
  assert.deepEqual(rate, { perSecond: 1e6, burst: 1e6 })
  for (const wrong of [-1, Number.NaN])
    assert.throws(() => protect({ connectionManager: { maxConnections: wrong } }), { code: 'ERR_SLUICE_POLICY' })
})

test('the caps of js-libp2p stand back in enforce and stay in observe', () => {
  const init = { maxConnections: 40, allow: ['/ip4/192.0.2.1'], dialTimeout: 5 }
  assert.equal(connectionManagerFor(init, 'observe'), init)
  assert.deepEqual(connectionManagerFor(init, 'enforce'), {
    maxConnections: 40,
    allow: [],
    deny: [],
    dialTimeout: 5,
    maxIncomingPendingConnections: Infinity,
    inboundConnectionThreshold: Infinity,
  })
})

test("the user's own gater is asked, with its own this, and refuses first", async t => {
  class Gater {
    readonly asked: string[] = []
    refuse = false
    denyInboundConnection(): boolean {
      this.asked.push('inbound')
      return false
    }
    async denyInboundEncryptedConnection(): Promise<boolean> {
      this.asked.push('encrypted')
      return this.refuse
    }
  }
  const gater = new Gater()
  const { node, peer } = await pair(t, { options: { connectionGater: gater } })
  assert.deepEqual(gater.asked, [], 'the self-test does not show its probe to the gater')
  await peer.services.ping.ping(addressOf(node))
  assert.deepEqual(gater.asked, ['inbound', 'encrypted'])
  await peer.hangUp(node.peerId)
  gater.refuse = true
  await assert.rejects(peer.services.ping.ping(addressOf(node)))
  assert.deepEqual(node.services.sluice.resources().denials, [], 'not counted as a refusal of ours')
})

test("the user's address sorter and connection protector are used", async t => {
  const used: string[] = []
  const other = await plainNode(t, { transports: ['tcp', 'ws'] })
  const node = await protectedNode(t, {
    transports: ['tcp', 'ws'],
    options: {
      connectionProtector: () => ({
        async protect(stream) {
          used.push('protector')
          return stream
        },
      }),
      connectionManager: {
        addressSorter(a) {
          used.push('sorter')
          return a.multiaddr.toString().includes('/ws') ? -1 : 1
        },
      },
    },
  })
  const connection = await node.dial(other.getMultiaddrs())
  assert.match(connection.remoteAddr.toString(), /\/ws/)
  assert.ok(used.includes('sorter'))
  assert.ok(used.includes('protector'))
})

test('the supported range is stated once, and what is tested here lies in it', async () => {
  assert.equal(manifest.peerDependencies.libp2p, SUPPORTED_LIBP2P)
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.resolve('libp2p')), 'utf8'))
  const [major, minor] = version.split('.').map(Number)
  assert.ok(major === 3 && minor >= 3, `libp2p ${version} is installed`)
})

test('the types of services are inferred through protect', async t => {
  const node = await createLibp2p(protect({ services: { ping: ping() }, start: false }))
  t.after(() => node.stop())
  const usage: number = node.services.sluice.resources().system.usage.memory
  const call: (peer: Multiaddr) => Promise<number> = peer => node.services.ping.ping(peer)
  assert.equal(usage, 0)
  assert.ok(call)
})

test('a node without transports, muxers or encrypters is protected too', async t => {
  const node = await protectedNode(t, { transports: [], muxers: [], encrypters: [] })
  assert.deepEqual(node.services.sluice.capabilities, [])
})
