import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { quic } from '@chainsafe/libp2p-quic'
import { type Identify, identify } from '@libp2p/identify'
import type { Connection, IdentifyResult } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import type { ResourceReport } from '@sluice/core'
import { readRecording } from '@sluice/runtime'
import { createLibp2p } from 'libp2p'
import { AdminClient } from '../../src/admin/client.ts'
import type { StatusReport } from '../../src/admin/face.ts'
import { statePaths } from '../../src/state/directory.ts'
import { FREE_PORTS, SluiceProcess, sluice, startDaemon } from '../daemon-process.ts'
import { cli } from '../run-cli.ts'
import { scratch } from '../scratch.ts'

/** What a public node offers to strangers. */
const OFFERED = [
  '/ipfs/id/1.0.0',
  '/ipfs/id/push/1.0.0',
  '/ipfs/ping/1.0.0',
  '/ipfs/kad/1.0.0',
  '/meshsub/1.2.0',
  '/libp2p/circuit/relay/0.2.0/hop',
  '/libp2p/autonat/1.0.0',
  '/libp2p/dcutr',
] as const

/** An unmodified js-libp2p node that only dials. */
async function client(t: TestContext) {
  const node = await createLibp2p({
    transports: [tcp(), webSockets(), quic()],
    connectionEncrypters: [noise(), tls()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() },
  })
  t.after(() => node.stop())
  return node
}

const admin = (directory: string): AdminClient => new AdminClient(statePaths(directory, {}))

/**
 * js-libp2p over QUIC now and then loses what a stream carried when its writer closes at once (2 of 60 exchanges between two unprotected nodes),
 * so the question is asked again; over the other transports once is enough.
 */
async function identified(service: Identify, connection: Connection): Promise<IdentifyResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await service.identify(connection)
    } catch (error) {
      const isLost = error instanceof Error && error.name === 'UnexpectedEOFError' && connection.remoteAddr.toString().includes('/quic-v1')
      if (!isLost || attempt === 5) throw error
    }
  }
}

test('an unmodified client pings over each transport, resources show it, SIGINT ends with 0', async t => {
  const directory = join(scratch(t), 'state')
  const { daemon, report } = await startDaemon(t, directory)
  assert.equal(report.schemaVersion, 1)
  assert.equal(report.addresses.length, 3)
  for (const address of report.addresses) assert.ok(address.startsWith('/ip4/127.0.0.1/') && address.endsWith(`/p2p/${report.peerId}`))
  assert.ok(Object.keys(report.enforced).length > 10)
  for (const name of ['tcp', 'ws', 'quic', 'circuit', '/yamux/1.0.0'])
    assert.ok(
      report.capabilities.some(row => row.name === name),
      name,
    )

  for (const address of report.addresses) {
    const node = await client(t)
    const connection = await node.dial(multiaddr(address))
    assert.ok((await node.services.ping.ping(connection.remotePeer)) >= 0)
    const { protocols } = await identified(node.services.identify, connection)
    for (const protocol of OFFERED) assert.ok(protocols.includes(protocol), `${protocol} in ${protocols.join(' ')}`)
    const resources = await admin(directory).get<ResourceReport>('/v1/resources')
    assert.equal(resources.system.usage.connectionsInbound, 1, address)
    assert.ok(
      resources.peers.some(peer => peer.name === `peer:${node.peerId.toString()}`),
      address,
    )
    await node.stop()
    await until(async () => (await admin(directory).get<ResourceReport>('/v1/resources')).system.usage.connectionsInbound === 0)
  }
  const status = await admin(directory).get<StatusReport>('/v1/status')
  assert.deepEqual([status.phase, status.peerId, status.pid], ['ready', report.peerId, daemon.child.pid])
  const { code, stderr } = await daemon.stop()
  assert.equal(code, 0, stderr)
  assert.deepEqual(readdirSync(directory).sort(), ['datastore', 'lock', 'node.key', 'sluice.db'])
  for (const file of ['node.key', 'sluice.db', 'lock']) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
})

test('for people the start report names addresses, what is enforced, capabilities, state and the public flag', async t => {
  const directory = scratch(t)
  const daemon = new SluiceProcess(t, ['up', '--state', directory, '--mode', 'observe', ...FREE_PORTS])
  await until(async () => daemon.child.exitCode !== null || (await answers(directory)))
  const { code, stdout } = await daemon.stop('SIGTERM')
  assert.equal(code, 0)
  for (const part of [
    '/ip4/127.0.0.1/tcp/',
    '/quic-v1/p2p/',
    'Observed, not enforced',
    'one IPv4 address',
    'yamux',
    directory,
    '--public',
    'Ctrl-C',
  ])
    assert.ok(stdout.includes(part), part)
})

test('the identity and the bans outlive the process, kill -9 included', async t => {
  const directory = scratch(t)
  const first = await startDaemon(t, directory)
  await admin(directory).post('/v1/ban', { target: '192.0.2.0/24', reason: 'kept' })
  await admin(directory).post('/v1/ban', { target: '198.51.100.7' })
  await admin(directory).post('/v1/unban', { target: '198.51.100.7' })
  await first.daemon.stop('SIGKILL')
  const second = await startDaemon(t, directory)
  assert.equal(second.report.peerId, first.report.peerId)
  const { bans } = await admin(directory).get<{ bans: { reason: string }[] }>('/v1/bans')
  assert.deepEqual(
    bans.map(ban => ban.reason),
    ['kept'],
  )
  assert.equal((await second.daemon.stop()).code, 0)
})

test('a banned peer is cut and refused, explain says why, and lifting the ban lets it in again', async t => {
  const directory = scratch(t)
  const { report } = await startDaemon(t, directory)
  const address = multiaddr(report.addresses[0] ?? '')
  const node = await client(t)
  const peer = node.peerId.toString()
  await node.dial(address)
  assert.equal((await cli(['ban', 'add', peer, '--for', '1h', '--reason', 'test', '--state', directory])).code, 0)
  await until(async () => node.getConnections().length === 0)
  await assert.rejects(async () => {
    const connection = await node.dial(address)
    await node.services.ping.ping(connection.remotePeer)
  })
  const explained = await cli(['explain', peer, '--state', directory])
  assert.equal(explained.code, 0, explained.stderr)
  assert.match(explained.stdout, /gate\.ban/)
  assert.match(explained.stdout, /banned/)
  assert.equal((await cli(['ban', 'rm', peer, '--state', directory])).code, 0)
  const connection = await node.dial(address)
  assert.ok((await node.services.ping.ping(connection.remotePeer)) >= 0)
})

test('a second start on the same state directory fails, names the holder, and disturbs nothing', async t => {
  const directory = scratch(t)
  const { daemon } = await startDaemon(t, directory)
  const { code, stderr } = await sluice(t, ['up', '--state', directory, ...FREE_PORTS])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`in use by process ${daemon.child.pid}`))
  assert.equal((await admin(directory).get<StatusReport>('/v1/status')).phase, 'ready')
  assert.equal((await daemon.stop()).code, 0)
})

test('a taken port is named, with the flag that helps', async t => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : undefined
  for (const listen of [`/ip4/127.0.0.1/tcp/${port}`, `/ip4/127.0.0.1/tcp/${port}/ws`]) {
    const { code, stdout, stderr } = await sluice(t, ['up', '--state', scratch(t), '--listen', listen])
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`port ${port} .* is taken by another program.*--listen`))
    assert.ok(!stderr.includes('    at '), 'no stack')
  }
})

test('an IPv6 port that is taken beside a good IPv4 one is not passed over in silence', async t => {
  const taken = createServer()
  const listening = await new Promise<boolean>(resolve => taken.on('error', () => resolve(false)).listen(0, '::1', () => resolve(true)))
  if (!listening) return t.skip('this machine has no IPv6 loopback')
  t.after(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const daemon = new SluiceProcess(t, [
    'up',
    '--json',
    '--state',
    scratch(t),
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--listen',
    `/ip6/::1/tcp/${port}`,
  ])
  assert.equal((await daemon.ready()).addresses.length, 1)
  const { code, stderr } = await daemon.stop()
  assert.equal(code, 0)
  assert.match(stderr, /not listening on IPv6/)
})

test('a taken QUIC port is named too', async t => {
  const { report } = await startDaemon(t, scratch(t))
  const [, port] = /\/udp\/(\d+)\/quic-v1/.exec(report.addresses.join(' ')) ?? []
  const { code, stderr } = await sluice(t, ['up', '--state', scratch(t), '--listen', `/ip4/127.0.0.1/udp/${port}/quic-v1`])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`QUIC port ${port} .* is taken`))
})

test('a file where the state directory should be, a corrupt key, a corrupt database, a bad policy value: told, and left as they are', async t => {
  const file = join(scratch(t), 'file')
  writeFileSync(file, 'mine')
  const asFile = await sluice(t, ['up', '--state', file, ...FREE_PORTS])
  assert.equal(asFile.code, 1)
  assert.match(asFile.stderr, /Cannot use the state directory/)
  assert.equal(readFileSync(file, 'utf8'), 'mine')

  for (const [name, told] of [
    ['node.key', /node key .*node\.key is corrupt/],
    ['sluice.db', /sluice\.db is corrupt.*--recover/],
  ] as const) {
    const directory = scratch(t)
    writeFileSync(join(directory, name), 'junk')
    const { code, stderr } = await sluice(t, ['up', '--state', directory, ...FREE_PORTS])
    assert.equal(code, 1)
    assert.match(stderr, told)
    assert.equal(readFileSync(join(directory, name), 'utf8'), 'junk')
  }
  const policy = await sluice(t, ['up', '--state', scratch(t), '--memory', 'lots', ...FREE_PORTS])
  assert.equal(policy.code, 2)
  assert.match(policy.stderr, /memory/)
})

test('--recover sets a corrupt database aside, says where, and starts', async t => {
  const directory = scratch(t)
  writeFileSync(join(directory, 'sluice.db'), 'junk')
  const { daemon } = await startDaemon(t, directory, ['--recover'])
  assert.equal((await daemon.stop()).code, 0)
  const aside = readdirSync(directory).find(name => name.startsWith('sluice.db.corrupt-')) ?? ''
  assert.equal(readFileSync(join(directory, aside), 'utf8'), 'junk')
  assert.ok(daemon.stderr.includes(aside))
})

test('--record writes a recording that reads back; one that cannot be opened stops the start and says why', async t => {
  const directory = scratch(t)
  const path = join(directory, 'run.ndjson')
  const { daemon, report } = await startDaemon(t, directory, ['--record', path])
  const node = await client(t)
  await node.dial(multiaddr(report.addresses[0] ?? ''))
  assert.equal((await daemon.stop()).code, 0)
  const verbs = new Set<string>()
  for await (const line of readRecording(path)) {
    assert.ok('input' in line, JSON.stringify(line))
    verbs.add(line.input.v)
  }
  for (const verb of ['open', 'peer', 'release']) assert.ok(verbs.has(verb), `${verb} in ${[...verbs].join(' ')}`)
  appendFileSync(join(directory, 'notes'), 'mine')
  const refused = await sluice(t, ['up', '--state', directory, '--record', join(directory, 'notes'), ...FREE_PORTS])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /Cannot open the recording .*notes/)
})

test('a stop while strangers hold connections and open more ends with 0 inside the deadline', async t => {
  const directory = scratch(t)
  const { daemon, report } = await startDaemon(t, directory)
  const port = Number(/\/tcp\/(\d+)\/p2p/.exec(report.addresses.join(' '))?.[1])
  let stopped = false
  const flood = (): void => {
    if (stopped) return
    const socket = connect(port, '127.0.0.1', () => socket.write('\u0013/multistream/1.0.0\n'))
    socket.on('error', () => undefined)
    socket.on('close', () => setTimeout(flood, 10))
  }
  for (let i = 0; i < 20; i++) flood()
  t.after(() => {
    stopped = true
  })
  const node = await client(t)
  await node.dial(multiaddr(report.addresses[0] ?? ''))
  await until(async () => (await admin(directory).get<ResourceReport>('/v1/resources')).system.usage.connectionsInbound > 3)
  const { code, stderr } = await daemon.stop()
  stopped = true
  assert.equal(code, 0, stderr)
})

test('a second signal ends the process at once', async t => {
  // The process is kept from finishing its stop, and then signals itself again, so that the second signal always comes during the stop.
  const again =
    "setImmediate(() => { const until = performance.now() + 300; while (performance.now() < until); process.kill(process.pid, 'SIGTERM') })"
  const { daemon } = await startDaemon(t, scratch(t), [], `process.once('SIGTERM', () => ${again})`)
  const { code, stderr } = await daemon.stop('SIGTERM')
  assert.equal(code, 2)
  assert.match(stderr, /forced to stop/)
})

test('the same Ctrl-C delivered twice, as npm does, is one wish', async t => {
  const { daemon } = await startDaemon(t, scratch(t), [], "process.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))")
  assert.equal((await daemon.stop('SIGINT')).code, 0)
})

test('a defect that nobody caught is logged, the state is closed in order, and the exit code says that it was no clean stop', async t => {
  const directory = scratch(t)
  const { daemon } = await startDaemon(t, directory, [], "process.on('SIGUSR2', () => { throw new Error('planted defect') })")
  const { code, stderr } = await daemon.stop('SIGUSR2')
  assert.equal(code, 3)
  assert.match(stderr, /planted defect/)
  assert.ok(!readdirSync(directory).includes('pid'))
})

test('a left-over socket and pid file do not prevent a start', async t => {
  const directory = scratch(t)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'admin.sock'), '')
  writeFileSync(join(directory, 'pid'), '1\n')
  const { daemon } = await startDaemon(t, directory)
  assert.equal((await daemon.stop()).code, 0)
})

async function answers(directory: string): Promise<boolean> {
  try {
    return (await admin(directory).get<{ status: string }>('/readyz')).status === 'ready'
  } catch {
    return false
  }
}

/** Waits for something another process does; the test's own time limit ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 50))
}
