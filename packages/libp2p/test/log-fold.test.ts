/** Denials and cuts folded by window, on a clock of the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ComponentLogger } from '@libp2p/interface'
import type { Denial, Mode } from '@sluice/core'
import { createGovernor } from '@sluice/core'
import { createNodeContext } from '../src/context.ts'
import type { CutEvent } from '../src/events.ts'
import { FOLD_WINDOW_MS, type FoldedEvent, foldEvents, LogFold, openLogFold } from '../src/log-fold.ts'
import { CUT_REASONS } from '../src/refused.ts'

function denied(over: Partial<Denial> = {}, mode: Mode = 'enforce'): FoldedEvent {
  const denial: Denial = {
    id: 1,
    rule: 'rate.ping',
    scope: 'conn-1',
    scopeClass: 'connection',
    resource: 'rate',
    direction: 'inbound',
    current: 8,
    attempted: 1,
    limit: 8,
    message: 'rate.ping: 8 of 8 spent on conn-1',
    ...over,
  }
  return { type: 'denial', atMs: 0, mode, denial, peer: undefined, address: undefined }
}

function cut(over: Partial<CutEvent> = {}): FoldedEvent {
  const message = 'held too much'
  return {
    type: 'cut',
    atMs: 0,
    mode: 'enforce',
    reason: 'memory',
    what: 'stream',
    peer: undefined,
    address: '192.0.2.1',
    message,
    ...over,
  }
}

function fold(kindsMax?: number): { fold: LogFold; lines: string[]; clock: { nowMs: number; now(): number } } {
  const lines: string[] = []
  const clock = {
    nowMs: 1_000_000,
    now(): number {
      return this.nowMs
    },
  }
  return { fold: new LogFold({ clock, write: line => lines.push(line), ...(kindsMax === undefined ? {} : { kindsMax }) }), lines, clock }
}

test('the first denial is written in full, the rest of its window as one line', () => {
  const { fold: folded, lines, clock } = fold()
  for (let i = 0; i < 215; i++) folded.add(denied({ id: i }))
  assert.deepEqual(lines, ['denied: rate.ping: 8 of 8 spent on conn-1'])
  assert.equal(folded.flush(), 10_000)
  clock.nowMs += 10_000
  assert.equal(folded.flush(), undefined)
  assert.equal(lines[1], 'denied 214 more times in 10 s: rate.ping (limit 8)')
  assert.equal(folded.size, 0)
})

test('a denial that stays alone leaves one line', () => {
  const { fold: folded, lines, clock } = fold()
  folded.add(denied())
  clock.nowMs += 20_000
  folded.flush()
  assert.equal(lines.length, 1)
})

test('a new window begins with the denial after the old one, without a flush between', () => {
  const { fold: folded, lines, clock } = fold()
  folded.add(denied())
  folded.add(denied())
  clock.nowMs += 12_000
  folded.add(denied())
  assert.deepEqual(lines.slice(1), ['denied 1 more times in 12 s: rate.ping (limit 8)', 'denied: rate.ping: 8 of 8 spent on conn-1'])
})

test('rules, limits and modes are told apart; what would be denied says would', () => {
  const { fold: folded, lines } = fold()
  folded.add(denied({}, 'observe'))
  folded.add(denied({ limit: 9 }))
  folded.add(denied({ rule: 'rate.identify' }))
  assert.equal(lines.length, 3)
  assert.match(lines[0] ?? '', /^would deny: /)
  folded.add(denied({}, 'observe'))
  folded.close()
  assert.match(lines[3] ?? '', /^would have denied 1 more times/)
})

test('at the bound of kinds, further rules are counted together', () => {
  const { fold: folded, lines, clock } = fold(4)
  for (let i = 0; i < 100; i++) folded.add(denied({ rule: `rate.kind${i}` }))
  assert.ok(folded.size <= 5)
  assert.equal(lines.length, 5)
  clock.nowMs += 10_000
  folded.flush()
  assert.equal(lines.at(-1), 'denied 95 more times in 10 s: other rules')
})

test('cuts are told apart by reason, never by address', () => {
  const { fold: folded, lines } = fold()
  for (let i = 0; i < 50; i++) folded.add(cut({ address: `192.0.2.${i}` }))
  folded.add(cut({ mode: 'observe', what: 'connection' }))
  folded.add(cut({ reason: 'malformed-frame' }))
  folded.close()
  assert.deepEqual(lines, [
    'cut stream of 192.0.2.0: held too much',
    'would cut connection of 192.0.2.1: held too much',
    'cut stream of 192.0.2.1: held too much',
    'cut 49 more times in 1 s: memory',
  ])
})

test('past the bound denials and cuts, enforced and observed, are four rows more', () => {
  const { fold: folded, lines } = fold(1)
  for (const mode of ['enforce', 'observe'] as const) {
    for (const reason of CUT_REASONS) folded.add(cut({ mode, reason }))
    for (let i = 0; i < 9; i++) folded.add(denied({ rule: `rate.kind${i}` }, mode))
  }
  assert.equal(folded.size, 5)
  folded.close()
  assert.deepEqual(lines.slice(5), [
    `cut ${CUT_REASONS.length - 2} more times in 1 s: other reasons`,
    'denied 8 more times in 1 s: other rules',
    `would have cut ${CUT_REASONS.length - 1} more times in 1 s: other reasons`,
    'would have denied 8 more times in 1 s: other rules',
  ])
})

test('an open fold writes by itself when a window is over, until it is closed', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const lines: string[] = []
  const fold = openLogFold({ clock: { now: () => Date.now() }, write: line => lines.push(line) })
  for (let id = 1; id <= 3; id++) fold.add(denied({ id }))
  t.mock.timers.tick(FOLD_WINDOW_MS)
  assert.deepEqual(lines.slice(1), ['denied 2 more times in 10 s: rate.ping (limit 8)'])
  for (let id = 1; id <= 2; id++) fold.add(denied({ id }))
  fold.close()
  assert.equal(lines.length, 4)
  fold.close()
  t.mock.timers.tick(2 * FOLD_WINDOW_MS)
  assert.equal(lines.length, 4)
})

test("a node's denials go to its own logger, and what was counted is written when it stops", async () => {
  const lines: string[] = []
  const log = Object.assign((format: string, ...rest: unknown[]) => lines.push([format, ...rest].join(' ')), {
    error() {},
    trace() {},
    enabled: true,
  })
  const components: string[] = []
  const logger = {
    forComponent(name: string) {
      components.push(name)
      return log
    },
  } as unknown as ComponentLogger
  const clock = { now: () => 0 }
  const context = createNodeContext({ governor: createGovernor({ clock, random: () => 0 }), clock, logger })
  foldEvents(context)
  for (let id = 1; id <= 3; id++) {
    context.emit(denied({ id }))
  }
  assert.ok(components.includes('sluice:denials'))
  assert.equal(lines.length, 1)
  await context.stopped()
  assert.match(lines[1] ?? '', /denied 2 more times in 1 s: rate\.ping \(limit 8\)/)
})
