import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandFailure } from '../../src/cli/exit-codes.ts'
import { explainListenFailure, listenAddresses, parseListen } from '../../src/node/listen.ts'

const all = { listen: [], public: false, quic: true, webSockets: true }

test('by default TCP, WebSockets and QUIC on loopback; --public on every interface', () => {
  assert.deepEqual(
    listenAddresses(all).map(address => address.text),
    ['/ip4/127.0.0.1/tcp/4001', '/ip4/127.0.0.1/tcp/4002/ws', '/ip4/127.0.0.1/udp/4001/quic-v1'],
  )
  assert.deepEqual(
    listenAddresses({ ...all, quic: false, webSockets: false }).map(address => address.text),
    ['/ip4/127.0.0.1/tcp/4001'],
  )
  assert.deepEqual(
    listenAddresses({ ...all, public: true })
      .slice(0, 3)
      .map(address => address.host),
    ['0.0.0.0', '0.0.0.0', '0.0.0.0'],
  )
})

test('only loopback passes without --public', () => {
  for (const host of ['/ip4/127.3.2.1', '/ip6/::1']) assert.equal(listenAddresses({ ...all, listen: [`${host}/tcp/0`] }).length, 1)
  for (const host of ['/ip4/0.0.0.0', '/ip4/10.0.0.1', '/ip6/::', '/ip4/128.0.0.1', '/ip6/fe80::1', '/ip6/::ffff:10.0.0.1']) {
    assert.throws(() => listenAddresses({ ...all, listen: [`${host}/tcp/0`] }), { exitCode: 2, message: /--public/ })
    assert.equal(listenAddresses({ ...all, public: true, listen: [`${host}/tcp/0`] }).length, 1)
  }
})

test('addresses that are no listen address are refused with examples', () => {
  for (const text of [
    '',
    '/',
    'tcp',
    '/ip4/127.0.0.1',
    '/ip4/127.0.0.1/tcp',
    '/ip4/127.0.0.1/tcp/x',
    '/ip4/127.0.0.1/tcp/65536',
    '/ip4/127.0.0.1/udp/1',
    '/ip4/127.0.0.1/tcp/1/wss',
    '/dns4/localhost/tcp/1',
    '/ip6/127.0.0.1/tcp/1',
    '/ip4/127.0.0.1/tcp/1/ws/p2p/x',
    '/ip4/127.0.0.1/tcp/1\n',
  ]) {
    assert.throws(() => parseListen(text), { exitCode: 2, message: /is not understood\. Use/ }, text)
  }
})

test('a failed listen names port, reason and flag; other errors pass through', () => {
  const addresses = listenAddresses(all)
  const failed = Object.assign(
    new Error(
      'Some configured addresses failed:\n\n  /ip4/127.0.0.1/tcp/4001: Error: listen EADDRINUSE: address already in use 127.0.0.1:4001\n      at x\n\n  /ip4/127.0.0.1/udp/4001/quic-v1: Error: Address already in use (os error 98)\n',
    ),
    {
      name: 'UnsupportedListenAddressesError',
    },
  )
  const error = explainListenFailure(failed, addresses)
  assert.ok(error instanceof CommandFailure)
  assert.equal(error.exitCode, 1)
  assert.match(error.message, /TCP port 4001 .* is taken by another program; QUIC port 4001 .* is taken by another program.*--listen/)
  assert.ok(!error.message.includes('4002'))
  const other = new Error('x')
  assert.equal(explainListenFailure(other, addresses), other)
})
