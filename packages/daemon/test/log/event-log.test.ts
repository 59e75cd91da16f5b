import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEventLog } from '../../src/log/event-log.ts'

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
    'denied 1 more times in 1 s: rate.ping (limit 5)',
    'cut 1 more times in 1 s: memory',
  ])
})
