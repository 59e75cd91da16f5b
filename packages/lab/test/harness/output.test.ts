/** Rows as a file and as Markdown; which runs a table makes. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findScenario, SCENARIOS, scenarioNamed } from '../../src/attacks/index.ts'
import { plan } from '../../src/commands/table.ts'
import { markdown, rowLine, writeTable } from '../../src/harness/output.ts'
import type { Row } from '../../src/harness/row.ts'

const plain: Row = {
  scenario: 's02-unread-ping',
  layout: 'one',
  target: 'plain',
  calm: {
    seconds: 30,
    rssPeakBytes: 2 ** 27,
    loopDelayP99Ms: 3,
    pingP50Ms: 2,
    pingP99Ms: 9,
    goodputBytesPerSecond: 25e6,
    dialSuccessRatio: 1,
  },
  attack: {
    rssPeakBytes: 3 * 2 ** 30,
    rssGrowthBytes: 3 * 2 ** 30 - 2 ** 27,
    loopDelayP99Ms: 15_000,
    pingP50Ms: null,
    pingP99Ms: null,
    goodputRatio: 0,
    dialSuccessRatio: null,
    attackerCutAfterMs: null,
  },
  pass: false,
  failed: ['rssGrowthBytes'],
}
const guarded: Row = {
  ...plain,
  target: 'protected',
  attack: { ...plain.attack, rssGrowthBytes: 2 ** 20, pingP50Ms: 3, goodputRatio: 0.98 },
  pass: true,
  failed: [],
}

test('a table on disk is whole after every row', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lab-'))
  try {
    const path = join(directory, 'rows.json')
    writeTable(path, { rows: [plain] })
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { rows: [plain] })
    writeTable(path, { rows: [plain, guarded] })
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { rows: [plain, guarded] })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('plain stands beside protected, and the layouts are explained below', () => {
  const text = markdown({ rows: [plain, guarded] })
  assert.match(text, /\| s02-unread-ping, one \| 2944 MiB → 1 MiB \| 15 s → 15 s \| none → 3\.0 ms \| 0 % → 98 % \| none → none \| yes \|/)
  assert.match(text, /32 \/24s/)
  assert.match(markdown({ rows: [plain] }), /2944 MiB → – .* \| – \|/)
})

test('a line for people names what failed', () => {
  assert.match(rowLine(plain), /FAILS.*rssGrowthBytes/)
})

test('scenarios are found by name and by number', () => {
  assert.equal(SCENARIOS.length, 15)
  assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, 15)
  assert.equal(findScenario('S2')?.name, 's02-unread-ping')
  assert.equal(findScenario('s6b')?.name, 's06b-silent-streams-many')
  assert.equal(findScenario('s06')?.name, 's06-silent-streams')
  assert.equal(findScenario('s10-silent-sockets')?.lanes, 12)
  assert.equal(findScenario('s15'), undefined)
  assert.throws(() => scenarioNamed('nothing'), /s02-unread-ping/)
})

test('a plain node has no policy to open', () => {
  const steps = plan({ only: SCENARIOS.slice(0, 1), layouts: ['one', 'spread', 'open'], targets: ['plain', 'protected'] })
  assert.deepEqual(
    steps.map(({ layout, target }) => `${layout} ${target}`),
    ['one plain', 'one protected', 'spread plain', 'spread protected', 'open protected'],
  )
})
