/**
 * Bans and denials close what is open, refuse what comes, and end when they end.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGovernor } from '@sluice/core'
import { addressOf, eventually, heldNothing, noStrayErrors, pair, plainNode, protectedNode } from '../helpers.ts'

for (const by of ['peer', 'ip', 'cidr'] as const) {
  test(`a ban by ${by} closes what is open and refuses what comes`, async t => {
    noStrayErrors(t)
    const { node, peer } = await pair(t)
    const bystander = await plainNode(t, { listen: false })
    await peer.services.ping.ping(addressOf(node))
    const target = by === 'peer' ? peer.peerId.toString() : by === 'ip' ? '127.0.0.1' : '127.0.0.0/8'
    const ban = node.services.sluice.ban(target, { reason: 'test' })
    assert.equal(ban.reason, 'test')
    await eventually(() => node.getConnections().length === 0)
    await heldNothing(node)
    await peer.dial(addressOf(node)).then(
      connection => eventually(() => connection.status !== 'open'),
      () => {},
    )
    assert.equal(node.getConnections(peer.peerId).length, 0)
    if (by === 'peer') {
      await bystander.services.ping.ping(addressOf(node))
      await assert.rejects(node.dial(peer.peerId), 'nor do we dial it')
    }
    assert.equal(node.services.sluice.unban(target), true)
    assert.equal(node.services.sluice.unban(target), false)
    await peer.services.ping.ping(addressOf(node))
  })
}

test('a policy that denies an address closes what is open of it', async t => {
  const { node, peer } = await pair(t)
  await peer.services.ping.ping(addressOf(node))
  node.services.sluice.setPolicy({ gate: { deny: ['127.0.0.1'] } })
  await eventually(() => node.getConnections().length === 0)
  assert.throws(() => node.services.sluice.setPolicy({ gate: { deny: ['nowhere'] } }), { code: 'ERR_SLUICE_POLICY' })
})

test('two nodes share a governor: one budget, and a ban entered on it closes in both', async t => {
  const governor = createGovernor({ clock: { now: () => Date.now() }, random: Math.random })
  const first = await protectedNode(t, { init: { governor } })
  const second = await protectedNode(t, { init: { governor } })
  const peer = await plainNode(t, { listen: false })
  await peer.services.ping.ping(addressOf(first))
  await peer.services.ping.ping(addressOf(second))
  assert.equal(governor.resources().system.usage.connectionsInbound, 2)
  assert.equal(first.services.sluice.resources().system.usage.connectionsInbound, 2)
  governor.ban(peer.peerId.toString())
  await eventually(() => first.getConnections().length === 0 && second.getConnections().length === 0)
  assert.equal(governor.resources().system.usage.connectionsInbound, 0)
})
