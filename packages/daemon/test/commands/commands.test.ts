import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { openAdmin } from '../../src/admin/server.ts'
import { cutTable, resourceRows, resourceTable } from '../../src/commands/resources.ts'
import { statusRows } from '../../src/commands/status.ts'
import { statePaths } from '../../src/state/directory.ts'
import { FakeFace, report, STATUS, scope } from '../admin/fake-face.ts'
import { cli } from '../run-cli.ts'
import { scratch } from '../scratch.ts'

async function daemon(t: TestContext): Promise<{ directory: string; face: FakeFace }> {
  const directory = scratch(t)
  const face = new FakeFace()
  const server = await openAdmin(statePaths(directory, {}).socket, face)
  t.after(() => server.close())
  return { directory, face }
}

test("resources: kubo's five columns, the fullest first", () => {
  const rows = resourceRows(
    report({
      system: scope(
        'system',
        'system',
        { connectionsInbound: 3, connectionsOutbound: 2, memory: 10 },
        { connections: 10, memory: 1000, streams: 'block' },
      ),
      peers: [scope('peer:12D3', 'peer', { connectionsInbound: 8 }, { connections: 8 })],
      prefixes: [scope('prefix:192.0.2.0/24', 'prefix', { connectionsInbound: 1 })],
    }),
  )
  assert.deepEqual(
    rows.slice(0, 3).map(row => [row.scope, row.limitName, row.percent]),
    [
      ['peer:12D3', 'Conns', 100],
      ['system', 'Conns', 50],
      ['system', 'Memory', 1],
    ],
  )
  const text = resourceTable(rows.filter(row => row.usage > 0)).split('\n')
  assert.match(text[0] ?? '', /^Scope\s+Limit Name\s+Limit Value\s+Usage Amount\s+Usage Percent$/)
  assert.match(text[1] ?? '', /^peer:12D3\s+Conns\s+8\s+8\s+100\.0%$/)
  assert.ok(text.some(line => /^prefix:192\.0\.2\.0\/24\s+Conns\s+unlimited\s+1\s+n\/a$/.test(line)))
})

test('resources: what was cut, by reason', () => {
  const text = cutTable([
    { reason: 'malformed-frame', what: 'connection', mode: 'enforce', count: 12 },
    { reason: 'memory', what: 'stream', mode: 'observe', count: 3 },
  ]).split('\n')
  assert.match(text[0] ?? '', /^Cut For\s+What\s+Mode\s+Times$/)
  assert.match(text[1] ?? '', /^malformed-frame\s+connection\s+enforce\s+12$/)
  assert.equal(text.length, 3)
})

test('status fits one screen and says the important things', () => {
  const text = statusRows(STATUS).map(row => row.join(' '))
  assert.ok(text.length <= 24)
  for (const part of [
    'ready, enforce, loopback only',
    '3 inbound, 1 outbound, limit 100',
    '1.00 MB of 512 MB',
    'denials 9, limit.prefix 7, rate.ping 2',
    'cuts 3, memory 2, malformed-frame 1',
    'p99 2.0 ms',
  ]) {
    assert.ok(
      text.some(line => line.includes(part)),
      part,
    )
  }
})

test('the commands ask a daemon and print what it says, in every format', async t => {
  const { directory } = await daemon(t)
  const ask = (...args: string[]) => cli([...args, '--state', directory])
  assert.match((await ask('status')).stdout, /12D3KooWTest/)
  assert.equal((JSON.parse((await ask('status', '--json')).stdout) as { peerId: string }).peerId, '12D3KooWTest')
  assert.equal((JSON.parse((await ask('resources', '--json')).stdout) as { schemaVersion: number }).schemaVersion, 1)
  const lines = (await ask('resources', '--all', '-o', 'ndjson')).stdout.trim().split('\n')
  assert.equal(lines.length, 4 * 8)
  const nothing = await ask('resources', '--above', '80')
  assert.deepEqual([nothing.stdout, nothing.stderr, nothing.code], ['', 'Nothing to show.\n', 0])
  assert.match((await ask('explain', '192.0.2.1')).stdout, /^ip 192\.0\.2\.1/)
  const unknown = await ask('explain', 'nobody')
  assert.deepEqual([unknown.code, unknown.stdout], [5, ''])
})

test('ban add, ls, rm', async t => {
  const { directory, face } = await daemon(t)
  const ask = (...args: string[]) => cli([...args, '--state', directory])
  assert.equal((await ask('ban', 'ls')).stderr, 'Nobody is banned.\n')
  const added = await ask('ban', 'add', '192.0.2.0/24', '--for', '4h', '--reason', 'flood')
  assert.match(added.stdout, /192\.0\.2\.0\/24 .*1970-01-01T04:00:00\.000Z\s+flood/)
  assert.match(face.whos[0] ?? '', /^admin\.sock \(.+\)$/)
  const [ban] = (JSON.parse((await ask('ban', 'ls', '--json')).stdout) as { bans: { untilMs: number }[] }).bans
  assert.equal(ban?.untilMs, 4 * 3_600_000)
  const removed = await ask('ban', 'rm', '192.0.2.0/24')
  assert.deepEqual([removed.code, removed.stdout], [0, ''])
  assert.equal((await ask('ban', 'rm', '192.0.2.0/24')).code, 5)
  const refused = await ask('ban', 'add', 'not an address')
  assert.deepEqual([refused.code, refused.stderr], [1, 'sluice: "not an address" is no address.\n'])
})

test('a server on the socket that speaks something else is an error, not a hang', async t => {
  const directory = scratch(t)
  const server = createServer(socket => socket.end('hello\r\n\r\n'))
  await new Promise<void>(resolve => server.listen(statePaths(directory, {}).socket, resolve))
  t.after(() => server.close())
  const { code, stderr } = await cli(['status', '--state', directory])
  assert.equal(code, 4)
  assert.match(stderr, /Cannot talk to the daemon/)
})
