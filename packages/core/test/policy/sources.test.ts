/**
 * Every value of the policy in force knows where it came from.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MACHINE_DEFAULT } from '../../src/policy/defaults.ts'
import type { PolicyInput } from '../../src/policy/policy.ts'
import { policySources, type ValueSource } from '../../src/policy/sources.ts'

function sourceOf(input: PolicyInput, path: string, machine = MACHINE_DEFAULT): ValueSource | undefined {
  return policySources(input, machine).find(value => value.path === path)?.source
}

const LARGE = { memoryBytes: 64 * 2 ** 30, fileDescriptors: 65_536 }

test('policy, knobs, autoscale and default are told apart', () => {
  const input: PolicyInput = {
    connections: 100,
    limits: { system: { streams: 5 }, protocols: { '/a/1': { streams: 3 } } },
    rates: { ping: { peer: { burst: 3 } } },
  }
  assert.equal(sourceOf(input, 'connections'), 'policy')
  assert.equal(sourceOf(input, 'limits.system.streams'), 'policy')
  assert.equal(sourceOf(input, 'limits.protocols["/a/1"].streams'), 'policy')
  assert.equal(sourceOf(input, 'rates.ping.peer'), 'policy')
  assert.equal(sourceOf(input, 'limits.system.connections'), 'connections')
  assert.equal(sourceOf(input, 'prefixes.ipv4.ip.connections'), 'connections')
  assert.equal(sourceOf(input, 'limits.system.memory'), 'autoscale')
  assert.equal(sourceOf({ memory: '1GB' }, 'limits.system.memory'), 'memory')
  assert.equal(sourceOf({ memory: '1GB' }, 'limits.protocols["/ipfs/ping/1.0.0"].streams'), 'memory')
  assert.equal(sourceOf({}, 'memory'), 'autoscale')
  assert.equal(sourceOf({}, 'prefixes.ipv4.ip.connections'), 'default')
  assert.equal(sourceOf({}, 'connections', LARGE), 'autoscale')
  assert.equal(sourceOf({}, 'prefixes.ipv4.ip.connections', LARGE), 'autoscale')
  assert.equal(sourceOf(input, 'limits.system.fileDescriptors'), 'autoscale')
  assert.equal(sourceOf(input, 'mode'), 'default')
  assert.equal(sourceOf(input, 'rates.control.peer'), 'default')
})

test('every value is listed once, none is undefined', () => {
  const values = policySources({ limits: { peers: { QmAlice: { memory: '1MiB' } } } })
  assert.equal(new Set(values.map(value => value.path)).size, values.length)
  for (const { path, value } of values) assert.notEqual(value, undefined, path)
  assert.ok(values.some(value => value.path === 'limits.peers.QmAlice.memory' && value.value === 2 ** 20))
})
