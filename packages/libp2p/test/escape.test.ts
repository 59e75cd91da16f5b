/** Peer-controlled text made printable: tables, and any text at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ESCAPED_TEXT_MAX, escapeError, escapeText } from '../src/escape.ts'

test('plain text of the field stays as it is', () => {
  assert.equal(escapeText('/ipfs/id/1.0.0'), '/ipfs/id/1.0.0')
  assert.equal(escapeText('kubo/0.40 (naïve Ω 節點)'), 'kubo/0.40 (naïve Ω 節點)')
})

test('control characters, quotes and direction overrides become visible', () => {
  assert.equal(escapeText('a\nb\r\t'), 'a\\nb\\r\\t')
  assert.equal(escapeText('\u001b[31mred'), '\\u{1b}[31mred')
  assert.equal(escapeText('say "hi" \\'), 'say \\"hi\\" \\\\')
  assert.equal(escapeText('user\u202egnp.exe'), 'user\\u{202e}gnp.exe')
  assert.equal(escapeText('a\u2028b\u200bc\ufeffd'), 'a\\u{2028}b\\u{200b}c\\u{feff}d')
  assert.equal(escapeText('\ud800 alone'), '\\u{d800} alone')
})

test('long text is cut, and says so', () => {
  const cut = escapeText('x'.repeat(10_000))
  assert.equal(cut, `${'x'.repeat(ESCAPED_TEXT_MAX)}…`)
  assert.equal(escapeText('😀'.repeat(3), 2), '😀😀…')
  assert.equal(escapeText('ab', 2), 'ab')
})

test('whatever comes in, what goes out is one bounded printable line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.integer({ min: 0, max: 50 }), (text, max) => {
      const out = escapeText(text, max)
      assert.doesNotMatch(out, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u)
      // The longest escape is \u{10ffff}.
      assert.ok(Array.from(out).length <= max * 10 + 1)
      assert.doesNotMatch(out, /(^|[^\\])(\\\\)*"/)
    }),
  )
})

test('errors are named, other thrown things typed', () => {
  assert.equal(escapeError(new TypeError('bad\nline')), 'TypeError: bad\\nline')
  assert.equal(escapeError('text'), 'text')
  assert.equal(escapeError(7), 'thrown number')
  assert.equal(escapeError(undefined), 'thrown undefined')
})
