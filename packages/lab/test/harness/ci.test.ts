/** What the short form judges: memory and refusals, never times. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarioNamed } from '../../src/attacks/index.ts'
import { ciProblems } from '../../src/commands/ci.ts'
import type { Trial } from '../../src/harness/trial.ts'

const scenario = scenarioNamed('s07')
const figures = {
  seconds: 3,
  rssPeakBytes: 1,
  loopDelayP99Ms: 9_000,
  pingP50Ms: 9_000,
  pingP99Ms: null,
  goodputBytesPerSecond: 0,
  dialSuccessRatio: 0,
}
const trial: Trial = {
  row: {
    scenario: scenario.name,
    layout: 'spread',
    target: 'protected',
    calm: figures,
    attack: { ...figures, rssGrowthBytes: 2 ** 20, goodputRatio: 0, attackerCutAfterMs: 100 },
    pass: false,
    failed: ['loopDelayP99Ms'],
  },
  server: { loopDelayP99Ms: 9_000, denials: 12, denialsByRule: [], uncaught: [] },
  honest: undefined,
  attacker: { connections: 3, cut: 2, refused: 0, streamsReset: 0, sentBytes: 1_000, troubles: [] },
  denials: 12,
  ended: undefined,
}

test('bad times alone are no problem', () => {
  assert.deepEqual(ciProblems(scenario, trial), [])
})

const broken: readonly (readonly [string, Partial<Trial>, RegExp])[] = [
  ['memory', { row: { ...trial.row, attack: { ...trial.row.attack, rssGrowthBytes: 2 ** 30 } } }, /memory grew by 1024 MiB/],
  [
    'no refusals',
    { denials: 0, attacker: { connections: 1, cut: 0, refused: 0, streamsReset: 0, sentBytes: 9, troubles: [] } },
    /not felt/,
  ],
  ['an idle attacker', { attacker: { connections: 0, cut: 0, refused: 0, streamsReset: 0, sentBytes: 0, troubles: [] } }, /did nothing/],
  ['a dead server', { server: undefined }, /did not answer/],
  ['an uncaught error', { server: { loopDelayP99Ms: 1, denials: 12, denialsByRule: [], uncaught: ['Error: x'] } }, /uncaught: Error: x/],
  ['a server that was ended', { ended: 'ended at 5 GiB' }, /5 GiB/],
]
for (const [what, change, says] of broken) {
  test(`a problem: ${what}`, () => {
    assert.match(ciProblems(scenario, { ...trial, ...change }).join('; '), says)
  })
}
