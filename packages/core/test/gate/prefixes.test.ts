/**
 * Networks to values, against the most naive list there is and against `net.BlockList`.
 */

import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseEntry, parseNetwork } from '../../src/gate/entries.ts'
import { type NetworkKey, PrefixTable } from '../../src/gate/prefixes.ts'

function key(text: string): NetworkKey {
  const network = parseNetwork(text)
  assert.ok(network.ok)
  return network
}

function bits(network: NetworkKey): string {
  const words = network.version === 4 ? [network.a] : [network.a, network.b, network.c, network.d]
  return words.map(word => (word >>> 0).toString(2).padStart(32, '0')).join('')
}

/** Addresses and networks near each other, so that some contain others. */
const network = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 32 }))
    .map(([x, y, length]) => `10.${x}.${y}.${x}/${length}`),
  fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 128 }))
    .map(([x, y, length]) => `2001:db8:${x}::${y}/${length}`),
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, length]) => `${ip}/${length}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([ip, length]) => `${ip}/${length}`),
)

test('the most specific network wins, through any adding and removing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(network, fc.boolean()), { maxLength: 80 }),
      fc.array(network, { maxLength: 20 }),
      fc.integer(),
      (changes, probes, seed) => {
        const table = new PrefixTable(seed)
        const naive = new Map<string, { key: NetworkKey; value: number }>()
        changes.forEach(([text, isAdd], value) => {
          const changed = key(text)
          const name = `${changed.version}:${bits(changed)}/${changed.length}`
          if (isAdd) {
            table.set(changed, value)
            naive.set(name, { key: changed, value })
          } else assert.equal(table.delete(changed), naive.delete(name))
          assert.equal(table.get(changed), naive.get(name)?.value ?? -1)
        })
        assert.equal(table.size, naive.size)
        for (const probe of [...probes, ...changes.map(([text]) => text)]) {
          const { version, a, b, c, d } = key(probe.replace(/\/.*/, ''))
          const whole = bits({ version, a, b, c, d, length: 0 })
          let best: { key: NetworkKey; value: number } | undefined
          for (const rule of naive.values()) {
            if (rule.key.version !== version || bits(rule.key).slice(0, rule.key.length) !== whole.slice(0, rule.key.length)) continue
            if (best === undefined || rule.key.length > best.key.length) best = rule
          }
          assert.equal(table.match(version, a, b, c, d), best?.value ?? -1, probe)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('what matches is what net.BlockList matches', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 30 }), fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 30 }), (rules, probes) => {
      const table = new PrefixTable()
      const list = new BlockList()
      for (const text of rules) {
        const rule = key(text)
        // What becomes IPv4 here stays IPv6 there, and there a wide IPv6 network takes in the mapped IPv4 ones.
        if ((rule.version === 4 && text.includes(':')) || (rule.version === 6 && rule.a === 0)) continue
        table.set(rule, 1)
        const [ip = '', length = ''] = text.split('/')
        list.addSubnet(ip, Number(length), rule.version === 4 ? 'ipv4' : 'ipv6')
      }
      for (const ip of [...probes, ...rules.map(text => text.replace(/\/.*/, ''))]) {
        const { version, a, b, c, d } = key(ip)
        if (version === 4 && ip.includes(':')) continue
        assert.equal(table.match(version, a, b, c, d) === 1, list.check(ip, version === 4 ? 'ipv4' : 'ipv6'), ip)
      }
    }),
    { numRuns: 300 },
  )
})

test('a lookup probes once per length, however many rules there are', () => {
  const table = new PrefixTable(3)
  for (let i = 0; i < 100_000; i++) table.set({ version: 4, a: Math.imul(i, 0x9e3779b1) & -256, b: 0, c: 0, d: 0, length: 24 }, i)
  assert.equal(table.probes(4), 1)
  assert.equal(table.probes(6), 0)
  table.set(key('10.0.0.0/8'), 5)
  assert.equal(table.probes(4), 2)
  table.delete(key('10.0.0.0/8'))
  assert.equal(table.probes(4), 1)
  assert.equal(table.match(4, Math.imul(77, 0x9e3779b1) & -256, 0, 0, 0), 77)
})

const ENTRIES: Readonly<Record<string, string>> = {
  '192.0.2.7': '/ip4/192.0.2.7',
  '192.0.2.7/24': '/ip4/192.0.2.0/ipcidr/24',
  '0.0.0.0/0': '/ip4/0.0.0.0/ipcidr/0',
  '2001:DB8::/32': '/ip6/2001:db8::/ipcidr/32',
  '2001:db8::1': '/ip6/2001:db8::1',
  '192.0.2.7:4001': '/ip4/192.0.2.7/tcp/4001',
  '[2001:db8::1]:4001': '/ip6/2001:db8::1/tcp/4001',
  '/ip4/192.0.2.7': '/ip4/192.0.2.7',
  '/ip4/192.0.2.7/': '/ip4/192.0.2.7',
  '/ip4/52.55': '/ip4/52.55.0.0/ipcidr/16',
  '/ip4/52': '/ip4/52.0.0.0/ipcidr/8',
  '/ip4/52.55.1': '/ip4/52.55.1.0/ipcidr/24',
  '/ip4/10.1.2.3/ipcidr/8': '/ip4/10.0.0.0/ipcidr/8',
  '/ip4/192.0.2.7/tcp/4001': '/ip4/192.0.2.7/tcp/4001',
  '/ip4/192.0.2.7/udp/4001': '/ip4/192.0.2.7/tcp/4001',
  '/ip4/192.0.2.0/ipcidr/24/p2p/QmPeer': '/ip4/192.0.2.0/ipcidr/24/p2p/QmPeer',
  '/ip4/192.0.2.7/tcp/4001/p2p/QmPeer': '/ip4/192.0.2.7/tcp/4001/p2p/QmPeer',
  '/ip6/2001:db8::/ipcidr/48': '/ip6/2001:db8::/ipcidr/48',
  '/ip6/::ffff:10.0.0.0/ipcidr/104': '/ip4/10.0.0.0/ipcidr/8',
  '::ffff:192.0.2.7': '/ip4/192.0.2.7',
  '2002:c000:200::/40': '/ip4/192.0.2.0/ipcidr/24',
  '64:ff9b::192.0.2.0/120': '/ip4/192.0.2.0/ipcidr/24',
  '/p2p/QmPeer': '/p2p/QmPeer',
  '/ipfs/QmPeer': '/p2p/QmPeer',
  '12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS': '/p2p/12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS',
  '/p2p/QmRelay/p2p-circuit': '/p2p/QmRelay/p2p-circuit',
  '/p2p/QmRelay/p2p-circuit/p2p/QmPeer': '/p2p/QmRelay/p2p-circuit/p2p/QmPeer',
}

for (const [text, canonical] of Object.entries(ENTRIES)) {
  test(`${text} names ${canonical}`, () => {
    const entry = parseEntry(text)
    assert.ok(entry.ok)
    assert.equal(entry.text, canonical)
    const again = parseEntry(entry.text)
    assert.ok(again.ok)
    assert.deepEqual(again, entry)
  })
}

const PROBLEMS: readonly (readonly [string, number])[] = [
  ['', 0],
  ['nobody', 0],
  ['not-a-peer-id-but-long', 3],
  ['192.0.2.256', 10],
  ['192.0.2.0/33', 10],
  ['192.0.2.0/', 10],
  ['2001:db8::/129', 11],
  ['/ip4/256', 7],
  ['/ip4/1.2.3.4.5', 14],
  ['/ip4/', 5],
  ['/ip4/10.0.0.0/ipcidr/33', 21],
  ['/ip4/10.0.0.0/ipcidr', 21],
  ['/ip4/192.0.2.7/tcp/70000', 19],
  ['/ip4/192.0.2.7/ws', 15],
  ['/p2p/a', 5],
  ['/p2p/QmPeer/p2p/QmOther', 16],
  ['/dns4/example.org', 1],
  ['/', 1],
]

for (const [text, position] of PROBLEMS) {
  test(`says where ${JSON.stringify(text)} is wrong`, () => {
    const problem = parseEntry(text)
    assert.ok(!problem.ok)
    assert.ok(problem.reason.length > 0)
    assert.equal(Math.min(problem.position, text.length), Math.min(position, text.length))
  })
}

test('no entry throws, and every entry reads back from its canonical text', () => {
  const part = fc.constantFrom(
    '/ip4',
    '/ip6',
    '/10.0',
    '/10.1.2.3',
    '/::1',
    '/fe80::',
    '/ipcidr',
    '/8',
    '/64',
    '/tcp',
    '/80',
    '/p2p',
    '/QmPeer',
    '/p2p-circuit',
    '.',
    '/',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part, { maxLength: 10 }).map(parts => parts.join('')),
      ),
      text => {
        const entry = parseEntry(text)
        if (!entry.ok) return
        const again = parseEntry(entry.text)
        assert.ok(again.ok)
        assert.equal(again.text, entry.text)
      },
    ),
    { numRuns: 10_000 },
  )
})
