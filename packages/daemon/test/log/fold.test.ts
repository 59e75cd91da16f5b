import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FOLD_WINDOW_MS, Fold } from '../../src/log/fold.ts'

function fold(kindsMax = 256) {
  const lines: string[] = []
  const clock = { ms: 0, now: () => clock.ms }
  return { lines, clock, fold: new Fold({ clock, write: line => lines.push(line), kindsMax }) }
}

test('the first of a kind is written, the rest of the window becomes one line', () => {
  const { fold: folded, lines, clock } = fold()
  for (let i = 0; i < 215; i++) folded.add('ping', `denied ping ${i}`, 'denied: rate.ping (limit 5)')
  folded.flush()
  assert.deepEqual(lines, ['denied ping 0'])
  clock.ms += FOLD_WINDOW_MS
  folded.flush()
  assert.deepEqual(lines.slice(1), ['denied: rate.ping (limit 5), 214 more times in 10 s'])
  assert.equal(folded.size, 0)
})

test('a new window begins with a full line, after the summary of the one before', () => {
  const { fold: folded, lines, clock } = fold()
  for (const line of ['a', 'b']) folded.add('k', line, 's')
  clock.ms += FOLD_WINDOW_MS
  folded.add('k', 'c', 's')
  folded.close()
  assert.deepEqual(lines, ['a', 's, 1 more times in 10 s', 'c'])
})

test('kinds are bounded: what is past the bound is counted together, and nothing is lost', () => {
  const { fold: folded, lines } = fold(3)
  for (let i = 0; i < 100; i++) folded.add(`kind ${i}`, `line ${i}`, `summary ${i}`)
  assert.equal(folded.size, 4)
  folded.close()
  assert.deepEqual(lines, ['line 0', 'line 1', 'line 2', 'line 3', 'other rules, 96 more times in 1 s'])
})
