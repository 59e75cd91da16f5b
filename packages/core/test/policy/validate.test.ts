/**
 * Policies: what is absent takes its default, what is wrong is named with its remedy, all at once, and nothing a file may hold gets past the table.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PolicyError, type PolicyProblem } from '../../src/errors.ts'
import { FIELDS } from '../../src/policy/fields.ts'
import type { PolicyInput } from '../../src/policy/policy.ts'
import { validatePolicy } from '../../src/policy/validate.ts'

function problems(input: unknown): readonly PolicyProblem[] {
  try {
    validatePolicy(input as PolicyInput)
  } catch (error) {
    if (error instanceof PolicyError) return error.problems
    throw error
  }
  return []
}

function only(input: unknown): PolicyProblem {
  const found = problems(input)
  assert.equal(found.length, 1, JSON.stringify(found))
  return found[0]!
}

test('an empty policy is complete and frozen', () => {
  const policy = validatePolicy({})
  assert.equal(policy.mode, 'enforce')
  assert.equal(policy.memory, 128 * 2 ** 20)
  assert.equal(policy.connections, 256)
  assert.ok(Object.isFrozen(policy) && Object.isFrozen(policy.limits.system) && Object.isFrozen(policy.prefixes.networks))
  assert.equal(validatePolicy({}).rates.ping?.peer === policy.rates.ping?.peer, false, 'nothing is shared between policies')
})

test('a policy is a valid input for itself', () => {
  for (const input of [
    {},
    { connections: 1000, memory: '2GiB' },
    { limits: { protocols: { '/a/1': { streams: 3 } }, peers: { QmAlice: { memory: 'unlimited' } } }, rules: { 'rate.ping': 'observe' } },
  ] as PolicyInput[]) {
    const once = validatePolicy(input)
    assert.deepEqual(validatePolicy(once), once)
  }
})

test('the defaults of prefixes are those promised', () => {
  const { ipv4, ipv6 } = validatePolicy({}).prefixes
  assert.deepEqual([ipv4.ip.connections, ipv4['/24'].connections, ipv4['/16'].connections], [8, 64, 512])
  assert.deepEqual([ipv6.ip.connections, ipv6['/56'].connections, ipv6['/48'].connections, ipv6['/32'].connections], [8, 8, 64, 512])
  assert.deepEqual([ipv4.ip.rate, ipv6.ip.rate, ipv6['/56'].rate], Array(3).fill({ perSecond: 0.2, burst: 16 }))
  assert.deepEqual(ipv6['/48'].rate, { perSecond: 0.5, burst: 80 })
  assert.deepEqual([ipv4.ip.pending, ipv4['/24'].pending, ipv6.ip.pending], [4, 16, 4])
})

test('`connections` scales prefixes and connection limits, and nothing else', () => {
  const base = validatePolicy({})
  const twice = validatePolicy({ connections: 512 })
  assert.equal(twice.prefixes.ipv4.ip.connections, 16)
  assert.equal(twice.prefixes.ipv4['/24'].pending, 32)
  assert.deepEqual(twice.prefixes.ipv4.ip.rate, { perSecond: 0.4, burst: 32 })
  assert.equal(twice.limits.system.connectionsInbound, 512)
  assert.equal(twice.limits.system.connectionsOutbound, 1024)
  assert.deepEqual([twice.limits.system.memory, twice.limits.system.streams], [base.limits.system.memory, base.limits.system.streams])
  const small = validatePolicy({ connections: 16 })
  assert.equal(small.prefixes.ipv4.ip.connections, 4, 'a household still gets in')
  assert.equal(small.prefixes.ipv4['/24'].connections, 4)
  assert.deepEqual(small.prefixes.ipv4.ip.rate, { perSecond: 0.2, burst: 16 })
  assert.equal(small.limits.system.connectionsInbound, 16)
  assert.equal(small.limits.transient.connectionsInbound, 8)
})

test('`memory` scales memory and streams, and nothing else', () => {
  const large = validatePolicy({ memory: '1152MiB' })
  assert.equal(large.limits.system.memory, 1152 * 2 ** 20)
  assert.equal(large.limits.transient.memory, (32 + 128) * 2 ** 20)
  assert.equal(large.limits.system.streamsInbound, 2048)
  assert.equal(large.limits.system.connectionsInbound, 256)
  const small = validatePolicy({ memory: '64MiB' })
  assert.equal(small.limits.system.memory, 64 * 2 ** 20)
  assert.equal(small.limits.transient.memory, 16 * 2 ** 20)
  assert.equal(small.limits.peerDefault.memory, 32 * 2 ** 20)
})

test('a written limit wins over a knob, and a knob over the machine', () => {
  const machine = { memoryBytes: 64 * 2 ** 30, fileDescriptors: 65_536 }
  assert.equal(validatePolicy({}, machine).connections, 64 + 64 * 8)
  assert.equal(validatePolicy({}, machine).memory, (128 + 8 * 1024) * 2 ** 20)
  assert.equal(validatePolicy({}, machine).limits.system.fileDescriptors, 32_768)
  const policy = validatePolicy({ connections: 100, memory: '1GB', limits: { system: { connectionsInbound: 7 } } }, machine)
  assert.equal(policy.limits.system.connectionsInbound, 7)
  assert.equal(policy.limits.system.connectionsOutbound, 200)
  assert.equal(policy.limits.system.memory, 1_000_000_000)
})

test('one line lets an honest NAT of 60 peers in', () => {
  const [network] = validatePolicy({ prefixes: { networks: [{ network: '203.0.113.7/32', connections: 60 }] } }).prefixes.networks
  assert.deepEqual(network, {
    network: '203.0.113.7/32',
    per: 'network',
    connections: 60,
    pending: 60,
    streams: 4096,
    rate: { perSecond: 1.5, burst: 120 },
  })
})

test('what a network leaves out stays with the levels unless it names connections', () => {
  const networks = validatePolicy({
    prefixes: {
      networks: [
        { network: '2001:db8::1/48', rate: { perSecond: 1, burst: 2 } },
        { network: '::ffff:192.0.2.0/120', connections: 'unlimited' },
        { network: '198.51.100.0/24', connections: 10, pending: 2, rate: 'unlimited', per: 'ip' },
      ],
    },
  }).prefixes.networks
  assert.deepEqual(networks, [
    { network: '2001:db8::/48', per: 'network', rate: { perSecond: 1, burst: 2 } },
    { network: '192.0.2.0/24', per: 'network', connections: 'unlimited', pending: 'unlimited', streams: 'unlimited', rate: 'unlimited' },
    { network: '198.51.100.0/24', per: 'ip', connections: 10, pending: 2, streams: 1024, rate: 'unlimited' },
  ])
})

test('limits: 0 blocks, beyond 2^53-1 is unlimited, text may have a unit', () => {
  const { system } = validatePolicy({
    limits: {
      system: {
        streams: 0,
        streamsInbound: 'block',
        streamsOutbound: Number.POSITIVE_INFINITY,
        connections: 2 ** 60,
        connectionsInbound: '12',
        memory: '1.5GiB',
      },
    },
  }).limits
  assert.deepEqual(
    [system.streams, system.streamsInbound, system.streamsOutbound, system.connections, system.connectionsInbound, system.memory],
    ['block', 'block', 'unlimited', 'unlimited', 12, 1.5 * 2 ** 30],
  )
})

test('built-in services have their limits, and an override keeps what it does not name', () => {
  const limits = validatePolicy({ limits: { services: { 'libp2p.ping': { streamsInbound: 5 } } } }).limits
  assert.equal(limits.services['libp2p.ping']?.streamsInbound, 5)
  assert.equal(limits.services['libp2p.ping']?.streamsOutbound, 64)
  assert.equal(limits.servicePeers['libp2p.identify']?.streams, 32)
  assert.equal(limits.protocolPeers['/libp2p/circuit/relay/0.2.0/hop']?.streams, 128)
})

test('half a rate takes the other half from the default; a new one needs both', () => {
  const policy = validatePolicy({ rates: { ping: { peer: { burst: 1000 } }, mine: { ip: { perSecond: 0.5, burst: 3 } } } })
  assert.deepEqual(policy.rates.ping?.peer, { perSecond: 2000, burst: 1000 })
  assert.deepEqual(policy.rates.mine, { ip: { perSecond: 0.5, burst: 3 } })
  assert.equal(only({ rates: { mine: { ip: { burst: 3 } } } }).path, 'rates.mine.ip')
  assert.equal(only({ rates: { ping: { node: { burst: 3 } } } }).path, 'rates.ping.node')
})

/** input, path, message, remedy */
const WRONG: readonly (readonly [unknown, string, RegExp, RegExp])[] = [
  [{ memroy: 1 }, 'memroy', /no such policy field/, /Did you mean memory\?/],
  [{ Memory: 2 ** 30 }, 'Memory', /no such/, /memory/],
  [{ limits: { sytem: {} } }, 'limits.sytem', /no such/, /system/],
  [{ limits: { system: { fds: 1 } } }, 'limits.system.fds', /no such/, /Known here: streams/],
  [{ limits: { protocols: { '/a/1.0.0': { stream: 1 } } } }, 'limits.protocols["/a/1.0.0"].stream', /no such/, /streams/],
  [{ prefixes: { ipv4: { '/25': {} } } }, 'prefixes.ipv4["/25"]'.replace('["/25"]', './25'), /no such/, /\/24/],
  [{ transports: { upgradeDeadline: 1 } }, 'transports.upgradeDeadline', /no such/, /upgradeDeadlineMs/],
  [{ rates: { ping: { conn: { perSecond: 1, burst: 1 } } } }, 'rates.ping.conn', /no such/, /connection|Known/],
  [{ mode: 'enforced' }, 'mode', /not one of enforce, observe/, /Did you mean enforce\?/],
  [{ mode: true }, 'mode', /true is not one of/, /Use one of/],
  [{ rules: { 'rate.ping': 'off' } }, 'rules["rate.ping"]', /not one of/, /enforce/],
  [{ memory: -1 }, 'memory', /negative/, /0 or more/],
  [{ memory: 0 }, 'memory', /below the least, 1MiB/, /1MiB or more/],
  [{ memory: 1048576.5 }, 'memory', /not a whole number/, /1048576 or 1048577/],
  [{ memory: Number.NaN }, 'memory', /NaN/, /whole number/],
  [{ memory: '512 Mb' }, 'memory', /"Mb" is not a unit/, /MiB/],
  [{ memory: '-512MB' }, 'memory', /not a number with a unit/, /512MB/],
  [{ memory: '0.3B' }, 'memory', /not a whole number of units/, /smaller unit/],
  [{ memory: 'unlimited' }, 'memory', /not a number/, /512MB/],
  [{ memory: null }, 'memory', /null/, /whole number/],
  [{ memory: {} }, 'memory', /a group/, /whole number/],
  [{ memory: 2 ** 60 }, 'memory', /above the most/, /or less/],
  [{ connections: 0 }, 'connections', /below the least, 1/, /1 or more/],
  [{ connections: '1e3' }, 'connections', /not a whole number/, /digits/],
  [{ connections: 2 ** 31 }, 'connections', /above the most/, /or less/],
  [{ limits: { system: { streams: -1 } } }, 'limits.system.streams', /negative/, /unlimited/],
  [{ limits: { system: { streams: 1.5 } } }, 'limits.system.streams', /whole/, /1 or 2/],
  [{ limits: { system: { streams: 'blockAll' } } }, 'limits.system.streams', /not a limit/, /block/],
  [{ limits: { system: { streams: 'unlimted' } } }, 'limits.system.streams', /not a limit/, /unlimited/],
  [{ limits: { system: { memory: '3 bananas' } } }, 'limits.system.memory', /not a number/, /64MiB/],
  [{ limits: { system: [] } }, 'limits.system', /a list/, /streams/],
  [{ limits: null }, 'limits', /null/, /system/],
  [{ rates: { ping: { peer: 5 } } }, 'rates.ping.peer', /expected a rate/, /perSecond/],
  [{ rates: { ping: { peer: { perSecond: -1, burst: 1 } } } }, 'rates.ping.peer.perSecond', /found -1/, /perSecond/],
  [{ rates: { ping: { peer: { perSecond: 1, burst: 0.5 } } } }, 'rates.ping.peer.burst', /whole/, /0 or 1/],
  [{ rates: { ping: { peer: { perSecond: 1e7, burst: 1 } } } }, 'rates.ping.peer.perSecond', /above/, /unlimited/],
  [{ rates: { ping: { peer: { persecond: 1 } } } }, 'rates.ping.peer.persecond', /no such part/, /perSecond/],
  [{ gate: { deny: '10.0.0.0/8' } }, 'gate.deny', /expected a list/, /192.0.2/],
  [
    { gate: { deny: ['10.0.0.0/8', '10.0.0.0/88'] } },
    'gate.deny[1]',
    /does not parse: not a prefix length \(0 to 32\), at character 10/,
    /CIDR/,
  ],
  [{ gate: { allow: [7] } }, 'gate.allow[0]', /7 does not parse: expected text/, /CIDR/],
  [{ prefixes: { networks: {} } }, 'prefixes.networks', /expected a list/, /203.0.113.7/],
  [{ prefixes: { networks: [{ connections: 60 }] } }, 'prefixes.networks[0]', /network is missing/, /CIDR/],
  [{ prefixes: { networks: [{ network: '203.0.113.7/33' }] } }, 'prefixes.networks[0].network', /not a network/, /CIDR|Write/],
  [
    { prefixes: { networks: [{ network: '203.0.113.7', conections: 60 }] } },
    'prefixes.networks[0].conections',
    /no such part/,
    /connections/,
  ],
  [{ prefixes: { networks: [{ network: '203.0.113.7', per: 'peer' }] } }, 'prefixes.networks[0].per', /not one of/, /network|ip/],
  [{ prefixes: { networks: [{ network: '203.0.113.7', rate: { burst: 1 } }] } }, 'prefixes.networks[0].rate', /both needed/, /perSecond/],
  [
    { prefixes: { networks: [{ network: '203.0.113.7' }, { network: '::ffff:203.0.113.7' }] } },
    'prefixes.networks[1].network',
    /already entry 0/,
    /one of them/,
  ],
  [{ prefixes: { tableMax: 10 } }, 'prefixes.tableMax', /below the least/, /1024/],
  [{ transports: { upgradeDeadlineMinMs: '20s' } }, 'transports.upgradeDeadlineMinMs', /above upgradeDeadlineMs/, /at most/],
  [{ transports: { upgradeDeadlineMs: '1s' } }, 'transports.upgradeDeadlineMs', /shrinks/, /at most/],
  [{ transports: { streamReadBytesMax: '512KiB' } }, 'transports.streamReadBytesMax', /paused stream/, /at most/],
  [{ transports: { socketPauseMs: '1 day' } }, 'transports.socketPauseMs', /"day" is not a unit/, /ms/],
  [7, 'policy', /found 7/, /mode/],
  [null, 'policy', /null/, /mode/],
  [JSON.parse('{"rules":{"__proto__":"observe"}}'), 'rules["__proto__"]'.replace('["__proto__"]', '.__proto__'), /no such/, /Known/],
  [JSON.parse('{"__proto__":{"mode":"observe"}}'), '__proto__', /no such/, /Known/],
]

for (const [input, path, message, remedy] of WRONG) {
  test(`refuses ${JSON.stringify(input)}`, () => {
    const problem = only(input)
    assert.equal(problem.path, path)
    assert.match(problem.message, message)
    assert.match(problem.remedy, remedy)
  })
}

test('all problems at once, none applied', () => {
  const found = problems({ mode: 'x', memory: -1, limits: { sytem: {}, system: { streams: 'a' } }, gate: { deny: ['x', 'y'] } })
  assert.equal(found.length, 6)
  assert.ok(found.every(problem => problem.path !== '' && problem.message.endsWith('.') && /[.?]$/.test(problem.remedy)))
})

test('a long list of bad entries gives a few problems and a count', () => {
  const found = problems({ gate: { deny: Array.from({ length: 1000 }, () => 'x') } })
  assert.equal(found.length, 21)
  assert.match(found[20]!.message, /980 more/)
})

test('a list that cannot be put in force whole is refused', () => {
  const found = problems({ gate: { deny: Array.from({ length: 1030 }, (_, port) => `192.0.2.7:${port}`) } })
  assert.equal(found.length, 6)
  assert.match(found[0]!.message, /one too many/)
  assert.equal(problems({ gate: { deny: ['192.0.2.7', '/ip4/192.0.2.7', '192.0.2.7/32'] } }).length, 0, 'saying it twice is no mistake')
})

test('the table: paths once each, meaning and source given, defaults valid for themselves', () => {
  const paths = new Set(FIELDS.map(field => field.path))
  assert.equal(paths.size, FIELDS.length)
  for (const field of FIELDS) {
    assert.ok(field.text.length > 10 && field.text.endsWith('.'), field.path)
    assert.ok(field.source.length > 2, field.path)
    if (field.default === undefined || field.path.includes('*')) continue
    const input = field.path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), field.default)
    const related = field.path.startsWith('transports.')
    assert.equal(problems(input).length, 0, `${field.path}${related ? ' with its relations' : ''}`)
  }
})

test('any JSON is either a policy or a list of problems', () => {
  const key = fc.oneof(fc.constantFrom(...new Set(FIELDS.flatMap(field => field.path.split('.')))), fc.string())
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie('leaf'), tie('node')),
    leaf: fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('unlimited', 'block', '64MiB', '10s', [], ['10.0.0.0/8']),
    ),
    node: fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
  }))
  fc.assert(
    fc.property(tree, input => {
      for (const problem of problems(input)) assert.ok(problem.path.length > 0 && problem.remedy.length > 0)
    }),
    { numRuns: 3_000 },
  )
})
