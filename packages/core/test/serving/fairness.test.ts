/**
 * Property 7: among continuously waiting prefixes service differs by at most one turn, nobody waits past the bound; and nobody starves behind LAN or newcomers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { STEPS_MAX } from '../../src/serving/limits.ts'
import { FairQueue, FRESH_CREDIT_MAX, KNOWN_PREFIXES_MAX, LAN_TURNS_MAX } from '../../src/serving/queue.ts'
import { holds, seeded, taken } from '../helpers.ts'
import { leech, place, servingRig } from './rig.ts'

const TURN = 1000

/** Prefixes of so many IPs with so many sessions each; two at least wait at any time. */
const crowd = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 8 })

test('property 7: among prefixes that wait continuously, bytes differ by one turn and one message at most', t => {
  holds(
    t,
    fc.property(
      crowd,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: TURN }),
      fc.nat(2 ** 31),
      (prefixes, slots, messageMax, seed) => {
        const random = seeded(seed)
        const queue = new FairQueue<number>(TURN, slots)
        const members = prefixes.flatMap((ips, prefix) =>
          ips.flatMap((n, ip) => Array.from({ length: n + 1 }, (_, peer) => queue.join(place(prefix, ip, peer), prefix))),
        )
        const served = prefixes.map(() => 0)
        for (const member of members) queue.wait(member)
        for (let turn = 0; turn < 300; turn++) {
          const member = queue.peek()
          assert.ok(member !== undefined)
          const allowance = queue.grant(member)
          let sent = 0
          while (sent < allowance) sent += 1 + Math.floor(random() * messageMax)
          served[member.owner] = (served[member.owner] ?? 0) + sent
          queue.settle(member, allowance, sent)
          queue.wait(member)
          assert.ok(Math.max(...served) - Math.min(...served) <= TURN + messageMax, `${served}`)
        }
      },
    ),
  )
})

test('property 7 with turns that overlap: turns differ by one, save where a prefix would hold all slots', t => {
  holds(
    t,
    fc.property(crowd, fc.integer({ min: 2, max: 5 }), fc.nat(2 ** 31), (prefixes, slots, seed) => {
      const random = seeded(seed)
      const queue = new FairQueue<number>(TURN, slots)
      // More sessions than slots in each prefix, so that each waits at all times.
      const members = prefixes.flatMap((_, prefix) =>
        Array.from({ length: slots + 1 }, (_, peer) => queue.join(place(prefix, peer), prefix)),
      )
      const turns = prefixes.map(() => 0)
      for (const member of members) queue.wait(member)
      const running: (typeof members)[number][] = []
      const passedOver = prefixes.map(() => false)
      for (let step = 0; step < 400; step++) {
        const member = running.length < slots ? queue.peek() : undefined
        if (member === undefined || random() < 0.5) {
          const [ended] = running.splice(Math.floor(random() * running.length), 1)
          if (ended === undefined) continue
          queue.settle(ended, TURN, TURN)
          queue.wait(ended)
          continue
        }
        queue.grant(member)
        running.push(member)
        turns[member.owner] = (turns[member.owner] ?? 0) + 1
        const own = running.filter(other => other.owner === member.owner).length
        assert.ok(own < slots, 'one prefix holds all slots while others wait')
        if (own >= slots - 1) passedOver[member.owner] = true
        const least = Math.min(...turns.filter((_, prefix) => passedOver[prefix] === false))
        assert.ok(Math.max(...turns) - least <= 1, `${turns}`)
      }
    }),
  )
})

test('fifty ports of one IP share one turn', () => {
  const { serving } = servingRig({ limits: { slots: 1, turnBytes: TURN, turnMs: 1000, bytesInFlightMax: TURN } })
  const served = [0, 0]
  for (let port = 0; port < 50; port++)
    leech(
      taken(serving.openSession(place(1, 1, port))),
      () => 100,
      bytes => (served[0]! += bytes),
    )
  leech(
    taken(serving.openSession(place(2))),
    () => 100,
    bytes => (served[1]! += bytes),
  )
  serving.advance()
  assert.ok(served[0]! > 50 * TURN, `${served}`)
  assert.ok(Math.abs(served[0]! - served[1]!) <= TURN, `${served}`)
})

test('within a prefix its IPs share, within an IP its sessions', () => {
  const { serving } = servingRig({ limits: { slots: 1, turnBytes: TURN, bytesInFlightMax: TURN } })
  const served = [0, 0, 0]
  for (let port = 0; port < 10; port++)
    leech(
      taken(serving.openSession(place(1, 1, port))),
      () => 130,
      bytes => (served[0]! += bytes),
    )
  for (const [ip, index] of [
    [2, 1],
    [3, 2],
  ] as const)
    leech(
      taken(serving.openSession(place(1, ip))),
      () => 130,
      bytes => (served[index]! += bytes),
    )
  serving.advance()
  assert.ok(Math.max(...served) - Math.min(...served) <= 2 * TURN, `${served}`)
})

test('a prefix holds all slots only while nobody else waits', () => {
  const { serving } = servingRig()
  const turns: (() => void)[] = []
  const order: number[] = []
  const ask = (prefix: number, peer: number): void => {
    taken(
      taken(serving.openSession(place(prefix, 0, peer))).request(1e9, turn => {
        order.push(prefix)
        turns.push(() => {
          turn.sent(5e6)
          turn.end(1e9)
        })
      }),
    )
  }
  for (let peer = 0; peer < 6; peer++) ask(1, peer)
  serving.advance()
  assert.deepEqual(order, [1, 1, 1], 'alone, it has all')
  ask(2, 0)
  turns.shift()?.()
  serving.advance()
  assert.deepEqual(order, [1, 1, 1, 2], 'the next is the one who waits')
})

test('a new prefix comes first, and a flood of new prefixes starves nobody', () => {
  const queue = new FairQueue<string>(TURN, 1)
  const known = queue.join(place(0), 'known')
  const turn = (): string => {
    const member = queue.peek()
    assert.ok(member !== undefined)
    queue.settle(member, queue.grant(member), TURN)
    return member.owner
  }
  queue.wait(known)
  assert.equal(turn(), 'known')
  queue.wait(known)
  let gap = 0
  let gapMax = 0
  for (let prefix = 1; prefix < 500; prefix++) {
    queue.wait(queue.join(place(prefix), 'new'))
    if (prefix === 1) assert.equal(queue.peek()?.owner, 'new')
    const owner = turn()
    gap = owner === 'known' ? 0 : gap + 1
    gapMax = Math.max(gap, gapMax)
    if (owner === 'known') queue.wait(known)
    if (prefix > 50) break
  }
  assert.ok(gapMax <= 20, `waited ${gapMax} turns`)
})

test('LAN comes first, for three turns of four', () => {
  const queue = new FairQueue<string>(TURN, 1)
  const members = [...[1, 2].map(n => queue.join(place(n), 'stranger')), ...[1, 2].map(n => queue.join(place(n, 0, 0, true), 'lan'))]
  for (const member of members) queue.wait(member)
  const counts = { lan: 0, stranger: 0 }
  for (let turn = 0; turn < 400; turn++) {
    const member = queue.peek()!
    if (turn < 3) assert.equal(member.owner, 'lan')
    counts[member.owner as 'lan' | 'stranger']++
    queue.settle(member, queue.grant(member), TURN)
    queue.wait(member)
  }
  assert.deepEqual(counts, { lan: 300, stranger: 100 })
})

test('one advance() does a bounded amount of work, and says that there is more', () => {
  const { serving } = servingRig({ limits: { slots: 1, turnBytes: TURN, bytesInFlightMax: TURN } })
  let messages = 0
  leech(
    taken(serving.openSession(place(1))),
    () => TURN,
    () => messages++,
  )
  assert.equal(serving.advance(), 0)
  assert.ok(messages <= STEPS_MAX && messages > STEPS_MAX / 2, `${messages}`)
})

test('no starvation: behind any arrivals of LAN and newcomers, a stranger has its turn after a bounded number of others', t => {
  const known = 5
  const boundTurns = (LAN_TURNS_MAX + 1) * (2 * known + FRESH_CREDIT_MAX + 1)
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(2)), { minLength: 300, maxLength: 600, size: 'max' }), arrivals => {
      const queue = new FairQueue<number>(TURN, 1)
      const strangers = Array.from({ length: known }, (_, n) => queue.join(place(n), n))
      const since = strangers.map(() => 0)
      for (const member of strangers) queue.wait(member)
      for (const [turn, [kind, stays]] of arrivals.entries()) {
        // Newcomers leave after a turn, so that what is known stays five: the bound is in prefixes known.
        if (kind > 0) queue.wait(queue.join(place(100 + turn, 0, 0, kind === 1 && stays > 0), -1))
        const member = queue.peek()!
        queue.settle(member, queue.grant(member), TURN)
        if (member.owner < 0) continue
        since[member.owner] = turn
        queue.wait(member)
        assert.ok(turn - Math.min(...since) <= boundTurns, `${turn} ${since}`)
      }
      assert.ok(arrivals.length - Math.min(...since) <= boundTurns + known, `${since}`)
    }),
    100,
  )
})

test('a turn that ran late is owed in time', () => {
  const queue = new FairQueue<string>(TURN, 1)
  const members = ['late', 'prompt'].map((owner, n) => queue.join(place(n), owner))
  for (const member of members) queue.wait(member)
  const order: string[] = []
  for (let turn = 0; turn < 9; turn++) {
    const member = queue.peek()!
    order.push(member.owner)
    queue.settle(member, queue.grant(member), TURN, member.owner === 'late' ? 3 * TURN : 0)
    queue.wait(member)
  }
  assert.equal(order.filter(owner => owner === 'late').length, 2, `${order}`)
})

test('the memory of known prefixes is bounded', () => {
  const queue = new FairQueue<number>(TURN, 1)
  for (let n = 0; n < KNOWN_PREFIXES_MAX + 1000; n++) {
    const member = queue.join(place(n), n)
    queue.wait(member)
    assert.equal(queue.peek(), member)
    queue.settle(member, queue.grant(member), TURN)
    queue.leave(member)
  }
  assert.equal(queue.knownPrefixes, KNOWN_PREFIXES_MAX)
  assert.equal(queue.waitingPrefixes, 0)
})
