/**
 * Nodes for tests: real js-libp2p over loopback (or memory), protected or plain, stopped and checked for leaks when the test ends.
 */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { quic } from '@chainsafe/libp2p-quic'
import type { Identify } from '@libp2p/identify'
import { identify } from '@libp2p/identify'
import type { ServiceMap } from '@libp2p/interface'
import { memory } from '@libp2p/memory'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import type { Ping } from '@libp2p/ping'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PolicyInput } from '@sluice/core'
import type { Libp2p, Libp2pOptions } from 'libp2p'
import { createLibp2p } from 'libp2p'
import type { ProtectInit, SluiceService } from '../src/index.ts'
import { protect } from '../src/index.ts'

export type TransportName = 'tcp' | 'ws' | 'quic' | 'memory'
export type MuxerName = 'yamux' | 'mplex'
export type EncrypterName = 'noise' | 'tls'

export interface TestServices extends ServiceMap {
  ping: Ping
  identify: Identify
}

export type PlainNode = Libp2p<TestServices>
export type ProtectedNode = Libp2p<TestServices & { sluice: SluiceService }>

export interface NodeOptions {
  /** @default ['tcp'] */
  readonly transports?: readonly TransportName[]
  /** @default ['yamux'] */
  readonly muxers?: readonly MuxerName[]
  /** @default ['noise'] */
  readonly encrypters?: readonly EncrypterName[]
  /** Listen on every transport. @default true */
  readonly listen?: boolean
  /** Merged over the options, e.g. `connectionManager`, `connectionGater`. */
  readonly options?: Libp2pOptions<TestServices>
}

export interface ProtectedOptions extends NodeOptions {
  readonly policy?: PolicyInput
  readonly init?: ProtectInit
  /** The test ends connections its own way: skip the check that nothing is held after the node has stopped. */
  readonly leaky?: boolean
}

let memoryAddresses = 0

const LISTEN: Readonly<Record<TransportName, () => string>> = {
  tcp: () => '/ip4/127.0.0.1/tcp/0',
  ws: () => '/ip4/127.0.0.1/tcp/0/ws',
  quic: () => '/ip4/127.0.0.1/udp/0/quic-v1',
  memory: () => `/memory/test-${process.pid}-${++memoryAddresses}`,
}

const TRANSPORTS = { tcp: () => tcp(), ws: () => webSockets(), quic: () => quic(), memory: () => memory() }
const MUXERS = { yamux: () => yamux(), mplex: () => mplex() }
const ENCRYPTERS = { noise: () => noise(), tls: () => tls() }

export function nodeOptions(init: NodeOptions = {}): Libp2pOptions<TestServices> {
  const { transports = ['tcp'], muxers = ['yamux'], encrypters = ['noise'], listen = true, options } = init
  return {
    addresses: { listen: listen ? transports.map(name => LISTEN[name]()) : [] },
    transports: transports.map(name => TRANSPORTS[name]()),
    streamMuxers: muxers.map(name => MUXERS[name]()),
    connectionEncrypters: encrypters.map(name => ENCRYPTERS[name]()),
    connectionMonitor: { enabled: false },
    services: { ping: ping(), identify: identify() },
    ...options,
  } as Libp2pOptions<TestServices>
}

export async function plainNode(t: TestContext, init: NodeOptions = {}): Promise<PlainNode> {
  const node = await createLibp2p(nodeOptions(init))
  t.after(() => node.stop())
  return node
}

/** Asserts after the test that the stopped node holds nothing. */
export async function protectedNode(t: TestContext, init: ProtectedOptions = {}): Promise<ProtectedNode> {
  const node = await createLibp2p(protect(nodeOptions(init), init.policy, init.init))
  t.after(async () => {
    await node.stop()
    if (init.leaky !== true) {
      await heldNothing(node)
    }
  })
  return node
}

/** A protected node that listens, and a plain one that can dial it. */
export async function pair(t: TestContext, init: ProtectedOptions = {}): Promise<{ node: ProtectedNode; peer: PlainNode }> {
  const node = await protectedNode(t, init)
  const peer = await plainNode(t, { ...plainPart(init), listen: false })
  return { node, peer }
}

function plainPart({ transports, muxers, encrypters }: NodeOptions): NodeOptions {
  return { ...(transports && { transports }), ...(muxers && { muxers }), ...(encrypters && { encrypters }) }
}

export function addressOf(node: Libp2p<ServiceMap>): Multiaddr {
  const [address] = node.getMultiaddrs()
  assert.ok(address, 'the node listens')
  return address
}

/** All six counters of every scope that has any are back to zero. */
export async function heldNothing(node: { services: { sluice: SluiceService } }): Promise<void> {
  const held = (): string => {
    const report = node.services.sluice.resources()
    const scopes = [report.system, report.transient, report.allowlistedSystem, report.allowlistedTransient]
    const all = [...scopes, ...report.services, ...report.protocols, ...report.peers, ...report.prefixes]
    return all
      .filter(scope => Object.values(scope.usage).some(value => value !== 0))
      .map(scope => `${scope.name} ${JSON.stringify(scope.usage)}`)
      .join('\n')
  }
  await eventually(() => held() === '', 3_000).catch(() => {})
  assert.equal(held(), '', 'nothing is held')
}

/** Polls until `check` holds. Rejects after `ms`. */
export async function eventually(check: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const endMs = Date.now() + ms
  while (!(await check())) {
    if (Date.now() > endMs) {
      throw new Error(`not within ${ms} ms: ${check.toString()}`)
    }
    await delay(10)
  }
}

/** Uncaught exceptions and unhandled rejections of this process until the test ends; asserted to be none. */
export function noStrayErrors(t: TestContext): void {
  const stray: unknown[] = []
  const collect = (error: unknown): void => {
    stray.push(error)
  }
  process.on('uncaughtException', collect)
  process.on('unhandledRejection', collect)
  t.after(async () => {
    await delay(20)
    process.off('uncaughtException', collect)
    process.off('unhandledRejection', collect)
    assert.deepEqual(stray, [], 'no uncaught exception and no unhandled rejection')
  })
}
