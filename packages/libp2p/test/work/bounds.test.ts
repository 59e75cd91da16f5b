/** What one peer may make us store: at each bound, and one past it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Address } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import {
  ADDRESSES_MAX,
  boundAddresses,
  boundMetadata,
  boundPeerData,
  boundProtocols,
  cutText,
  METADATA_BYTES_MAX,
  METADATA_ENTRIES_MAX,
  PROTOCOL_CHARACTERS_MAX,
  PROTOCOLS_CHARACTERS_MAX,
  PROTOCOLS_MAX,
  PUBLIC_KEY_BYTES_MAX,
  SIGNED_RECORD_BYTES_MAX,
  VERSION_BYTES_MAX,
} from '../../src/work/bounds.ts'

const address = (port: number, isCertified = false): Address => ({ multiaddr: multiaddr(`/ip4/192.0.2.1/tcp/${port}`), isCertified })
const list = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))

test('at the bound all of it stays, and the very same object comes back', () => {
  const data = {
    addresses: list(ADDRESSES_MAX, port => address(port + 1)),
    protocols: list(PROTOCOLS_MAX, index => `/p/${index}`),
    metadata: new Map(list(METADATA_ENTRIES_MAX, index => [`k${index}`, new Uint8Array(METADATA_BYTES_MAX)] as const)),
    peerRecordEnvelope: new Uint8Array(SIGNED_RECORD_BYTES_MAX),
  }
  assert.equal(boundPeerData(data), data)
})

test('one more of anything is cut back to the bound', () => {
  const bounded = boundPeerData({
    addresses: list(ADDRESSES_MAX + 1, port => address(port + 1)),
    multiaddrs: [multiaddr('/ip4/192.0.2.9/tcp/1')],
    protocols: list(PROTOCOLS_MAX + 1, index => `/p/${index}`),
    metadata: new Map(list(METADATA_ENTRIES_MAX + 1, index => [`k${index}`, new Uint8Array(1)] as const)),
    peerRecordEnvelope: new Uint8Array(SIGNED_RECORD_BYTES_MAX + 1),
  })
  assert.equal(bounded.addresses?.length, ADDRESSES_MAX)
  assert.equal(bounded.multiaddrs?.length, 0)
  assert.equal(bounded.protocols?.length, PROTOCOLS_MAX)
  assert.equal((bounded.metadata as Map<string, unknown>).size, METADATA_ENTRIES_MAX)
  assert.equal('peerRecordEnvelope' in bounded, false)
})

test('certified addresses win over others, and overlong ones never fit', () => {
  const long: Address = { multiaddr: multiaddr(`/dns4/${'a'.repeat(60)}.${'b'.repeat(250)}/tcp/1`), isCertified: true }
  const kept = boundAddresses([...list(ADDRESSES_MAX, port => address(port + 1)), address(9999, true), long])
  assert.equal(kept.length, ADDRESSES_MAX)
  assert.equal(kept[0]?.isCertified, true)
  assert.equal(kept.includes(long), false)
  assert.deepEqual(boundAddresses([long]), [])
})

test('an overlong protocol is left out, and names together have a bound', () => {
  const exact = `/${'x'.repeat(PROTOCOL_CHARACTERS_MAX - 1)}`
  assert.deepEqual(boundProtocols([exact, `${exact}x`, '/short']), [exact, '/short'])
  const kept = boundProtocols(list(100, index => `/${index}/`.padEnd(200, 'y')))
  assert.ok(kept.join('').length <= PROTOCOLS_CHARACTERS_MAX)
  assert.equal(kept.length, Math.floor(PROTOCOLS_CHARACTERS_MAX / 200))
})

test('versions are cut at the end of a character, other values left out, removals pass', () => {
  const agent = new TextEncoder().encode('é'.repeat(VERSION_BYTES_MAX))
  const bounded = boundMetadata({ AgentVersion: agent, big: new Uint8Array(METADATA_BYTES_MAX + 1), gone: undefined }) as Map<
    string,
    Uint8Array | undefined
  >
  assert.equal(bounded.get('AgentVersion')?.byteLength, VERSION_BYTES_MAX)
  assert.equal(bounded.has('big'), false)
  assert.equal(bounded.has('gone'), true)
  assert.equal(new TextDecoder('utf-8', { fatal: true }).decode(cutText(agent, 5)), 'éé')
})

test('a public key of RSA 8192 passes, a larger one does not', async () => {
  const { publicKey } = await generateKeyPair('Ed25519')
  const withRaw = (bytes: number): typeof publicKey => Object.create(publicKey, { raw: { value: new Uint8Array(bytes) } })
  assert.equal('publicKey' in boundPeerData({ publicKey: withRaw(PUBLIC_KEY_BYTES_MAX) }), true)
  assert.equal('publicKey' in boundPeerData({ publicKey: withRaw(PUBLIC_KEY_BYTES_MAX + 1) }), false)
})
