/**
 * The gate: deny and bans win over allow, entries match what they name and nothing else, lists change at run time, bans end and are bounded.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, parseAddress } from '../../src/address.ts'
import { MisuseError } from '../../src/errors.ts'
import { Bans, REASON_LENGTH_MAX } from '../../src/gate/bans.ts'
import { Gate, readTarget } from '../../src/gate/gate.ts'
import { ENTRIES_PER_NETWORK_MAX, GateRules } from '../../src/gate/rules.ts'

function at(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return address
}

const ALICE = 'QmAlice'
const BOB = 'QmBob'

/** entry, address, peer, matches */
const MATCHES: readonly (readonly [string, string, string | undefined, boolean])[] = [
  ['192.0.2.7', '/ip4/192.0.2.7/tcp/4001', undefined, true],
  ['192.0.2.7', '::ffff:192.0.2.7', undefined, true],
  ['192.0.2.7', '/ip4/192.0.2.8/tcp/4001', undefined, false],
  ['/ip4/52.55', '52.55.200.1', undefined, true],
  ['/ip4/52.55', '52.56.0.1', undefined, false],
  ['/ip4/5.5', '52.55.0.1', undefined, false],
  ['/ip4/192.0.2.7/tcp/4001', '/ip4/192.0.2.7/tcp/4001', undefined, true],
  ['/ip4/192.0.2.7/tcp/4001', '/ip4/192.0.2.7/tcp/4002', undefined, false],
  ['/ip4/192.0.2.7/p2p/QmAlice', '192.0.2.7', undefined, false],
  ['/ip4/192.0.2.7/p2p/QmAlice', '192.0.2.7', ALICE, true],
  ['/ip4/192.0.2.7/p2p/QmAlice', '192.0.2.7', BOB, false],
  ['/ip4/192.0.2.7/p2p/QmAlice', '192.0.2.8', ALICE, false],
  ['/p2p/QmAlice', '192.0.2.8', ALICE, true],
  ['/p2p/QmAlice', '/memory/1', ALICE, true],
  ['/p2p/QmAlice', '192.0.2.8', BOB, false],
  ['0.0.0.0/0', '192.0.2.8', undefined, true],
  ['0.0.0.0/0', '2001:db8::1', undefined, false],
  ['::/0', '2001:db8::1', undefined, true],
  ['::/0', '192.0.2.8', undefined, false],
  ['2001:db8::/32', '2001:db8:1:2:3:4:5:6', undefined, true],
  ['2001:db8::1', '2001:db8::2', undefined, false],
  ['192.0.2.7', '/ip4/192.0.2.7/tcp/4001/p2p/QmRelay/p2p-circuit', undefined, false],
  ['/p2p/QmRelay/p2p-circuit', '/ip4/192.0.2.7/tcp/4001/p2p/QmRelay/p2p-circuit', undefined, true],
  ['/p2p/QmRelay/p2p-circuit', '/p2p/QmOther/p2p-circuit', undefined, false],
  ['/p2p/QmRelay/p2p-circuit/p2p/QmAlice', '/p2p/QmRelay/p2p-circuit', ALICE, true],
  ['/p2p/QmRelay/p2p-circuit/p2p/QmAlice', '/p2p/QmRelay/p2p-circuit', BOB, false],
  ['/p2p/QmRelay', '/p2p/QmRelay/p2p-circuit', undefined, false],
]

for (const [entry, address, peer, expected] of MATCHES) {
  test(`${entry} ${expected ? 'names' : 'does not name'} ${address} ${peer ?? ''}`, () => {
    const rules = new GateRules()
    assert.equal(rules.match(at(address), peer), undefined)
    assert.equal(rules.add(readTarget(entry)), true)
    assert.equal(rules.add(readTarget(entry)), false)
    assert.equal(rules.match(at(address), peer) !== undefined, expected)
    assert.equal(rules.delete(readTarget(entry).text), true)
    assert.equal(rules.delete(readTarget(entry).text), false)
    assert.equal(rules.match(at(address), peer), undefined)
    assert.equal(rules.size, 0)
  })
}

test('a narrower network with a condition that fails does not hide a wider one', () => {
  const rules = new GateRules()
  rules.add(readTarget('/ip4/192.0.2.7/tcp/1'))
  rules.add(readTarget('192.0.2.0/24'))
  assert.equal(rules.match(at('192.0.2.7:2'), undefined)?.text, '/ip4/192.0.2.0/ipcidr/24')
  assert.equal(rules.match(at('192.0.2.7:1'), undefined)?.text, '/ip4/192.0.2.7/tcp/1')
})

test('entries of one network are bounded', () => {
  const rules = new GateRules()
  for (let port = 0; port < ENTRIES_PER_NETWORK_MAX; port++) assert.equal(rules.add(readTarget(`192.0.2.7:${port}`)), true)
  assert.equal(rules.add(readTarget('192.0.2.7:65000')), false)
  assert.equal(rules.size, ENTRIES_PER_NETWORK_MAX)
  assert.equal(rules.add(readTarget('192.0.2.7')), true)
})

test('deny and bans win, and say what they are', () => {
  const gate = new Gate({ allow: ['192.0.2.7'], deny: ['192.0.2.0/24'] })
  assert.deepEqual(gate.barrier(at('192.0.2.7'), undefined, 0), { rule: 'gate.deny', target: '/ip4/192.0.2.0/ipcidr/24' })
  assert.equal(gate.isAllowed(at('192.0.2.7'), undefined), true)
  gate.ban('198.51.100.1', 0, 1000, 'spam')
  assert.deepEqual(gate.barrier(at('198.51.100.1'), undefined, 999), { rule: 'gate.ban', target: '/ip4/198.51.100.1', untilMs: 1000 })
  assert.equal(gate.barrier(at('198.51.100.1'), undefined, 1000), undefined)
  assert.deepEqual(
    gate.expireBans(1000).map(ban => ban.target),
    ['/ip4/198.51.100.1'],
  )
  assert.equal(gate.banCount, 0)
})

test('a peer-specific allow entry counts as possible before the handshake, as certain only with that peer', () => {
  const gate = new Gate({ allow: ['/ip4/192.0.2.0/ipcidr/24/p2p/QmAlice'], deny: [] })
  const address = at('192.0.2.7')
  assert.equal(gate.isAllowed(address, undefined), false)
  assert.equal(gate.mayBeAllowed(address), true)
  assert.equal(gate.mayBeAllowed(at('192.0.3.7')), false)
  assert.equal(gate.isAllowed(address, ALICE), true)
  assert.equal(gate.isAllowed(address, BOB), false)
  assert.equal(gate.isAllowed(undefined, ALICE), false)
})

test('lists change at run time, and run-time entries outlive a new policy', () => {
  const gate = new Gate({ allow: [], deny: ['192.0.2.1'] })
  assert.equal(gate.allow('192.0.2.9').text, '/ip4/192.0.2.9')
  gate.deny('/p2p/QmBob')
  gate.setPolicy({ allow: ['192.0.2.3'], deny: [] })
  assert.deepEqual([...gate.allowed()], ['/ip4/192.0.2.3', '/ip4/192.0.2.9'])
  assert.deepEqual([...gate.denied()], ['/p2p/QmBob'])
  assert.equal(gate.barrier(at('192.0.2.1'), undefined, 0), undefined)
  assert.deepEqual(gate.barrier(undefined, BOB, 0), { rule: 'gate.deny', target: '/p2p/QmBob' })
  assert.equal(gate.disallow('192.0.2.9'), true)
  assert.equal(gate.disallow('192.0.2.9'), false)
  assert.equal(gate.undeny('/p2p/QmBob'), true)
  assert.equal(gate.isOpen, true)
})

test('a target that does not parse is misuse, with the position', () => {
  const gate = new Gate({ allow: [], deny: [] })
  for (const verb of [() => gate.ban('192.0.2.256', 0, 1, ''), () => gate.unban('x'), () => gate.allow('x'), () => gate.disallow('x')]) {
    assert.throws(verb, (error: unknown) => error instanceof MisuseError && typeof error.metadata.position === 'number')
  }
})

test('an entry that does not fit is refused aloud, never dropped', () => {
  const gate = new Gate({ allow: [], deny: [] })
  for (let port = 0; port < ENTRIES_PER_NETWORK_MAX; port++) gate.deny(`192.0.2.7:${port}`)
  assert.throws(() => gate.deny('192.0.2.7:60000'), MisuseError)
  assert.equal(gate.deny('192.0.2.7:5').text, '/ip4/192.0.2.7/tcp/5', 'one that is there already fits')
  assert.equal(gate.undeny('192.0.2.7:5'), true)
  assert.equal(gate.deny('192.0.2.7:60000').port, 60_000)
})

test('bans are listed and counted, and lifted by any spelling', () => {
  const gate = new Gate({ allow: [], deny: [] })
  gate.ban('192.0.2.7', 0, 2000, 'later')
  gate.ban('192.0.2.8', 0, 1000, 'sooner')
  assert.deepEqual(
    gate.bans().map(ban => ban.reason),
    ['sooner', 'later'],
  )
  assert.equal(gate.nextEndMs, 1000)
  assert.equal(gate.unban('::ffff:192.0.2.8')?.reason, 'sooner')
  assert.equal(gate.banCount, 1)
  assert.equal(gate.nextEndMs, 2000)
})

test('a ban that is given again takes the new end and reason', () => {
  const bans = new Bans()
  bans.add(readTarget('192.0.2.7'), 0, 1000, 'first')
  const { ban, displaced } = bans.add(readTarget('/ip4/192.0.2.7'), 10, 5000, 'x'.repeat(1000))
  assert.equal(displaced, undefined)
  assert.equal(ban.untilMs, 5000)
  assert.equal(ban.reason.length, REASON_LENGTH_MAX)
  assert.equal(bans.size, 1)
  assert.deepEqual(bans.expire(4999), [])
  assert.equal(bans.delete('/ip4/192.0.2.7')?.untilMs, 5000)
  assert.equal(bans.delete('/ip4/192.0.2.7'), undefined)
})

test('when full, the ban that ends first makes room, of endless ones the oldest', () => {
  const bans = new Bans(0, 3)
  bans.add(readTarget('192.0.2.1'), 0, Number.POSITIVE_INFINITY, '')
  bans.add(readTarget('192.0.2.2'), 0, 2000, '')
  bans.add(readTarget('192.0.2.3'), 0, 1000, '')
  assert.equal(bans.add(readTarget('192.0.2.4'), 0, Number.POSITIVE_INFINITY, '').displaced?.target, '/ip4/192.0.2.3')
  assert.equal(bans.add(readTarget('192.0.2.5'), 0, Number.POSITIVE_INFINITY, '').displaced?.target, '/ip4/192.0.2.2')
  assert.equal(bans.add(readTarget('192.0.2.6'), 0, 1, '').displaced?.target, '/ip4/192.0.2.1')
  assert.equal(bans.match(at('192.0.2.1'), undefined, 0), undefined)
  assert.equal(bans.size, 3)
})

test('bans end in order, in as many steps as are due, through any adding and lifting', () => {
  const operation = fc.record({
    who: fc.integer({ min: 0, max: 20 }),
    untilMs: fc.integer({ min: 1, max: 100 }),
    lift: fc.boolean(),
    tickMs: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), operations => {
      const bans = new Bans(1, 12)
      const naive = new Map<string, { untilMs: number; number: number }>()
      let nowMs = 0
      operations.forEach(({ who, untilMs, lift, tickMs }, number) => {
        nowMs += tickMs
        const due = [...naive]
          .filter(([, ban]) => ban.untilMs <= nowMs)
          .sort((x, y) => x[1].untilMs - y[1].untilMs || x[1].number - y[1].number)
        assert.deepEqual(
          bans.expire(nowMs).map(ban => ban.target),
          due.map(([target]) => target),
        )
        for (const [target] of due) naive.delete(target)
        const gate = readTarget(`192.0.2.${who}`)
        if (lift) assert.equal(bans.delete(gate.text) !== undefined, naive.delete(gate.text))
        else {
          naive.delete(gate.text)
          const { displaced } = bans.add(gate, nowMs, nowMs + untilMs, '')
          const first = [...naive].sort((x, y) => x[1].untilMs - y[1].untilMs || x[1].number - y[1].number)[0]
          assert.equal(displaced?.target, naive.size >= 12 ? first?.[0] : undefined)
          if (displaced !== undefined) naive.delete(displaced.target)
          naive.set(gate.text, { untilMs: nowMs + untilMs, number })
        }
        assert.equal(bans.size, naive.size)
        assert.equal(bans.nextEndMs, Math.min(Number.POSITIVE_INFINITY, ...[...naive.values()].map(ban => ban.untilMs)))
        for (const [target] of naive) assert.ok(bans.match(at(target), undefined, nowMs) !== undefined)
        assert.deepEqual(
          bans
            .list()
            .map(ban => ban.target)
            .sort(),
          [...naive.keys()].sort(),
        )
      })
    }),
    { numRuns: 300 },
  )
})
