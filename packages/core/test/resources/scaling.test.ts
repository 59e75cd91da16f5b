/**
 * Autoscaling against numbers worked out by hand from go-libp2p's formula: base + floor(increase * MiB / 1024), nothing up to 128 MiB.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  autoscale,
  BUILT_IN,
  pointFor,
  pointOf,
  prefixStreams,
  SCALING,
  type Scale,
  type ScaledClass,
  scaleLimits,
} from '../../src/resources/scaling.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20

function scaled(scopeClass: ScaledClass, scale: Scale): readonly number[] {
  const { connectionsInbound, connectionsOutbound, connections, streamsInbound, streamsOutbound, streams, memory, fileDescriptors } =
    scaleLimits(SCALING[scopeClass], scale)
  return [connectionsInbound, connectionsOutbound, connections, streamsInbound, streamsOutbound, streams, memory / MIB, fileDescriptors]
}

function machine(memoryGib: number, fileDescriptors: number): Scale {
  return autoscale({ memoryBytes: memoryGib * GIB, fileDescriptors })
}

/** Connections in, out, total; streams in, out, total; memory in MiB; descriptors. */
const BASE: Readonly<Record<ScaledClass, readonly number[]>> = {
  system: [64, 128, 128, 1024, 2048, 2048, 128, 512],
  transient: [32, 64, 64, 128, 256, 256, 32, 128],
  allowlistedSystem: [64, 128, 128, 1024, 2048, 2048, 128, 512],
  allowlistedTransient: [32, 64, 64, 128, 256, 256, 32, 128],
  serviceDefault: [0, 0, 0, 1024, 4096, 4096, 64, 0],
  servicePeerDefault: [0, 0, 0, 128, 256, 256, 16, 0],
  protocolDefault: [0, 0, 0, 512, 2048, 2048, 64, 0],
  protocolPeerDefault: [0, 0, 0, 64, 128, 256, 16, 0],
  peerDefault: [8, 8, 8, 256, 512, 512, 64, 8],
  connection: [1, 1, 1, 0, 0, 0, 32, 1],
  stream: [0, 0, 0, 1, 1, 1, 16, 0],
}

/** 64 GiB: 8 GiB to scale with. */
const LARGE: Readonly<Record<ScaledClass, readonly number[]>> = {
  system: [576, 1152, 1152, 9216, 18_432, 18_432, 8320, 500_000],
  transient: [160, 320, 320, 1152, 2304, 2304, 1056, 125_000],
  allowlistedSystem: [576, 1152, 1152, 9216, 18_432, 18_432, 8320, 500_000],
  allowlistedTransient: [160, 320, 320, 1152, 2304, 2304, 1056, 125_000],
  serviceDefault: [0, 0, 0, 5120, 20_480, 20_480, 1088, 0],
  servicePeerDefault: [0, 0, 0, 160, 320, 320, 48, 0],
  protocolDefault: [0, 0, 0, 2560, 6144, 6144, 1376, 0],
  protocolPeerDefault: [0, 0, 0, 96, 192, 384, 48, 0],
  peerDefault: [8, 8, 8, 1280, 2560, 2560, 1088, 7812],
  connection: [1, 1, 1, 0, 0, 0, 32, 1],
  stream: [0, 0, 0, 1, 1, 1, 16, 0],
}

for (const scopeClass of Object.keys(SCALING) as ScaledClass[]) {
  test(`${scopeClass} at 1 GiB and at 64 GiB`, () => {
    assert.deepEqual(scaled(scopeClass, machine(1, 1024)), BASE[scopeClass])
    assert.deepEqual(scaled(scopeClass, machine(64, 1_000_000)), LARGE[scopeClass])
  })
}

test('nothing is added at 128 MiB, something just above', () => {
  assert.equal(pointOf(128 * MIB).mib, 0)
  assert.equal(pointOf(128 * MIB + 1).mib, 128)
  assert.equal(scaled('system', machine(1.01, 1024))[0], 64 + Math.floor((64 * 129) / 1024))
})

test('gap 7: streams scale by their own increase, not by that of connections', () => {
  const increase = (scopeClass: ScaledClass, at: number): number =>
    (scaled(scopeClass, machine(64, 1024))[at] ?? 0) - (scaled(scopeClass, machine(1, 1024))[at] ?? 0)
  // 8 GiB of scaling memory; go would add 8 * 64 and 8 * 16 (its connections' increase) where its own table says 8 * 1024 and 8 * 128.
  assert.deepEqual(
    [0, 3].map(at => increase('system', at)),
    [8 * 64, 8 * 1024],
  )
  assert.deepEqual(
    [0, 3].map(at => increase('transient', at)),
    [8 * 16, 8 * 128],
  )
  assert.deepEqual(
    [0, 3].map(at => increase('peerDefault', at)),
    [0, 8 * 128],
  )
})

test('inbound streams of prefixes: so many peers’ worth, at most 7/8 of the system’s', () => {
  const at = (memoryGib: number): number[] => [2, 8, 32].map(peers => prefixStreams(peers, machine(memoryGib, 1024)))
  assert.deepEqual(at(1), [512, 896, 896])
  assert.deepEqual(at(64), [2560, 8064, 8064])
  assert.equal(prefixStreams(2, { memory: { mib: 0, shrink: 1e-9 }, connections: { mib: 0, shrink: 1 }, fileDescriptors: 0 }), 1)
})

test('descriptors: at least the base, and the base when their number is not known', () => {
  assert.equal(scaled('system', machine(1, 100))[7], 256)
  assert.equal(scaled('system', machine(1, 0))[7], 256)
  assert.equal(scaled('peerDefault', machine(1, 100))[7], 4)
})

test('a knob is a point on the line: it gives what was asked for, or the next more', () => {
  for (const wanted of [64, 65, 100, 256, 300, 1000, 12_345]) {
    const point = pointFor(wanted, 64, 64)
    const got = 64 + Math.floor((64 * point.mib) / 1024)
    assert.ok(got >= wanted && got <= wanted + 1, `${wanted}: ${got}`)
  }
  const half = { memory: pointFor(64 * MIB, 128 * MIB, 1024 * MIB), connections: pointFor(1, 64, 64), fileDescriptors: 512 }
  assert.deepEqual(scaled('system', half), [1, 2, 2, 512, 1024, 1024, 64, 512])
  assert.equal(scaled('stream', half)[3], 1, 'a stream holds one stream at any size')
})

test('built-in services and protocols, at 1 GiB and at 64 GiB', () => {
  const streams = (row: (typeof BUILT_IN.services)[string] | undefined, scale: Scale): readonly number[] => {
    assert.ok(row !== undefined)
    const { streamsInbound, streamsOutbound, streams: total, memory } = scaleLimits(row, scale)
    return [streamsInbound, streamsOutbound, total, memory / MIB]
  }
  const small = machine(1, 1024)
  const large = machine(64, 1024)
  const { services, servicePeers, protocols, protocolPeers } = BUILT_IN
  assert.deepEqual(streams(services['libp2p.identify'], small), [64, 64, 128, 4])
  assert.deepEqual(streams(services['libp2p.identify'], large), [576, 576, 1152, 36])
  assert.deepEqual(streams(servicePeers['libp2p.identify'], large), [16, 16, 32, 1])
  assert.deepEqual(streams(protocolPeers['/ipfs/id/push/1.0.0'], large), [16, 16, 32, (32 * (256 * MIB + 16 * 1024)) / MIB])
  assert.deepEqual(streams(services['libp2p.ping'], large), [576, 576, 576, 36])
  assert.deepEqual(streams(servicePeers['libp2p.ping'], small), [2, 3, 4, 8192.5])
  assert.deepEqual(streams(services['libp2p.autonat'], large), [96, 96, 96, 20])
  assert.deepEqual(streams(protocols['/libp2p/dcutr'], large), [96, 96, 192, 36])
  assert.deepEqual(streams(servicePeers['libp2p.relay/v2'], large), [64, 64, 64, 1])
  assert.deepEqual(streams(protocols['/libp2p/circuit/relay/0.2.0/stop'], large), [5760, 5760, 5760, 144])
  assert.deepEqual(streams(protocolPeers['/libp2p/circuit/relay/0.2.0/hop'], large), [128, 128, 128, 32])
})
