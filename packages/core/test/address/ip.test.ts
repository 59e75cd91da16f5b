/**
 * IP text against two independent readers: `node:net` for what is an address, the URL parser for its canonical spelling.
 */

import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { embeddedIp4, formatIp4, formatIp6, localityOfIp4, localityOfIp6, parseIp4, parseIp6, WORDS } from '../../src/ip.ts'

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const sparseWord = fc.oneof(word, fc.constantFrom(0, 1, -1, 0xffff, 0xffff0000 | 0, 0x10000))

/** Text near an address: mostly right, sometimes a character off. */
const nearIp6 = fc
  .array(
    fc.constantFrom('0', '1', 'f', 'A', 'ffff', '00', '0001', '12345', ':', '::', ':', ':', '.', '1.2.3.4', '1.2.3', '256', 'g', '%'),
    { maxLength: 18 },
  )
  .map(parts => parts.join(''))
const nearIp4 = fc
  .array(fc.constantFrom('0', '1', '25', '255', '256', '01', '.', '.', '..', '-1', ' '), { maxLength: 9 })
  .map(parts => parts.join(''))

function readIp6(text: string): boolean {
  return parseIp6(text, 0, text.length) < 0
}

test('what is an IPv6 address is what node:net says', () => {
  fc.assert(
    fc.property(fc.oneof(nearIp6, fc.ipV6(), fc.string()), text => {
      // node:net takes a zone, which is not part of the address here.
      fc.pre(!text.includes('%'))
      assert.equal(readIp6(text), isIPv6(text), JSON.stringify(text))
    }),
    { numRuns: 20_000 },
  )
})

test('what is an IPv4 address is what node:net says', () => {
  fc.assert(
    fc.property(fc.oneof(nearIp4, fc.ipV4(), fc.string()), text => {
      assert.equal(parseIp4(text, 0, text.length) < 0, isIPv4(text), JSON.stringify(text))
    }),
    { numRuns: 10_000 },
  )
})

test('a refused address says where it is wrong, within the text', () => {
  fc.assert(
    fc.property(fc.oneof(nearIp6, nearIp4, fc.string()), text => {
      for (const parse of [parseIp4, parseIp6]) {
        const wrong = parse(text, 0, text.length)
        assert.ok(wrong >= -1 && wrong <= text.length)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('IPv6 words read back from their text, which is the canonical one', () => {
  fc.assert(
    fc.property(sparseWord, sparseWord, sparseWord, sparseWord, (a, b, c, d) => {
      const text = formatIp6(a, b, c, d)
      assert.equal(readIp6(text), true, text)
      assert.deepEqual([...WORDS], [a, b, c, d])
      assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`)
    }),
    { numRuns: 5_000 },
  )
})

test('IPv4 words read back from their text', () => {
  fc.assert(
    fc.property(word, a => {
      const text = formatIp4(a)
      assert.equal(parseIp4(text, 0, text.length), -1)
      assert.equal(WORDS[0], a)
    }),
  )
})

const EMBEDDED: readonly (readonly [string, string | undefined])[] = [
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:0:192.0.2.7', undefined],
  ['64:ff9b::192.0.2.7', '192.0.2.7'],
  ['64:ff9b::10.0.0.1', undefined],
  ['64:ff9b::127.0.0.1', undefined],
  ['64:ff9b:1::192.0.2.7', undefined],
  ['2002:c000:207::', '192.0.2.7'],
  ['2002:c000:207:1:2:3:4:5', '192.0.2.7'],
  ['2002:7f00:1::1', undefined],
  ['2002:a00:1::1', undefined],
  ['2002:0:1::1', undefined],
  ['::192.0.2.7', undefined],
  ['2001:db8::1', undefined],
]

for (const [text, expected] of EMBEDDED) {
  test(`${text} stands for ${expected ?? 'itself'}`, () => {
    assert.equal(readIp6(text), true)
    assert.equal(embeddedIp4() ? formatIp4(WORDS[0] ?? 0) : undefined, expected)
  })
}

const LOCALITIES: readonly (readonly [string, string])[] = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.255', 'loopback'],
  ['126.255.255.255', 'public'],
  ['128.0.0.0', 'public'],
  ['10.0.0.0', 'private'],
  ['11.0.0.0', 'public'],
  ['172.15.255.255', 'public'],
  ['172.16.0.0', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.0', 'public'],
  ['192.168.0.1', 'private'],
  ['192.167.255.255', 'public'],
  ['192.169.0.0', 'public'],
  ['169.254.1.1', 'private'],
  ['100.63.255.255', 'public'],
  ['100.64.0.0', 'private'],
  ['100.127.255.255', 'private'],
  ['100.128.0.0', 'public'],
  ['::1', 'loopback'],
  ['::2', 'public'],
  ['fc00::1', 'private'],
  ['fdff::1', 'private'],
  ['fbff::1', 'public'],
  ['fe00::1', 'public'],
  ['fe80::1', 'private'],
  ['febf::1', 'private'],
  ['fec0::1', 'public'],
  ['2001:db8::1', 'public'],
]

for (const [text, expected] of LOCALITIES) {
  test(`${text} is ${expected}`, () => {
    if (text.includes(':')) {
      assert.equal(readIp6(text), true)
      const [a = 0, b = 0, c = 0, d = 0] = WORDS
      assert.equal(localityOfIp6(a, b, c, d), expected)
    } else {
      assert.equal(parseIp4(text, 0, text.length), -1)
      assert.equal(localityOfIp4(WORDS[0] ?? 0), expected)
    }
  })
}
