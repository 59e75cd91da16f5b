import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, escapeControls, span, table } from '../../src/cli/output.ts'

test('bytes are SI with three digits', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [1_073_741_824, '1.07 GB'],
    [5e15, '5000 TB'],
  ]
  for (const [value, text] of cases) assert.equal(bytes(value), text)
})

test('a span names its two largest units', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [-5, '0 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [90_061_000, '1 d 1 h'],
  ]
  for (const [ms, text] of cases) assert.equal(span(ms), text)
})

test('a table aligns its columns and shows control characters instead of sending them', () => {
  assert.equal(
    table(
      [
        ['a', '1'],
        ['long', '22'],
      ],
      [1],
    ),
    'a      1\nlong  22',
  )
  assert.equal(escapeControls('a\u001b[31m\nb\u202ec'), 'a\\u{1b}[31m\\u{a}b\\u{202e}c')
  assert.ok(!table([['\u0007']]).includes('\u0007'))
})
