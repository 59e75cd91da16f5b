/**
 * One spelling per peer id: vectors made with the multiformats library, and an encoder of our own over big integers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAddress } from '../../src/address.ts'
import { parseEntry } from '../../src/gate/entries.ts'
import { canonicalPeer } from '../../src/peer-id.ts'

/** base58btc, then the CID in base32, base32upper, base36, base36upper, base58btc. The second peer is the example of the libp2p specification. */
const VECTORS: readonly (readonly string[])[] = [
  [
    '12D3KooWMnBsKjxZmcvXCJnCTurizXkqLgjpnG9Ugcvb7RJg2fim',
    'bafzaajaiaejcbmn5n5jgit5xls4p4s24gkelgklrtiy4sozyrudijatdk7fiheig',
    'BAFZAAJAIAEJCBMN5N5JGIT5XLS4P4S24GKELGKLRTIY4SOZYRUDIJATDK7FIHEIG',
    'k51qzi5uqu5dkm2gtf5fu2v0e3xzw6w2yf50c24s4kkfntulh5uw239qqufoqu',
    'K51QZI5UQU5DKM2GTF5FU2V0E3XZW6W2YF50C24S4KKFNTULH5UW239QQUFOQU',
    'z5AanNVJCxnSoCxCUSGpdcvBqhXVbJsMqV2jbKMvkps3CjfMEsXRMvM',
  ],
  [
    'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe',
    'BAFZBEIE5745RPV2M6TJYUUGYWY4D5EWRQGQQHFNF445HE3OMZPJBX5XQXE',
    'k2k4r8ncs1yoluq95unsd7x2vfhgve0ncjoggwqx9vyh3vl8warrcp15',
    'K2K4R8NCS1YOLUQ95UNSD7X2VFHGVE0NCJOGGWQX9VYH3VL8WARRCP15',
    'zdvgqC3jczfCwLUoSyWT8GLc5UZ9aG4RkAg7XAfidRbX9qVj6',
  ],
]

for (const [peer = '', ...spellings] of VECTORS) {
  test(`every spelling of ${peer} is that peer`, () => {
    for (const spelled of [peer, ...spellings]) {
      assert.equal(canonicalPeer(spelled), peer)
      const address = parseAddress(`/ip4/203.0.113.7/tcp/1/p2p/${spelled}`)
      assert.ok(address.ok)
      assert.equal(address.peer, peer)
      const relayed = parseAddress(`/p2p/${spelled}/p2p-circuit`)
      assert.ok(relayed.ok)
      assert.equal(relayed.scope, peer)
      for (const text of [spelled, `/p2p/${spelled}`]) {
        const entry = parseEntry(text)
        assert.ok(entry.ok)
        assert.equal(entry.text, `/p2p/${peer}`)
      }
    }
  })
}

/** Bytes in a base, by long division of one big integer. */
function encode(bytes: Uint8Array, alphabet: string): string {
  let value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  let text = ''
  for (; value > 0n; value /= BigInt(alphabet.length)) text = alphabet[Number(value % BigInt(alphabet.length))] + text
  const zeros = bytes.findIndex(byte => byte !== 0)
  return alphabet[0]!.repeat(zeros < 0 ? bytes.length : zeros) + text
}

const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz'
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

test('any multihash comes out as itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), multihash => {
      const cid = Uint8Array.from([1, 0x72, ...multihash])
      const expected = encode(multihash, BASE58)
      assert.equal(canonicalPeer(`k${encode(cid, BASE36)}`), expected)
      assert.equal(canonicalPeer(`z${encode(cid, BASE58)}`), expected)
    }),
  )
})

test('text that is no CID of a peer stays as it is', () => {
  const content = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
  const texts = ['QmAlice', 'b', 'bob', 'k2', 'z1', content, `b${'1'.repeat(60)}`, `z${'0'.repeat(60)}`, `k${'A'.repeat(60)}`]
  for (const text of texts) assert.equal(canonicalPeer(text), text)
  fc.assert(fc.property(fc.string(), text => assert.equal(canonicalPeer(text), text)))
})
