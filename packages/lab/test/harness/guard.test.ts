/** An attacker attacks its own parent's server on loopback and nothing else. */

import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertAttackable, isLoopback, listensOn, parentOf, TargetRefusedError } from '../../src/harness/guard.ts'
import type { Answer } from '../../src/harness/messages.ts'

const ATTACKER = fileURLToPath(new URL('../../src/attacker/main.ts', import.meta.url))

async function listening(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

test('loopback is numeric and loopback', () => {
  for (const host of ['127.0.0.1', '127.66.0.9', '127.255.255.254', '::1']) assert.ok(isLoopback(host), host)
  for (const host of [
    'localhost',
    '10.0.0.1',
    '192.0.2.7',
    '8.8.8.8',
    '0.0.0.0',
    '::',
    '::2',
    '128.0.0.1',
    '127.1',
    '',
    '127.0.0.1.example',
  ]) {
    assert.ok(!isLoopback(host), host)
  }
})

test('a target is refused unless all three conditions hold', async () => {
  const { server, port } = await listening()
  const parent = parentOf(process.pid)
  const own = { host: '127.0.0.1', port, serverPid: process.pid }
  assert.equal(parent, process.ppid)
  assert.ok(listensOn(process.pid, port))
  assertAttackable(own, parent)
  assert.throws(() => assertAttackable({ ...own, host: '192.0.2.7' }, parent), TargetRefusedError)
  assert.throws(() => assertAttackable({ ...own, host: 'localhost' }, parent), TargetRefusedError)
  assert.throws(() => assertAttackable(own, process.pid), /was not started by/)
  assert.throws(() => assertAttackable({ ...own, serverPid: 1 }, parent), TargetRefusedError)
  server.close()
  await once(server, 'close')
  assert.throws(() => assertAttackable(own, parent), /does not listen/)
})

/** Starts a real attacker as a child of this process, gives it an announcement and returns its first answer. */
async function firstAnswer(host: string, port: number, serverPid: number): Promise<Answer> {
  const attacker = fork(ATTACKER, { execArgv: ['--conditions=@sluice/source'] })
  try {
    attacker.send({
      type: 'start',
      role: 'attacker',
      announcement: { host, port, serverPid },
      scenario: 's09-muxer-pings',
      layout: 'one',
      seed: 1,
    })
    const [answer] = (await once(attacker, 'message')) as [Answer]
    return answer
  } finally {
    attacker.kill('SIGKILL')
    await once(attacker, 'exit')
  }
}

test('the attacker process refuses an address outside loopback', async () => {
  const answer = await firstAnswer('192.0.2.7', 4001, process.pid)
  assert.equal(answer.type, 'refused-target')
})

test('the attacker process refuses a loopback server that is not a child of its parent', async () => {
  const { server, port } = await listening()
  let connections = 0
  server.on('connection', socket => {
    connections += 1
    socket.destroy()
  })
  // This process listens, and it is the attacker's parent, not its sibling.
  const answer = await firstAnswer('127.0.0.1', port, process.pid)
  assert.equal(answer.type, 'refused-target')
  assert.equal(connections, 0)
  server.close()
})

test('the attacker does nothing when started by hand', async () => {
  const attacker = spawn(process.execPath, ['--conditions=@sluice/source', ATTACKER], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  attacker.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = (await once(attacker, 'close')) as [number]
  assert.equal(code, 2)
  assert.match(said, /only runs as its child/)
})
