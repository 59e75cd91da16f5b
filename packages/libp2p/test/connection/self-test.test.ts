/**
 * A hook that moved: the node refuses to start and names it, or starts and says loudly what it does not do. Each hook is broken here on purpose, as a new release of js-libp2p would.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MissingHookError, OnMissingHook } from '@sluice/libp2p'
import { protect } from '@sluice/libp2p'
import { createLibp2p } from 'libp2p'
import { nodeOptions, protectedNode } from '../helpers.ts'

/** What the tests reach into, the way a release of js-libp2p that changed would. */
interface Parts {
  readonly upgrader: Record<string, unknown> & {
    readonly connectionEncrypters: Map<string, unknown>
    readonly streamMuxers: Map<string, unknown>
  }
  readonly transportManager: { components: unknown; getTransports(): { dial?: unknown }[] }
  readonly connectionManager: { openConnection?: unknown }
}

const BREAKS: readonly (readonly [hook: string, how: (parts: Parts) => unknown])[] = [
  ['upgrader inbound', ({ upgrader }) => (upgrader.upgradeInbound = Object.getPrototypeOf(upgrader).upgradeInbound)],
  ['upgrader outbound', ({ upgrader }) => (upgrader.upgradeOutbound = Object.getPrototypeOf(upgrader).upgradeOutbound)],
  ['upgrader inbound', ({ upgrader }) => (upgrader.shouldBlockConnection = async () => {})],
  ['upgrader inbound', ({ upgrader }) => (upgrader._performUpgrade = async () => ({}))],
  ['transport manager', ({ transportManager }) => (transportManager.components = {})],
  ['transports', ({ transportManager }) => delete transportManager.getTransports()[0]?.dial],
  ['connection encrypters', ({ upgrader }) => upgrader.connectionEncrypters.set('/noise', { protocol: '/noise' })],
  ['stream muxers', ({ upgrader }) => upgrader.streamMuxers.set('/yamux/1.0.0', { protocol: '/yamux/1.0.0' })],
  ['connection manager', ({ connectionManager }) => delete connectionManager.openConnection],
]

function broken(how: (parts: Parts) => unknown, onMissingHook?: OnMissingHook) {
  const options = nodeOptions()
  const services = {
    ...options.services,
    saboteur: (components: object) => {
      how(components as Parts)
      return {}
    },
  } as NonNullable<typeof options.services>
  return protect({ ...options, services }, {}, onMissingHook === undefined ? {} : { onMissingHook })
}

for (const [hook, how] of BREAKS) {
  test(`without its hook "${hook}" a node does not start: ${how.toString().slice(0, 90)}`, async () => {
    await assert.rejects(createLibp2p(broken(how)), (error: MissingHookError) => {
      assert.equal(error.code, 'ERR_SLUICE_MISSING_HOOK')
      assert.ok(
        error.hooks.some(({ name }) => name === hook),
        `names ${hook}, not ${error.hooks.map(({ name }) => name).join(', ')}`,
      )
      assert.match(error.message, /without it/)
      return true
    })
  })
}

test('by choice it starts all the same, and says so', async t => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', onWarning)
  const node = await createLibp2p(broken(({ connectionManager }) => delete connectionManager.openConnection, 'degrade'))
  t.after(() => node.stop())
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', onWarning)
  assert.deepEqual(
    node.services.sluice.missingHooks.map(({ name }) => name),
    ['connection manager'],
  )
  assert.ok(warnings.some(warning => warning.name === 'SluiceDegraded' && warning.message.includes('connection manager')))
})

test('a WebSocket listener that keeps its server elsewhere is a missing hook', async () => {
  const options = nodeOptions({ transports: ['ws'] })
  const [factory] = options.transports ?? []
  assert.ok(factory)
  const moved = protect({
    ...options,
    transports: [
      components => {
        const transport = factory(components)
        const createListener = transport.createListener.bind(transport)
        transport.createListener = init => Object.assign(createListener(init), { server: undefined })
        return transport
      },
    ],
  })
  await assert.rejects(createLibp2p(moved), /@libp2p\/websockets server/)
})

test('an intact node misses nothing, on every transport', async t => {
  const node = await protectedNode(t, {
    transports: ['tcp', 'ws', 'quic', 'memory'],
    muxers: ['yamux', 'mplex'],
    encrypters: ['noise', 'tls'],
  })
  assert.deepEqual(node.services.sluice.missingHooks, [])
  assert.deepEqual(
    node.services.sluice.capabilities.map(({ name }) => name),
    ['tcp', 'ws', 'quic', 'memory', 'quic', '/yamux/1.0.0', '/mplex/6.7.0'],
  )
})
