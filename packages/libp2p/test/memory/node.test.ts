/**
 * The node's memory budget under peers that fill every window they are given and are never read.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { addressOf, eventually, noStrayErrors, plainNode, protectedNode } from '../helpers.ts'

const SINK = '/test/never-read/1.0.0'

describe('the memory budget of a node', () => {
  it('is not exceeded for long, resets the fattest, and lets honest peers through', async t => {
    noStrayErrors(t)
    const memory = 24 * 1024 * 1024
    const node = await protectedNode(t, { policy: { memory } })
    await node.handle(SINK, () => {})
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, node.services.sluice.resources().system.usage.memory)
    }, 5)
    t.after(() => clearInterval(watch))
    const attackers = await Promise.all(Array.from({ length: 4 }, () => plainNode(t, { listen: false })))
    const opened: Stream[] = []
    const attack = async (attacker: (typeof attackers)[number]): Promise<void> => {
      const stream = await attacker.dialProtocol(addressOf(node), SINK)
      opened.push(stream)
      stream.send(Buffer.alloc(512 * 1024))
    }
    for (const attacker of attackers) await attacker.dial(addressOf(node))
    const attacks = attackers.flatMap(attacker => Array.from({ length: 30 }, () => attack(attacker).catch(() => {})))
    await eventually(() => peak >= memory / 4)
    const honest = await plainNode(t, { listen: false })
    assert.ok((await honest.services.ping.ping(addressOf(node))) >= 0)
    await delay(200)
    assert.ok(peak <= memory + 2 * 1024 * 1024, `${peak} bytes charged at the peak`)
    for (const attacker of attackers) await attacker.stop()
    await Promise.all(attacks)
    assert.ok(opened.length > 10, `${opened.length} streams were opened`)
  })

  it('holds nothing when it is stopped while attacked', async t => {
    noStrayErrors(t)
    const node = await protectedNode(t)
    await node.handle(SINK, () => {})
    const attacker = await plainNode(t, { listen: false })
    await attacker.dial(addressOf(node))
    for (let at = 0; at < 10; at++) {
      const stream = await attacker.dialProtocol(addressOf(node), SINK)
      stream.send(Buffer.alloc(400 * 1024))
    }
    await eventually(() => node.services.sluice.resources().system.usage.memory > 1024 * 1024)
    await node.stop()
    await eventually(() => node.services.sluice.resources().system.usage.memory === 0)
  })
})
