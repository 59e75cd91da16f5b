/**
 * go-libp2p's limit files. The golden files under `fixtures/go-limits` stand for files out there: new ones may be added, none may be changed or removed.
 * Those named `go-v…` were written by that version of go-libp2p: `read-…` is its `PartialLimitConfig` after reading our export, `scale-…` its
 * `DefaultLimits` with `SetDefaultServiceLimits`, after `Scale(size, 32768)`.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { SluiceError } from '../../src/errors.ts'
import { validatePolicy } from '../../src/policy/validate.ts'
import { exportGoLimits, importGoLimits } from '../../src/resources/go-limits.ts'
import { JSON_DEPTH_MAX, JSON_LENGTH_MAX, lineAndColumn, readJson } from '../../src/resources/json.ts'
import { BUILT_IN, pointOf, SCALING, type ScaledLimits, scaleLimits } from '../../src/resources/scaling.ts'

const GOLDEN = new URL('../fixtures/go-limits/', import.meta.url)

function golden(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8')
}

/** SHA-256 of each golden file, first 16 hex digits. Lines are added, never changed. */
const FROZEN: Readonly<Record<string, string>> = {
  'readme-example.json': '3c7544e857954561',
  'every-form.json': '37a620e12d7f366a',
  'not-ours.json': '8f405b1e863a1e13',
  'go-v0.51.0-read-every-form.json': '4077101eda24d9f9',
  'go-v0.51.0-scale-128MiB.json': '2670a7ff0e84fa94',
  'go-v0.51.0-scale-2GiB.json': '92b302811de49f31',
  'go-v0.51.0-scale-8GiB.json': '1f992572f904423d',
}

test('the golden files are those they were', () => {
  assert.deepEqual(readdirSync(GOLDEN).sort(), Object.keys(FROZEN).sort())
  for (const [name, hash] of Object.entries(FROZEN))
    assert.equal(createHash('sha256').update(golden(name)).digest('hex').slice(0, 16), hash, name)
})

test('every form of a value', () => {
  const { limits, kept } = importGoLimits(golden('every-form.json'))
  assert.deepEqual(kept, [])
  assert.deepEqual(limits, {
    system: {
      streams: 2048,
      streamsInbound: 'unlimited',
      streamsOutbound: 'block',
      connections: 'unlimited',
      connectionsInbound: 'block',
      connectionsOutbound: 'block',
      memory: 65_536,
    },
    transient: {},
    allowlistedSystem: { memory: 65_536 },
    allowlistedTransient: { memory: 'block' },
    serviceDefault: { memory: 'unlimited' },
    services: { A: { memory: 8192 }, B: {} },
    servicePeerDefault: { memory: 'block' },
    servicePeers: { A: { streams: 4 } },
    protocolDefault: { memory: 'unlimited' },
    protocols: { '/ipfs/ping/1.0.0': { streamsInbound: 64 }, '': { streams: 1 } },
    protocolPeerDefault: { memory: 'block' },
    protocolPeers: { '/ipfs/ping/1.0.0': { streamsInbound: 2 } },
    peerDefault: { memory: 4096 },
    peers: { '12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS': { memory: 4097 } },
    connection: { fileDescriptors: 1 },
    stream: { memory: 16_777_216 },
  })
})

test('go-libp2p v0.51.0 reads what we write as what we read', () => {
  const { limits } = importGoLimits(golden('every-form.json'))
  const read = importGoLimits(golden('go-v0.51.0-read-every-form.json'))
  assert.deepEqual(read.kept, [])
  const withoutEmpty = Object.fromEntries(Object.entries(limits).filter(([, group]) => Object.keys(group as object).length > 0))
  assert.deepEqual(read.limits, withoutEmpty)
})

for (const [size, memoryBytes] of [
  ['128MiB', 128 * 2 ** 20],
  ['2GiB', 2 * 2 ** 30],
  ['8GiB', 8 * 2 ** 30],
] as const) {
  test(`our table scaled to ${size} is what go-libp2p v0.51.0 made of its own, but for the slip we mend`, () => {
    const { limits, kept } = importGoLimits(golden(`go-v0.51.0-scale-${size}.json`))
    assert.deepEqual(kept, [])
    const point = pointOf(memoryBytes)
    const scale = { memory: point, connections: point, fileDescriptors: 32_768 }
    const asLimits = (row: ScaledLimits): object =>
      Object.fromEntries(Object.entries(scaleLimits(row, scale)).map(([key, value]) => [key, value === 0 ? 'block' : value]))
    const expected: Record<string, unknown> = Object.fromEntries(Object.entries(SCALING).map(([name, row]) => [name, asLimits(row)]))
    for (const [group, rows] of Object.entries(BUILT_IN)) {
      expected[group] = Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, asLimits(row)]))
    }
    // go's increase of protocol-peer memory is 4 bytes a GiB where 4 MiB is meant.
    const increase = Math.floor((4 * point.mib) / 1024)
    expected.protocolPeerDefault = { ...(expected.protocolPeerDefault as object), memory: 16 * 2 ** 20 + increase }
    assert.deepEqual(limits, expected)
  })
}

test('an imported file is a policy: what an override leaves out falls back to its own default, else to its class', () => {
  const policy = validatePolicy({ limits: importGoLimits(golden('every-form.json')).limits })
  assert.equal(policy.limits.system.memory, 65_536)
  assert.equal(policy.limits.system.fileDescriptors, validatePolicy({}).limits.system.fileDescriptors)
  assert.deepEqual(policy.limits.services.A, { memory: 8192 })
  assert.equal(policy.limits.services.B, undefined, 'an override that says nothing is none')
  assert.deepEqual(policy.limits.protocolPeers['/ipfs/ping/1.0.0'], {
    ...validatePolicy({}).limits.protocolPeers['/ipfs/ping/1.0.0'],
    streamsInbound: 2,
  })
})

test("go's own text comes back to the letter, but for blanks and the order of scopes", () => {
  const text = golden('readme-example.json')
  const { limits, kept } = importGoLimits(text)
  const written = exportGoLimits(limits, kept)
  assert.deepEqual(JSON.parse(written), JSON.parse(text))
  assert.deepEqual(Object.keys(JSON.parse(written) as object), ['System', 'Peer'])
})

test('what a policy cannot hold is kept and written back', () => {
  const { limits, kept } = importGoLimits(golden('not-ours.json'))
  assert.deepEqual(limits, { system: { memory: 'unlimited', fileDescriptors: 'unlimited' }, services: { A: { memory: 'unlimited' } } })
  const written = exportGoLimits(limits, kept)
  for (const piece of [
    '"9223372036854775807"',
    '"FD": 9007199254740993',
    '[1, 2.50, { "a": null }]',
    '9007199254740992',
    '"Colour": "red"',
    '"kept \\u0041s it is"',
    '"Version": 1.0',
  ]) {
    assert.ok(written.includes(piece), `${piece} in ${written}`)
  }
  assert.deepEqual(importGoLimits(written).limits, limits)
})

test('a kept number gives way once the policy says something else', () => {
  const { kept } = importGoLimits(golden('not-ours.json'))
  const written = JSON.parse(exportGoLimits({ system: { memory: 5, fileDescriptors: 'block' } }, kept)) as Record<
    string,
    Record<string, unknown>
  >
  assert.equal(written.System?.Memory, '5')
  assert.equal(written.System?.FD, 'blockAll')
  assert.deepEqual(written.System?.Weight, [1, 2.5, { a: null }])
})

test('a whole policy is written in full and reads back', () => {
  const { limits } = validatePolicy({ limits: { peers: { QmAlice: { streams: 0 } } } })
  const again = importGoLimits(exportGoLimits(limits))
  assert.deepEqual(again.kept, [])
  assert.deepEqual(again.limits, limits)
})

const BROKEN: readonly (readonly [string, number, number, RegExp])[] = [
  ['', 1, 1, /ends where a value/],
  ['[]', 1, 1, /must be an object, found array/],
  ['{\n  "System": 5\n}', 2, 13, /System must be an object, found number/],
  ['{\n  "System": {\n    "Conns": 1.5\n  }\n}', 3, 14, /Conns must be a whole number, found 1.5/],
  ['{"System":{"Conns":1e3}}', 1, 20, /whole number/],
  ['{"System":{"Conns":"16"}}', 1, 20, /whole number, found "16"/],
  ['{"System":{"Conns":null}}', 1, 20, /whole number, found null/],
  ['{"System":{"Conns":"Unlimited"}}', 1, 20, /whole number/],
  ['{"System":{"Conns":-3}}', 1, 20, /negative/],
  ['{"System":{"Memory":"-3"}}', 1, 21, /negative/],
  ['{"System":{"Memory":"64MiB"}}', 1, 21, /whole number/],
  ['{"System":{"Memory":9223372036854775808}}', 1, 21, /above 2\^63-1/],
  ['{"System":{},}', 1, 14, /key in double quotes/],
  ['{"System":{}', 1, 13, /expected , or }/],
  ['{"System" {}}', 1, 11, /expected :/],
  ['{"System":{}} x', 1, 15, /more text/],
  ['{"System":{},\n"System":{}}', 2, 1, /stands twice/],
  ['{"System":{},"system":{}}', 1, 14, /different case/],
  ['{"System":{"Conns":01}}', 1, 21, /expected , or }/],
  ['{"System":"\t"}', 1, 11, /control character/],
  ['{"System":"\\x"}', 1, 11, /bad escape/],
  ['{"System":"', 1, 11, /does not end/],
  ['{"Service":[]}', 1, 12, /Service must be an object/],
  ['{"Service":{"A":1}}', 1, 17, /Service.A must be an object/],
  ['{"X":[1,]}', 1, 9, /not a JSON value/],
  ['{"X":tru}', 1, 6, /not a JSON value/],
  ['{"X":'.repeat(JSON_DEPTH_MAX + 2), 1, 326, /nested deeper/],
]

for (const [text, line, column, reason] of BROKEN) {
  test(`points at the mistake in ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(
      () => importGoLimits(text),
      (error: unknown) => {
        assert.ok(error instanceof SluiceError)
        assert.equal(error.code, 'ERR_SLUICE_LIMITS_FILE')
        assert.match(error.message, reason)
        assert.deepEqual([error.metadata.line, error.metadata.column], [line, column], error.message)
        assert.ok(typeof error.metadata.remedy === 'string' && error.metadata.remedy.length > 0)
        return true
      },
    )
  })
}

test('a file is read up to its bound', () => {
  assert.throws(() => importGoLimits(' '.repeat(JSON_LENGTH_MAX + 1)), /longer than/)
})

test('what is JSON is what JSON.parse takes, but for keys that stand twice', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '\\',
    '1',
    '-0',
    '1.5',
    '1e9',
    '.',
    'true',
    'null',
    'fals',
    ' ',
    '\n',
    '\t',
    '\u00a0',
    '"\\u00e9"',
    '"\\ud800"',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map(parts => parts.join('')),
    fc.json(),
    fc.json().map(json => json.slice(0, -1)),
  )
  fc.assert(
    fc.property(text, json => {
      const node = readJson(json)
      let expected = true
      try {
        JSON.parse(json)
      } catch {
        expected = false
      }
      if ('reason' in node && node.reason.includes('stands twice')) return
      assert.equal(!('reason' in node), expected, JSON.stringify(json))
      if ('reason' in node) assert.ok(node.position >= 0 && node.position <= json.length)
    }),
    { numRuns: 10_000 },
  )
})

test('positions become lines and columns from 1', () => {
  assert.deepEqual(lineAndColumn('ab\ncd', 0), { line: 1, column: 1 })
  assert.deepEqual(lineAndColumn('ab\ncd', 3), { line: 2, column: 1 })
  assert.deepEqual(lineAndColumn('ab\ncd', 5), { line: 2, column: 3 })
})

/** What go makes of a value, by its documentation: the effective limit, or undefined for the default. */
function meaning(value: unknown): string | undefined {
  if (value === 'default') return undefined
  if (value === 'unlimited' || value === -1 || value === '-1') return 'unlimited'
  if (value === 'blockAll' || value === -2 || value === '-2' || value === 0 || value === '0') return 'blockAll'
  return String(value)
}

function meanings(file: unknown): unknown {
  const limits = (group: object): object =>
    Object.fromEntries(
      Object.entries(group)
        .map(([key, value]) => [key, meaning(value)])
        .filter(([, value]) => value !== undefined),
    )
  return Object.fromEntries(
    Object.entries(file as Record<string, object>).map(([scope, group]) => [
      scope,
      MAP_SCOPES.includes(scope)
        ? Object.fromEntries(Object.entries(group).map(([name, entry]) => [name, limits(entry as object)]))
        : limits(group),
    ]),
  )
}

const MAP_SCOPES = ['Service', 'ServicePeer', 'Protocol', 'ProtocolPeer', 'Peer']
const CLASS_SCOPES = [
  'System',
  'Transient',
  'AllowlistedSystem',
  'AllowlistedTransient',
  'ServiceDefault',
  'ServicePeerDefault',
  'ProtocolDefault',
  'ProtocolPeerDefault',
  'PeerDefault',
  'Conn',
  'Stream',
]
const anyLimit = fc.oneof(fc.constantFrom('default', 'unlimited', 'blockAll', -1, -2, 0), fc.nat())
const anyMemory = fc.oneof(anyLimit, fc.maxSafeNat().map(String), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map(String))
const limitKeys = ['Streams', 'StreamsInbound', 'StreamsOutbound', 'Conns', 'ConnsInbound', 'ConnsOutbound', 'FD']
const anyLimits = fc.record(Object.fromEntries([...limitKeys.map(key => [key, anyLimit]), ['Memory', anyMemory]]), { requiredKeys: [] })
const anyFile = fc.record(
  Object.fromEntries([
    ...CLASS_SCOPES.map(key => [key, anyLimits]),
    ...MAP_SCOPES.map(key => [
      key,
      fc.dictionary(
        fc.string().filter(name => name !== '__proto__'),
        anyLimits,
        { maxKeys: 3 },
      ),
    ]),
  ]),
  { requiredKeys: [] },
)

test('written back, a file means what it meant', () => {
  fc.assert(
    fc.property(anyFile, file => {
      const { limits, kept } = importGoLimits(JSON.stringify(file))
      const written = exportGoLimits(limits, kept)
      assert.deepEqual(meanings(JSON.parse(written)), meanings(file))
      assert.equal(exportGoLimits(importGoLimits(written).limits, importGoLimits(written).kept), written)
      validatePolicy({ limits })
    }),
    { numRuns: 500 },
  )
})
