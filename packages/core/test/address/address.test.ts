/**
 * Addresses: every form, canonicalisation, relays, and that nothing a stranger spells throws.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ADDRESS_LENGTH_MAX, type Address, parseAddress } from '../../src/address.ts'

const PEER = '12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS'
const RELAY = 'QmVvtzcZgCkMnSFf2dnrBPXrWuNFWNM9J3MpZQCvWPuVZf'

function parse(text: string): Address {
  const address = parseAddress(text)
  assert.ok(address.ok, `${text}: ${address.ok ? '' : address.reason}`)
  return address
}

type Facts = Partial<Pick<Address, 'kind' | 'text' | 'transport' | 'port' | 'peer' | 'zone' | 'locality' | 'scope'>>

const FORMS: Readonly<Record<string, Facts>> = {
  '/ip4/203.0.113.7/tcp/4001': { kind: 'ip4', text: '203.0.113.7', transport: 'tcp', port: 4001, peer: undefined, locality: 'public' },
  '/ip4/203.0.113.7': { kind: 'ip4', text: '203.0.113.7', transport: 'other', port: -1 },
  '/ip4/203.0.113.7/': { kind: 'ip4', text: '203.0.113.7' },
  [`/ip4/203.0.113.7/tcp/4001/p2p/${PEER}`]: { transport: 'tcp', peer: PEER },
  [`/ip4/203.0.113.7/tcp/4001/ipfs/${RELAY}`]: { transport: 'tcp', peer: RELAY },
  '/ip4/203.0.113.7/tcp/443/ws': { transport: 'ws', port: 443 },
  '/ip4/203.0.113.7/tcp/443/wss': { transport: 'wss' },
  '/ip4/203.0.113.7/tcp/443/tls/sni/example.org/ws': { transport: 'wss' },
  '/ip4/203.0.113.7/udp/4001/quic-v1': { transport: 'quic', port: 4001 },
  '/ip4/203.0.113.7/udp/4001/quic-v1/webtransport/certhash/uEiA/certhash/uEiB': { transport: 'webtransport' },
  '/ip4/203.0.113.7/udp/4001/webrtc-direct/certhash/uEiA': { transport: 'webrtc' },
  '/ip4/203.0.113.7/tcp/4001/something-new/with-a-value': { kind: 'ip4', transport: 'tcp' },
  '/ip6/2001:DB8::1/tcp/4001': { kind: 'ip6', text: '2001:db8::1', transport: 'tcp', port: 4001 },
  '/ip6/fe80::1%eth0/tcp/4001': { kind: 'ip6', text: 'fe80::1', zone: 'eth0', locality: 'private' },
  '/ip6zone/eth0/ip6/fe80::1/tcp/4001': { kind: 'ip6', text: 'fe80::1', zone: 'eth0', locality: 'private' },
  '/ip6/::ffff:192.0.2.1/tcp/1': { kind: 'ip4', text: '192.0.2.1', locality: 'public' },
  '/ip6/64:ff9b::c000:201/tcp/1': { kind: 'ip4', text: '192.0.2.1' },
  '/ip6/2002:c000:201::42/tcp/1': { kind: 'ip4', text: '192.0.2.1' },
  '/ip6/2002:7f00:1::/tcp/1': { kind: 'ip6', locality: 'public' },
  '203.0.113.7': { kind: 'ip4', text: '203.0.113.7', port: -1 },
  '203.0.113.7:8333': { kind: 'ip4', text: '203.0.113.7', port: 8333 },
  '2001:db8::1': { kind: 'ip6', text: '2001:db8::1', port: -1 },
  '[2001:db8::1]': { kind: 'ip6', text: '2001:db8::1', port: -1 },
  '[2001:db8::1]:8333': { kind: 'ip6', text: '2001:db8::1', port: 8333 },
  '[fe80::1%eth0]:8333': { kind: 'ip6', text: 'fe80::1', port: 8333, zone: 'eth0' },
  '::ffff:127.0.0.1': { kind: 'ip4', text: '127.0.0.1', locality: 'loopback' },
  [`/ip4/203.0.113.7/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`]: {
    kind: 'relay',
    text: `relay:${RELAY}`,
    transport: 'circuit',
    port: -1,
    peer: PEER,
  },
  [`/ip4/203.0.113.7/tcp/4001/p2p/${RELAY}/p2p-circuit`]: { kind: 'relay', text: `relay:${RELAY}`, peer: undefined },
  [`/ip4/203.0.113.7/tcp/4001/p2p/${RELAY}/p2p-circuit/webrtc/p2p/${PEER}`]: { kind: 'relay', transport: 'circuit', peer: PEER },
  [`/ip4/127.0.0.1/tcp/1/p2p-circuit/p2p/${PEER}`]: { kind: 'relay', text: 'relay:127.0.0.1', locality: 'public', peer: PEER },
  [`/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`]: { kind: 'relay', text: `relay:${RELAY}` },
  '/p2p-circuit': { kind: 'relay', text: 'relay:unknown' },
  '/memory/42': { kind: 'other', text: 'other:memory', transport: 'memory' },
  [`/dns4/example.org/tcp/443/wss/p2p/${PEER}`]: { kind: 'other', text: 'other:dns4', transport: 'wss', port: 443, peer: PEER },
  '/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234': { kind: 'other', text: 'other:onion3' },
  '/unix/var/run/thing/sock': { kind: 'other', text: 'other:unix' },
}

for (const [text, facts] of Object.entries(FORMS)) {
  test(`reads ${text}`, () => {
    const address = parse(text)
    const found = Object.fromEntries(Object.keys(facts).map(key => [key, address[key as keyof Facts]]))
    assert.deepEqual(found, facts)
  })
}

const PROBLEMS: readonly (readonly [string, number, RegExp])[] = [
  ['', 0, /empty/],
  ['/', 1, /without a name/],
  ['//', 1, /without a name/],
  ['/ip4', 4, /without its value/],
  ['/ip4/', 5, /IPv4/],
  ['/ip4/1.2.3', 10, /IPv4/],
  ['/ip4/1.2.3.256/tcp/1', 13, /IPv4/],
  ['/ip4/1.2.3.04', 12, /IPv4/],
  ['/ip4/1.2.3.4/tcp', 16, /value/],
  ['/ip4/1.2.3.4/tcp/', 17, /port/],
  ['/ip4/1.2.3.4/tcp/65536', 17, /port/],
  ['/ip4/1.2.3.4/tcp/-1', 17, /port/],
  ['/ip4/1.2.3.4/udp/x', 17, /port/],
  ['/ip4/1.2.3.4/p2p/a%b', 18, /peer id/],
  ['/ip4/1.2.3.4/p2p/', 17, /value/],
  ['/ip6/2001:db8::g/tcp/1', 15, /IPv6/],
  ['/IP4/1.2.3.4', 1, /component name/],
  ['/ip4/1.2.3.4//tcp/1', 13, /without a name/],
  ['/abcdefghijklmnopqrstuvwxyz01234567', 1, /longer than 32/],
  ['1.2.3.4:', 8, /port/],
  ['1.2.3.4:99999', 8, /port/],
  ['[::1', 4, /bracket/],
  ['[::1]80', 5, /expected :/],
  ['[::1]:', 6, /port/],
  ['fe80::1%', 7, /zone/],
  ['example.org', 0, /multiaddr/],
  ['localhost:80', 0, /multiaddr/],
]

for (const [text, position, reason] of PROBLEMS) {
  test(`says what is wrong with ${JSON.stringify(text)}`, () => {
    const problem = parseAddress(text)
    assert.ok(!problem.ok)
    assert.match(problem.reason, reason)
    assert.equal(problem.position, position)
  })
}

test('an address is looked at up to its bound and no further', () => {
  const long = parseAddress(`/ip4/1.2.3.4/${'a'.repeat(ADDRESS_LENGTH_MAX)}`)
  assert.ok(!long.ok)
  assert.equal(long.position, ADDRESS_LENGTH_MAX)
  assert.ok(parseAddress('/'.repeat(ADDRESS_LENGTH_MAX + 1)).ok === false)
})

const piece = fc.constantFrom(
  ...[
    '/ip4',
    '/ip6',
    '/1.2.3.4',
    '/::1',
    '/tcp',
    '/udp',
    '/80',
    '/p2p',
    `/${PEER}`,
    '/p2p-circuit',
    '/ws',
    '/tls',
    '/ip6zone',
    '/eth0',
    '%',
    '/',
    ':',
    '.',
    '[',
  ],
  ...[']', '/quic-v1', '/unix', '/memory', '/x', '\0', '\ud800', '…', ' '],
)

test('nothing throws, whatever a stranger spells', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 30 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(text, spelled => {
      const address = parseAddress(spelled)
      if (address.ok) assert.ok(address.text.length > 0 && address.port >= -1 && address.port <= 65535)
      else assert.ok(address.position >= 0 && address.position <= spelled.length && address.reason.length > 0)
    }),
    { numRuns: 20_000 },
  )
})

const component = fc.constantFrom(
  '/tcp/80',
  '/udp/80',
  '/ws',
  '/tls',
  `/p2p/${PEER}`,
  `/p2p/${RELAY}`,
  '/quic-v1',
  '/p2p-circuit',
  '/something-new',
  '/webrtc',
)

test('what is relayed is never charged as an IP', () => {
  fc.assert(
    fc.property(fc.array(component, { maxLength: 8 }), fc.array(component, { maxLength: 8 }), (before, after) => {
      const address = parse(`/ip4/203.0.113.7${before.join('')}/p2p-circuit${after.join('')}`)
      assert.equal(address.kind, 'relay')
      const first = before.includes('/p2p-circuit') ? before.slice(0, before.indexOf('/p2p-circuit')) : before
      const relay = first.findLast(part => part.startsWith('/p2p/'))
      assert.equal(address.scope, relay === undefined ? '203.0.113.7' : relay.slice('/p2p/'.length))
    }),
    { numRuns: 2_000 },
  )
})

test('one IPv4 address is one account however it is spelled', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65535 }), (ip, port) => {
      const spellings = [
        `/ip4/${ip}/tcp/${port}`,
        ip,
        `${ip}:${port}`,
        `::ffff:${ip}`,
        `[::FFFF:${ip}]:${port}`,
        `/ip6/0:0:0:0:0:ffff:${ip}/udp/${port}/quic-v1`,
      ]
      for (const spelling of spellings) {
        const address = parse(spelling)
        assert.equal(address.kind, 'ip4')
        assert.equal(address.text, ip)
      }
    }),
  )
})

test('an address reads back from its canonical text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), ip => {
      const once = parse(ip)
      const again = parse(once.text)
      assert.deepEqual(
        [again.kind, again.a, again.b, again.c, again.d, again.locality],
        [once.kind, once.a, once.b, once.c, once.d, once.locality],
      )
    }),
    { numRuns: 2_000 },
  )
})
