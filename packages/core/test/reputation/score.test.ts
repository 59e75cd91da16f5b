/** Scores: they fade, only what is provable bans, and a flood of strangers washes nothing out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OFFENCE_NAMES, OFFENCES, offence, Scores } from '@sluice/core'
import fc from 'fast-check'
import { holds } from '../helpers.ts'

const HALF_LIFE = 21_600_000

test('a stranger has 0 and no history; points fade by half', () => {
  const scores = new Scores()
  assert.equal(scores.score('ip:a', 0), 0)
  assert.equal(scores.hasHistory('ip:a'), false)
  assert.equal(scores.report('ip:a', 'bad-signature', 0).score, -50)
  assert.equal(scores.score('ip:a', HALF_LIFE), -25)
  assert.equal(scores.report('ip:a', 'bad-signature', HALF_LIFE).score, -75)
  assert.equal(scores.score('ip:a', 0), -75, 'a clock that steps back raises nothing')
  assert.equal(scores.forgive('ip:a'), true)
  assert.equal(scores.score('ip:a', 0), 0)
})

test('below -100 bans once, until the ban has ended', () => {
  const scores = new Scores({ banMs: 1000 })
  const reports = [0, 1, 2, 3].map(nowMs => scores.report('peer:x', 'bad-signature', nowMs).ban)
  assert.deepEqual(
    reports.map(ban => ban?.untilMs),
    [undefined, undefined, 1002, undefined],
  )
  assert.match(reports[2]?.reason ?? '', /bad-signature/)
  assert.equal(scores.report('peer:x', 'bad-frame', 1003).ban?.untilMs, 2003, 'it goes on after its ban')
  assert.equal(scores.report('peer:x', 'bad-frame', 10 * HALF_LIFE).ban, undefined, 'faded')
})

test('what another can cause never bans, however often', t => {
  const suspicious = OFFENCE_NAMES.filter(name => offence(name).kind === 'suspicious')
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.constantFrom(...suspicious), fc.nat(1000)), { minLength: 1, maxLength: 300 }), list => {
      const scores = new Scores()
      let nowMs = 0
      for (const [name, afterMs] of list) {
        nowMs += afterMs
        const verdict = scores.report('ip:a', name, nowMs)
        assert.equal(verdict.ban, undefined)
        assert.ok(verdict.score >= -90 && verdict.score < 0)
      }
    }),
  )
})

test('each offence has points, and says whether it cools', () => {
  for (const name of OFFENCE_NAMES) assert.ok(OFFENCES[name].points > 0 && OFFENCES[name].text !== '')
  assert.equal(new Scores().report('ip:a', 'rapid-reconnection', 0).cools, true)
})

test('suspicion that repeats starts a cooldown', () => {
  const scores = new Scores()
  assert.deepEqual(
    [0, 1, 2].map(nowMs => scores.report('peer:a', 'stalled-turn', nowMs).cools),
    [false, false, true],
  )
  assert.equal(scores.report('peer:a', 'stalled-turn', 100 * HALF_LIFE).cools, false, 'forgotten')
})

test('the table is bounded, and small offences by the thousand do not wash out a large one', () => {
  const scores = new Scores({ principalsMax: 100 })
  scores.report('ip:bad', 'bad-signature', 0)
  for (let n = 0; n < 10_000; n++) scores.report(`ip:${n}`, 'slow-reply', n)
  assert.equal(scores.size, 100)
  assert.ok(scores.score('ip:bad', 10_000) < -49)
})

test('refuses numbers that mean nothing', () => {
  for (const init of [
    { banThreshold: 0 },
    { halfLifeMs: 0 },
    { banMs: Number.NaN },
    { principalsMax: 0 },
    { suspicionMin: 1 },
    { coolThreshold: 0 },
  ])
    assert.throws(() => new Scores(init), { code: 'ERR_SLUICE_MISUSE' })
})
