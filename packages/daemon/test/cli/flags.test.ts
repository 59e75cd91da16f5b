import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Flag } from '../../src/cli/flags.ts'
import { duration, onOff, Values, wholeNumber } from '../../src/cli/flags.ts'
import { CONNECTIONS, LISTEN, MODE, QUIC, UP_FLAGS, upOptions } from '../../src/up/options.ts'

const size: Flag<number> = { name: 'size', value: '<n>', env: 'SLUICE_SIZE', text: '', parse: wholeNumber(1, 10), fallback: 5 }

test('flag over environment over default, and the source is known', () => {
  for (const [given, env, value, source] of [
    [{ size: ['2'] }, { SLUICE_SIZE: '3' }, 2, 'flag'],
    [{}, { SLUICE_SIZE: '3' }, 3, 'environment'],
    [{}, { SLUICE_SIZE: '' }, 5, 'default'],
    [{}, {}, 5, 'default'],
    [{ size: ['1', '4'] }, {}, 4, 'flag'],
  ] as const) {
    const values = new Values([size], given, env)
    assert.deepEqual([values.get(size), values.source(size)], [value, source])
  }
})

test('durations and switches', () => {
  assert.deepEqual(
    ['90s', '15m', '4h', '7d', '5ms'].map(text => duration([text], '--for')),
    [90_000, 900_000, 14_400_000, 604_800_000, 5],
  )
  for (const text of ['', '4', 'h', '-4h', '4.5h', '99999999999999d'])
    assert.throws(() => duration([text], '--for'), /--for must be a duration/)
  assert.deepEqual(
    ['1', 'TRUE', 'yes', 'on'].map(text => onOff([text], 'x')),
    [true, true, true, true],
  )
  assert.deepEqual(
    ['0', 'false', 'No', 'off'].map(text => onOff([text], 'x')),
    [false, false, false, false],
  )
})

test('the options of up: environment lists, a negated flag, and a policy that holds only what was said', () => {
  const env = { SLUICE_LISTEN: '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2/ws', SLUICE_QUIC: 'false', SLUICE_MODE: 'observe' }
  const options = upOptions(new Values(UP_FLAGS, { connections: ['50'] }, env))
  assert.deepEqual(
    options.listen.map(address => [address.transport, address.port]),
    [
      ['tcp', 1],
      ['ws', 2],
    ],
  )
  assert.equal(options.quic, false)
  assert.deepEqual(options.policy, { connections: 50, mode: 'observe' })
  assert.deepEqual(upOptions(new Values(UP_FLAGS, {}, {})).policy, {})
  assert.deepEqual(
    [LISTEN, QUIC, MODE, CONNECTIONS].map(flag => new Values(UP_FLAGS, {}, env).source(flag)),
    ['environment', 'environment', 'environment', 'default'],
  )
})

test('the list of addresses is bounded', () => {
  const many = Array.from({ length: 65 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}`)
  assert.throws(() => new Values(UP_FLAGS, { listen: many }, {}), /at most 64 times/)
})
