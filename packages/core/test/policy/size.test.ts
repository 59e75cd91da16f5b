/**
 * Sizes, durations and suggestions.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSize, parseCount, parseDecimal, parseDuration, parseSize, quote } from '../../src/policy/size.ts'
import { editDistance, suggest } from '../../src/policy/suggest.ts'

const SIZES: Readonly<Record<string, number>> = {
  '4096': 4096,
  '4096B': 4096,
  '512MB': 512_000_000,
  '512 MB': 512_000_000,
  '1kB': 1000,
  '1KB': 1000,
  '64MiB': 67_108_864,
  '1.5GiB': 1_610_612_736,
  '0.5KiB': 512,
  '2TB': 2e12,
  '1TiB': 2 ** 40,
  '0': 0,
}

for (const [text, bytes] of Object.entries(SIZES)) {
  test(`${text} is ${bytes} bytes`, () => assert.deepEqual(parseSize(text), { ok: true, value: bytes }))
}

for (const text of [
  '',
  'B',
  '5K',
  '5M',
  '5mb',
  '5 Mib',
  '-5MB',
  '+5MB',
  '1e3',
  '1,5MB',
  '1_000',
  '0x10',
  '5MB 3',
  '.5MB',
  '5.MB',
  '0.0001kB',
  'NaN',
  'Infinity',
  '५MB',
]) {
  test(`${JSON.stringify(text)} is no size`, () => {
    const parsed = parseSize(text)
    assert.ok(!parsed.ok)
    assert.ok(parsed.why.endsWith('.') && parsed.remedy.includes('MB'))
  })
}

test('durations, counts and decimals', () => {
  assert.deepEqual(parseDuration('10s'), { ok: true, value: 10_000 })
  assert.deepEqual(parseDuration('1.5min'), { ok: true, value: 90_000 })
  assert.deepEqual(parseDuration('250'), { ok: true, value: 250 })
  assert.equal(parseDuration('1d').ok, false)
  assert.deepEqual(parseCount(' 42 '), { ok: true, value: 42 })
  for (const text of ['', '4.2', '-1', '1k']) assert.equal(parseCount(text).ok, false)
  assert.deepEqual(parseDecimal('0.2'), { ok: true, value: 0.2 })
  for (const text of ['', '.2', '-1', '1e3']) assert.equal(parseDecimal(text).ok, false)
})

test('a size reads back from its text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.maxSafeNat(),
        fc.nat({ max: 4096 }).map(n => n * 2 ** 20),
        fc.nat({ max: 4096 }).map(n => n * 1e6),
      ),
      bytes => {
        assert.deepEqual(parseSize(formatSize(bytes)), { ok: true, value: bytes })
      },
    ),
  )
})

test('no text throws', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      for (const parse of [parseSize, parseDuration, parseCount, parseDecimal]) parse(text)
      assert.ok(quote(text).length <= 64 * 6 + 3)
    }),
  )
})

test('suggestions are near, or none', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('ab', 'ba'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(suggest('conections', ['connections', 'memory']), 'connections')
  assert.equal(suggest('per_second', ['perSecond', 'burst']), 'perSecond')
  assert.equal(suggest('zzz', ['connections', 'memory']), undefined)
  assert.equal(suggest('x'.repeat(100), ['x'.repeat(100)]), undefined)
})
