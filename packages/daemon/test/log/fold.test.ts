import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { FOLD_WINDOW_MS, Fold, openEventLog } from '../../src/log/fold.ts'

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

test('denials, cuts and bans become lines that say what was done, or would have been', () => {
  const lines: string[] = []
  const log = pino({ level: 'info', base: null }, { write: (text: string) => void lines.push((JSON.parse(text) as { msg: string }).msg) })
  const events = openEventLog(log, { now: () => 0 })
  const denial = {
    id: 1,
    rule: 'rate.ping',
    scope: 'conn-1',
    scopeClass: 'connection',
    resource: 'rate',
    direction: undefined,
    current: 5,
    attempted: 1,
    limit: 5,
    message: 'ping refused.',
  } as const
  const cut = {
    type: 'cut',
    atMs: 0,
    reason: 'memory',
    what: 'stream',
    peer: undefined,
    address: '192.0.2.1',
    message: 'held too much.',
  } as const
  const ban = { target: '192.0.2.1', createdMs: 0, untilMs: 1, reason: 'x' }
  for (const mode of ['enforce', 'observe', 'enforce'] as const) {
    events.event({ type: 'denial', atMs: 0, mode, denial, peer: undefined, address: undefined })
    events.event({ ...cut, mode })
  }
  events.event({ type: 'ban', atMs: 0, ban })
  events.event({ type: 'unban', atMs: 0, target: ban.target, expired: true })
  events.event({ type: 'unban', atMs: 0, target: ban.target, expired: false })
  events.event({ type: 'policy', atMs: 0, mode: 'observe' })
  events.event({ type: 'recorder', atMs: 0, failed: 'disk full' })
  events.close()
  assert.deepEqual(lines, [
    'denied: ping refused.',
    'cut stream of 192.0.2.1: held too much.',
    'would deny: ping refused.',
    'would cut stream of 192.0.2.1: held too much.',
    'banned',
    'ban ended',
    'ban lifted',
    'the policy was changed',
    'the recording has ended: an input could not be written',
    'denied: rate.ping (limit 5), 1 more times in 1 s',
    'cut: memory, 1 more times in 1 s',
  ])
})
