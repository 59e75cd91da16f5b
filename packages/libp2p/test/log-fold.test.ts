/** Denials folded by window, on a clock of the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ComponentLogger } from '@libp2p/interface'
import type { Denial } from '@sluice/core'
import { createGovernor } from '@sluice/core'
import { createNodeContext } from '../src/context.ts'
import { foldDenials, LogFold } from '../src/log-fold.ts'

function denial(over: Partial<Denial> = {}): Denial {
  return {
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
}

function fold(keysMax?: number): { fold: LogFold; lines: string[]; clock: { nowMs: number; now(): number } } {
  const lines: string[] = []
  const clock = {
    nowMs: 1_000_000,
    now(): number {
      return this.nowMs
    },
  }
  return { fold: new LogFold({ clock, write: line => lines.push(line), ...(keysMax === undefined ? {} : { keysMax }) }), lines, clock }
}

test('the first denial is written in full, the rest of its window as one line', () => {
  const { fold: folded, lines, clock } = fold()
  for (let i = 0; i < 215; i++) folded.add(denial({ id: i }), 'enforce')
  assert.deepEqual(lines, ['denied: rate.ping: 8 of 8 spent on conn-1'])
  assert.equal(folded.flush(), 10_000)
  clock.nowMs += 10_000
  assert.equal(folded.flush(), undefined)
  assert.equal(lines[1], 'denied 214 more times in 10 s: rate.ping (limit 8)')
  assert.equal(folded.size, 0)
})

test('a denial that stays alone leaves one line', () => {
  const { fold: folded, lines, clock } = fold()
  folded.add(denial(), 'enforce')
  clock.nowMs += 20_000
  folded.flush()
  assert.equal(lines.length, 1)
})

test('a new window begins with the denial after the old one, without a flush between', () => {
  const { fold: folded, lines, clock } = fold()
  folded.add(denial(), 'enforce')
  folded.add(denial(), 'enforce')
  clock.nowMs += 12_000
  folded.add(denial(), 'enforce')
  assert.deepEqual(lines.slice(1), ['denied 1 more times in 12 s: rate.ping (limit 8)', 'denied: rate.ping: 8 of 8 spent on conn-1'])
})

test('rules, limits and modes are told apart; what would be denied says would', () => {
  const { fold: folded, lines } = fold()
  folded.add(denial(), 'observe')
  folded.add(denial({ limit: 9 }), 'enforce')
  folded.add(denial({ rule: 'rate.identify' }), 'enforce')
  assert.equal(lines.length, 3)
  assert.match(lines[0] ?? '', /^would deny: /)
  folded.add(denial(), 'observe')
  folded.close()
  assert.match(lines[3] ?? '', /^would have denied 1 more times/)
})

test('at the bound of keys, further rules are counted together', () => {
  const { fold: folded, lines, clock } = fold(4)
  for (let i = 0; i < 100; i++) folded.add(denial({ rule: `rate.kind${i}` }), 'enforce')
  assert.ok(folded.size <= 5)
  assert.equal(lines.length, 5)
  clock.nowMs += 10_000
  folded.flush()
  assert.equal(lines.at(-1), 'denied 95 more times in 10 s: other rules')
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
  foldDenials(context)
  for (let id = 1; id <= 3; id++) {
    context.emit({ type: 'denial', atMs: 0, mode: 'enforce', denial: denial({ id }), peer: undefined, address: undefined })
  }
  assert.ok(components.includes('sluice:denials'))
  assert.equal(lines.length, 1)
  await context.stopped()
  assert.match(lines[1] ?? '', /denied 2 more times in 1 s: rate\.ping \(limit 8\)/)
})
