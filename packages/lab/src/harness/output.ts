/**
 * How rows leave the lab: as JSON, as text for people, as the README's table; and into a file after every row, so that an interrupted table keeps what it measured.
 */

import { renameSync, writeFileSync } from 'node:fs'
import type { Row, Table } from './row.ts'
import { TARGETS } from './row.ts'
import type { Trial } from './trial.ts'

/** Replaces the file in one step: a reader never sees half a table. */
export function writeTable(path: string, table: Table): void {
  writeFileSync(`${path}.part`, `${JSON.stringify(table, null, 2)}\n`)
  renameSync(`${path}.part`, path)
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

function milliseconds(value: number | null): string {
  if (value === null) return 'none'
  return value >= 10_000 ? `${Math.round(value / 1000)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

function percent(value: number | null): string {
  return value === null ? 'none' : `${Math.round(value * 100)} %`
}

/** One line for people. */
export function rowLine(row: Row): string {
  const { calm, attack } = row
  return [
    row.pass ? 'holds ' : 'FAILS ',
    `${row.scenario} ${row.layout} ${row.target}:`,
    `rss ${mebibytes(attack.rssPeakBytes)} (+${mebibytes(attack.rssGrowthBytes)}),`,
    `loop p99 ${milliseconds(attack.loopDelayP99Ms)} (calm ${milliseconds(calm.loopDelayP99Ms)}),`,
    `ping ${milliseconds(attack.pingP50Ms)}/${milliseconds(attack.pingP99Ms)} (calm ${milliseconds(calm.pingP50Ms)}/${milliseconds(calm.pingP99Ms)}),`,
    `goodput ${percent(attack.goodputRatio)}, dials ${percent(attack.dialSuccessRatio)}, first turned away ${milliseconds(attack.attackerCutAfterMs)}`,
    row.failed.length > 0 ? `[${row.failed.join(', ')}]` : '',
  ].join(' ')
}

/** What stands behind a row, for people. */
export function trialLines(trial: Trial): string[] {
  const { attacker, server, honest } = trial
  const lines: string[] = []
  if (attacker !== undefined) {
    const { connections, cut, refused, streamsReset, sentBytes, troubles } = attacker
    const counts = `${connections} connections, ${cut} cut, ${refused} refused, ${streamsReset} streams reset, ${(sentBytes / 1e6).toFixed(1)} MB sent`
    lines.push(`attacker: ${[counts, ...troubles].join('; ')}`)
  }
  if (server !== undefined && server.denials > 0) lines.push(`denials under attack: ${trial.denials}; ${server.denialsByRule.join('; ')}`)
  if (server !== undefined && server.uncaught.length > 0) lines.push(`uncaught in the server: ${server.uncaught.join('; ')}`)
  if (honest !== undefined && honest.troubles.length > 0) lines.push(`honest client: ${honest.troubles.join('; ')}`)
  if (trial.ended !== undefined) lines.push(trial.ended)
  return lines
}

const FIGURES: readonly (readonly [string, (row: Row) => string])[] = [
  ['RSS growth', row => mebibytes(row.attack.rssGrowthBytes)],
  ['loop p99', row => milliseconds(row.attack.loopDelayP99Ms)],
  ['ping p50', row => milliseconds(row.attack.pingP50Ms)],
  ['goodput', row => percent(row.attack.goodputRatio)],
  ['new dials', row => percent(row.attack.dialSuccessRatio)],
]

/** Plain beside protected, a line for each scenario and layout. A cell nobody measured is a dash. */
export function markdown(table: Table): string {
  const byKey = Map.groupBy(table.rows, ({ scenario, layout }) => `${scenario}, ${layout}`)
  const lines = [
    `| scenario, layout | ${FIGURES.map(([name]) => `${name}: plain → protected`).join(' | ')} | protected holds |`,
    `|---|${FIGURES.map(() => '---|').join('')}---|`,
  ]
  for (const [key, rows] of byKey) {
    const [plain, guarded] = TARGETS.map(target => rows.find(row => row.target === target))
    const cell = (row: Row | undefined, show: (row: Row) => string): string => (row === undefined ? '–' : show(row))
    const cells = FIGURES.map(([, show]) => `${cell(plain, show)} → ${cell(guarded, show)}`)
    lines.push(
      `| ${key} | ${cells.join(' | ')} | ${guarded === undefined ? '–' : guarded.pass ? 'yes' : `no: ${guarded.failed.join(', ')}`} |`,
    )
  }
  return `${lines.join('\n')}\n\n${TABLE_NOTE}\n`
}

export const TABLE_NOTE = [
  'Layouts: `one`: all attackers from one address; `spread`: from 32 /24s of 127.0.0.0/8, each in a /16 of its own; `open`: placed as in `spread`, with the address limits of the',
  'policy lifted, so that the layers behind them hold alone. The policy treats loopback as public Internet, else address limits would not count at all.',
  'Honest clients connect from addresses of their own. Attackers, honest clients and server share the same cores.',
].join('\n')
