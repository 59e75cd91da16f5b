import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { seededRandom } from '@sluice/runtime'
import fc from 'fast-check'
import { ADMIN_BODY_BYTES_MAX, openAdmin } from '../../src/admin/server.ts'
import { scratch } from '../scratch.ts'
import { FakeFace } from './fake-face.ts'

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown> & { readonly error?: { readonly message: string } }
}

function call(
  path: string,
  method: string,
  url: string,
  body?: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const out = request({ socketPath: path, method, path: url, headers: body === undefined ? {} : headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) as Answer['body'] }),
      )
    })
    out.on('error', reject)
    out.end(body)
  })
}

async function open(t: TestContext): Promise<{ path: string; face: FakeFace }> {
  const path = join(scratch(t), 'admin.sock')
  const face = new FakeFace()
  const server = await openAdmin(path, face)
  t.after(() => server.close())
  return { path, face }
}

test('the socket is private, replaces a left-over, and goes away on close', async t => {
  const path = join(scratch(t), 'admin.sock')
  writeFileSync(path, '')
  const maskBefore = process.umask()
  const server = await openAdmin(path, new FakeFace())
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(process.umask(), maskBefore)
  await server.close()
  await server.close()
  assert.throws(() => statSync(path), { code: 'ENOENT' })
})

test('health: alive always, ready only when it is', async t => {
  const { path, face } = await open(t)
  assert.equal((await call(path, 'GET', '/livez')).status, 200)
  assert.equal((await call(path, 'GET', '/readyz')).status, 200)
  for (const phase of ['starting', 'draining'] as const) {
    face.phaseNow = phase
    assert.deepEqual(await call(path, 'GET', '/readyz'), { status: 503, body: { schemaVersion: 1, status: phase } })
  }
  assert.equal((await call(path, 'GET', '/version')).body.node, process.versions.node)
})

test('reads', async t => {
  const { path } = await open(t)
  assert.equal((await call(path, 'GET', '/v1/status')).body.peerId, '12D3KooWTest')
  assert.deepEqual((await call(path, 'GET', '/v1/resources')).body.counts, {
    connections: 100,
    streams: 0,
    peers: 0,
    prefixes: 0,
    spans: 0,
  })
  assert.deepEqual(((await call(path, 'GET', '/v1/resources?top=3')).body.counts as { connections: number }).connections, 3)
  assert.equal((await call(path, 'GET', '/v1/explain?subject=192.0.2.1')).body.kind, 'ip')
})

test('a ban goes in, is listed, and out again; who asked is passed on', async t => {
  const { path, face } = await open(t)
  const added = await call(path, 'POST', '/v1/ban', '{"target":"192.0.2.1","reason":"x"}', {
    'content-type': 'application/json',
    'x-sluice-user': 'alice',
  })
  assert.deepEqual(added.body.ban, { target: '192.0.2.1', createdMs: 0, untilMs: null, reason: 'x' })
  assert.equal(((await call(path, 'GET', '/v1/bans')).body.bans as unknown[]).length, 1)
  assert.equal(
    (await call(path, 'POST', '/v1/unban', '{"target":"192.0.2.1"}', { 'content-type': 'application/json', 'x-sluice-user': 'a\tb' }))
      .status,
    200,
  )
  assert.equal((await call(path, 'POST', '/v1/unban', '{"target":"192.0.2.1"}')).status, 404)
  assert.deepEqual(face.whos, ['admin.sock (alice)', 'admin.sock', 'admin.sock'])
})

/** Method, url, body, status, what the message must say. */
const BAD: readonly (readonly [string, string, string | undefined, number, RegExp])[] = [
  ['GET', '/nothing', undefined, 404, /There is no GET \/nothing/],
  ['GET', '/v1/ban', undefined, 404, /There is no GET/],
  ['DELETE', '/v1/status', undefined, 404, /There is no DELETE/],
  ['GET', '/v1/resources?top=-1', undefined, 400, /top must be a whole number from 0 to 10000/],
  ['GET', '/v1/resources?top=10001', undefined, 400, /top must be/],
  ['GET', '/v1/resources?top=1&top=2', undefined, 400, /top must be/],
  ['GET', '/v1/resources?limit=1', undefined, 400, /unknown field "limit"/],
  ['GET', '/v1/explain', undefined, 400, /subject must be text/],
  ['GET', `/v1/explain?subject=${'x'.repeat(513)}`, undefined, 400, /1 to 512 characters/],
  ['GET', '/v1/explain?subject=throw', undefined, 500, /Internal error: a defect/],
  ['GET', '/%zz', undefined, 400, /./],
  ['POST', '/v1/ban', undefined, 400, /the body must be a JSON object/],
  ['POST', '/v1/ban', '', 400, /./],
  ['POST', '/v1/ban', '{', 400, /JSON/i],
  ['POST', '/v1/ban', '[]', 400, /must be a JSON object/],
  ['POST', '/v1/ban', 'null', 400, /must be a JSON object/],
  ['POST', '/v1/ban', '{}', 400, /target must be text/],
  ['POST', '/v1/ban', '{"target":5}', 400, /target must be text/],
  ['POST', '/v1/ban', '{"target":"not an address"}', 400, /is no address/],
  ['POST', '/v1/ban', '{"target":"a","forMs":-1}', 400, /forMs must be/],
  ['POST', '/v1/ban', '{"target":"a","forMs":"4h"}', 400, /forMs must be/],
  ['POST', '/v1/ban', '{"target":"a","forMs":1e300}', 400, /forMs must be/],
  ['POST', '/v1/ban', `{"target":"a","reason":"${'x'.repeat(201)}"}`, 400, /reason must be/],
  ['POST', '/v1/ban', '{"target":"a","why":1}', 400, /unknown field "why"; known are target, forMs, reason/],
  ['POST', '/v1/ban', '{"__proto__":{"target":"a"}}', 400, /./],
  ['POST', '/v1/ban', `{"target":"${'x'.repeat(ADMIN_BODY_BYTES_MAX)}"}`, 413, /too large/i],
]

test('bad requests: the right status, a JSON error that says what is wrong, nothing changed', async t => {
  const { path, face } = await open(t)
  for (const [method, url, body, status, message] of BAD) {
    const answer = await call(path, method, url, body)
    assert.equal(answer.status, status, `${method} ${url.slice(0, 60)} ${body?.slice(0, 60)}`)
    assert.equal(answer.body.schemaVersion, 1)
    assert.match(answer.body.error?.message ?? '', message)
  }
  assert.equal((await call(path, 'POST', '/v1/ban', 'target=a', { 'content-type': 'text/plain' })).status, 415)
  assert.deepEqual(face.list, [])
})

test('any JSON as a body gets an answer, never a server error', async t => {
  const { path } = await open(t)
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string()), fc.constantFrom('/v1/ban', '/v1/unban'), async (body, url) => {
      const { status } = await call(path, 'POST', url, body)
      assert.ok(status < 500, `${status}`)
    }),
    { numRuns: 100 },
  )
})

test('junk on the socket is answered with an error or a closed connection, and the server goes on', async t => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const { path } = await open(t)
  for (let round = 0; round < 40; round++) {
    const junk = Buffer.from(Array.from({ length: Math.floor(random() * 2000) }, () => Math.floor(random() * 256)))
    const prefix =
      [
        '',
        'GET ',
        'GET /v1/status HTTP/1.1\r\n',
        'POST /v1/ban HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
      ][round % 5] ?? ''
    await new Promise<void>(resolve => {
      const socket = connect(path, () => socket.end(Buffer.concat([Buffer.from(prefix), junk])))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
      socket.resume()
    })
  }
  assert.equal((await call(path, 'GET', '/livez')).status, 200)
})
