/**
 * Nothing a peer sends, before or after the handshake, surfaces as an uncaught exception or an unhandled rejection, and when it is gone nothing of it stays charged.
 *
 * The server runs in a process of its own (`hostile-server.ts`); the peers run here, drawn from one seed, which is printed: SLUICE_SEED repeats a run, SLUICE_ROUNDS lengthens it.
 */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, beforeEach, test } from 'node:test'
import type { Libp2p, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { barePeer, Dice, datagrams, multistream, OVERSIZED_VARINTS, rawPeer, strangePeer, strangeTlsPeer } from './hostile-peer.ts'
import { THROWING } from './hostile-protocols.ts'
import type { Counters, Report } from './hostile-server.ts'

const SEED = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const ROUNDS = Number(process.env.SLUICE_ROUNDS ?? 12)
/** How long a peer may be left hanging before it goes by itself; what matters is that the server survives it. */
const STAY_MS = 400

const AT_ONCE = 6

/** Reports kept; one is enough to fail. */
const UNCAUGHT_MAX = 8

const dice = new Dice(SEED)
const uncaught: string[] = []
let server: ChildProcess | undefined
let tcpAddress: Multiaddr
let wsAddress: Multiaddr
let quicAddress: Multiaddr
let tcpPort = 0
let wsPort = 0

function portOf(address: Multiaddr): number {
  return Number(address.getComponents().find(component => component.name === 'tcp' || component.name === 'udp')?.value)
}

console.log(`SLUICE_SEED=${SEED}`)

/** How the server ended, undefined while it lives. */
function ended(): string | undefined {
  const how = server === undefined ? 'not started' : (server.signalCode ?? server.exitCode)
  return how === null ? undefined : `ended with ${how}`
}

// A server that died fails the test it died in, and no other.
beforeEach(async () => {
  if (ended() === undefined) return
  const child = fork(new URL('./hostile-server.ts', import.meta.url), { execArgv: ['--conditions=@sluice/source'] })
  server = child
  child.on('message', (report: Report) => {
    if (report.type === 'uncaught' && uncaught.length < UNCAUGHT_MAX) uncaught.push(report.text)
  })
  const [first] = (await once(child, 'message')) as [Report]
  assert.ok(first.type === 'listening', JSON.stringify(first))
  const addresses = first.addresses.map(address => multiaddr(address))
  tcpAddress = addresses.find(address => /\/tcp\/\d+\/p2p/.test(address.toString())) as Multiaddr
  wsAddress = addresses.find(address => address.toString().includes('/ws')) as Multiaddr
  quicAddress = addresses.find(address => address.toString().includes('/quic')) as Multiaddr
  tcpPort = portOf(tcpAddress)
  wsPort = portOf(wsAddress)
})

after(async () => {
  if (server?.connected !== true) return
  const child = server
  const gone = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  child.send('stop')
  await gone
  clearTimeout(timer)
  assert.equal(child.signalCode, null, 'the server stops when asked')
})

async function counters(): Promise<Counters> {
  const child = server
  assert.ok(child !== undefined && ended() === undefined, `the server has ${ended()}`)
  const { promise, resolve, reject } = Promise.withResolvers<Counters>()
  const onMessage = (report: Report): void => {
    if (report.type === 'counters') resolve(report.counters)
  }
  const onExit = (): void => reject(new Error(`the server has ${ended()}`))
  const timer = setTimeout(() => reject(new Error('the server does not answer')), 10_000)
  child.on('message', onMessage)
  child.once('exit', onExit)
  // Its end is told by `exit`; without a callback a closed channel would be an error nobody hears.
  child.send('counters', () => {})
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    child.off('message', onMessage)
    child.off('exit', onExit)
  }
}

/** Passes when the server lives, has reported nothing, and everything is released; asks again while handshakes in flight run into their deadline. Each report fails one test. */
async function unharmed(): Promise<void> {
  assert.equal(ended(), undefined, 'the server lives')
  assert.deepEqual(uncaught.splice(0), [])
  let last: Counters | undefined
  for (let left = 300; left > 0; left--) {
    last = await counters()
    if (Object.values(last).every(count => count === 0)) break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.deepEqual(uncaught.splice(0), [])
  assert.deepEqual(last, { connections: 0, streams: 0, memory: 0, fileDescriptors: 0, node: 0 })
}

/** `work` once for each round, a few at a time. */
async function rounds(work: () => Promise<void>): Promise<void> {
  for (let left = ROUNDS; left > 0; left -= AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, work))
}

const LEAVES = ['end', 'reset', 'stay'] as const
const HEADER = multistream('/multistream/1.0.0')

test('garbage, resets and endless varints before any protocol', async () => {
  const chunks = (): Buffer[] => [dice.bytes(600), ...Array.from({ length: dice.below(3) }, () => dice.bytes(200))]
  await rounds(async () => {
    await Promise.all([
      rawPeer(tcpPort, chunks(), dice.pick(LEAVES), STAY_MS),
      rawPeer(tcpPort, [], dice.pick(LEAVES), STAY_MS),
      rawPeer(tcpPort, [dice.pick(OVERSIZED_VARINTS)], dice.pick(LEAVES), STAY_MS),
      rawPeer(tcpPort, [HEADER, dice.pick(OVERSIZED_VARINTS)], dice.pick(LEAVES), STAY_MS),
    ])
  })
  await unharmed()
})

test('a peer that leaves, or sends garbage, at each step of the upgrade', async () => {
  const steps = [HEADER, multistream('/noise'), Buffer.from([0, 32, ...dice.bytes(0), ...Buffer.alloc(32, 7)]), dice.bytes(300)]
  const tlsSteps = [HEADER, multistream('/tls/1.0.0'), Buffer.from('160301020001000001fc0303', 'hex'), dice.bytes(600)]
  for (const path of [steps, tlsSteps]) {
    for (let step = 0; step <= path.length; step++) {
      await Promise.all(
        LEAVES.flatMap(leave => [
          rawPeer(tcpPort, path.slice(0, step), leave, STAY_MS),
          rawPeer(tcpPort, [...path.slice(0, step), dice.bytes(400)], leave, STAY_MS),
        ]),
      )
    }
  }
  await rounds(async () => {
    await rawPeer(tcpPort, [HEADER, dice.mutate(dice.pick([...steps, ...tlsSteps]))], dice.pick(LEAVES), STAY_MS)
  })
  await strangeTlsPeer(tcpPort, STAY_MS)
  await unharmed()
})

const UPGRADE = Buffer.from(
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
)

function webSocketFrame(): Buffer {
  const opcode = dice.below(256)
  const length = dice.pick([
    Buffer.from([dice.below(126) | dice.pick([0, 128])]),
    Buffer.from([255, 127, 255, 255, 255, 255, 255, 255, 255]),
    Buffer.from([254, 255, 255]),
  ])
  return Buffer.concat([Buffer.from([opcode]), length, dice.bytes(150)])
}

test('HTTP garbage and malformed frames on the WebSocket port', async () => {
  const requests = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('BREW / HTTP/9.9\r\nHost: x\r\n\r\n'),
    Buffer.from(`GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`),
    Buffer.from(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 99\r\n\r\n',
    ),
    Buffer.from('POST / HTTP/1.1\r\nContent-Length: 99999999999\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
    Buffer.from('160301020001000001fc0303', 'hex'),
    Buffer.alloc(0),
  ]
  for (const request of requests) await Promise.all(LEAVES.map(leave => rawPeer(wsPort, [request], leave, STAY_MS)))
  let upgraded = 0
  for (let round = 0; round < ROUNDS * 4; round++) {
    const [answer] = await Promise.all([
      rawPeer(wsPort, [UPGRADE, webSocketFrame(), webSocketFrame()], dice.pick(LEAVES), STAY_MS),
      rawPeer(wsPort, [dice.mutate(UPGRADE), dice.bytes(100)], dice.pick(LEAVES), STAY_MS),
    ])
    if (answer?.startsWith('HTTP/1.1 101') === true) upgraded++
  }
  assert.ok(upgraded > 0, 'frames reached a WebSocket')
  await unharmed()
})

test('garbage datagrams on the QUIC port', async () => {
  // A long header of version 1, so that some of it is taken for an Initial packet.
  const initial = Buffer.concat([Buffer.from('c000000001', 'hex'), Buffer.from([8]), Buffer.alloc(8, 1), Buffer.from([0, 0, 0x44, 0xb0])])
  await rounds(async () => {
    await datagrams(portOf(quicAddress), [
      dice.bytes(1400),
      Buffer.alloc(0),
      Buffer.concat([dice.mutate(initial), dice.bytes(1300)]),
      Buffer.concat([initial, Buffer.alloc(1200)]),
    ])
  })
  await unharmed()
})

/** Version, type, flags, stream id, length: every field likely to be wrong. */
function yamuxFrame(): Buffer {
  const frame = Buffer.alloc(12)
  frame[0] = dice.pick([0, 0, 0, 1, 255])
  frame[1] = dice.pick([0, 1, 2, 3, 4, 255])
  frame.writeUInt16BE(dice.pick([0, 1, 2, 4, 8, 1 | 8, 0xffff]), 2)
  frame.writeUInt32BE(dice.pick([0, 1, 2, 3, 5, 0xffffffff]), 4)
  const length = dice.pick([0, 0, 8, 0xffffffff, 1])
  frame.writeUInt32BE(length, 8)
  return frame[1] === 0 && length < 100 ? Buffer.concat([frame, Buffer.alloc(length, 1)]) : frame
}

test('garbage and malformed frames after the handshake', async () => {
  let reached = 0
  await rounds(async () => {
    const address = dice.pick([tcpAddress, wsAddress])
    const encrypter = dice.pick(['noise', 'tls'] as const)
    const muxer = dice.pick(['/yamux/1.0.0', '/mplex/6.7.0'] as const)
    const frames = dice.pick([[dice.bytes(400)], Array.from({ length: 1 + dice.below(20) }, yamuxFrame)])
    if (await barePeer(address, { encrypter, muxer }, frames, STAY_MS)) reached++
  })
  assert.equal(reached, ROUNDS)
  await unharmed()
})

/** What protobuf readers of these services stumble over: a field of each wire type, wrong lengths, and strings that are not what the field means. */
function protobuf(): Buffer {
  const field = (number: number, payload: Uint8Array): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, payload.length]), payload])
  const parts: Buffer[] = []
  for (let left = 1 + dice.below(8); left > 0; left--) {
    const number = 1 + dice.below(15)
    parts.push(
      dice.pick([
        () => field(number, dice.bytes(100)),
        () => field(number, Buffer.from([4, 127, 0, 0, 1, 6, 15, 161])),
        () => field(number, Buffer.from([4, 127, 0, 0])),
        () => field(number, Buffer.from([8, 1, 18, 32, ...dice.bytes(40)])),
        () => Buffer.from([(number << 3) | dice.below(8), ...dice.bytes(12)]),
      ])(),
    )
  }
  return dice.mutate(Buffer.concat(parts))
}

/** Length-prefixed, with a prefix that is sometimes a lie. */
function prefixed(payload: Buffer): Buffer {
  if (dice.below(5) === 0) return Buffer.concat([dice.pick([...OVERSIZED_VARINTS, Buffer.from([0x80, 0x80, 0x80, 0x01])]), payload])
  const length = payload.length < 128 ? [payload.length] : [(payload.length & 127) | 128, payload.length >> 7]
  return Buffer.concat([Buffer.from(length), payload])
}

async function abuse(stream: Stream): Promise<void> {
  stream.addEventListener('message', () => {})
  try {
    for (let left = 1 + dice.below(3); left > 0; left--) stream.send(dice.pick([() => prefixed(protobuf()), () => dice.bytes(300)])())
    const leave = dice.pick(['close', 'abort', 'stay'] as const)
    if (leave === 'close') await stream.close({ signal: AbortSignal.timeout(STAY_MS) })
    else if (leave === 'abort') stream.abort(new Error('reset by a hostile peer'))
    else await new Promise(resolve => setTimeout(resolve, 20))
  } catch {
    // Cut while sending.
  }
}

const PROTOCOLS = [
  '/ipfs/id/1.0.0',
  '/ipfs/id/push/1.0.0',
  '/ipfs/ping/1.0.0',
  '/ipfs/kad/1.0.0',
  '/meshsub/1.2.0',
  '/libp2p/autonat/1.0.0',
  '/libp2p/dcutr',
  '/libp2p/circuit/relay/0.2.0/hop',
  ...Object.values(THROWING),
]

test('malformed messages of every service, on streams that end in every way', async () => {
  const reached = new Set<string>()
  let next = 0
  await rounds(async () => {
    const peer: Libp2p = await strangePeer(dice.pick(['noise', 'tls']))
    // What the server asks us is answered with garbage too.
    await peer.handle(['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/ipfs/kad/1.0.0', '/meshsub/1.2.0'], stream => abuse(stream))
    try {
      const address = dice.pick([tcpAddress, wsAddress, quicAddress])
      const connection = await peer.dial(address)
      for (let left = 8; left > 0; left--) {
        try {
          const protocol = PROTOCOLS[next++ % PROTOCOLS.length] as string
          const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(2_000) })
          reached.add(protocol)
          await abuse(stream)
        } catch {
          // Refused.
        }
      }
      // A WebSocket of plain js-libp2p stays open when it is aborted: that peer would only be waited for.
      if (address === tcpAddress && dice.below(2) === 0) connection.abort(new Error('reset by a hostile peer'))
    } catch {
      // Refused.
    } finally {
      await peer.stop()
    }
  })
  assert.deepEqual([...reached].sort(), [...PROTOCOLS].sort())

  await unharmed()
})

test('handlers and listeners that throw cost their stream, not the process, and the connection stays', async () => {
  const peer = await strangePeer('noise')
  try {
    const connection = await peer.dial(tcpAddress)
    for (const protocol of Object.values(THROWING)) {
      const stream = await connection.newStream(protocol)
      const ended = once(stream as unknown as EventTarget, 'close', { signal: AbortSignal.timeout(5_000) })
      if (stream.status === 'open') {
        stream.send(new Uint8Array([1, 2, 3]))
        await ended
      }
      assert.equal(stream.status, 'reset', protocol)
    }
    assert.equal(connection.status, 'open')
  } finally {
    await peer.stop()
  }
  await unharmed()
})
