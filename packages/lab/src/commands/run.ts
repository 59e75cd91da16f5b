/**
 * `lab run`: one scenario. The row goes to standard output, everything else to standard error.
 */

import type { Layout } from '../harness/layouts.ts'
import { rowLine, trialLines } from '../harness/output.ts'
import type { Row, Target } from '../harness/row.ts'
import type { Scenario } from '../harness/scenario.ts'
import { runTrial } from '../harness/trial.ts'

/** A threshold failed on `protected`. */
export const EXIT_THRESHOLD = 99

export interface RunOptions {
  readonly scenario: Scenario
  readonly target: Target
  readonly layout: Layout
  readonly calm: number
  readonly seconds?: number
  readonly seed: number
  readonly json?: boolean
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Exit code of the row alone: a plain node is expected to fail. */
export function exitCodeOf(rows: readonly Row[]): number {
  return rows.some(row => row.target === 'protected' && !row.pass) ? EXIT_THRESHOLD : 0
}

export async function runOne(options: RunOptions): Promise<number> {
  const { scenario, target, layout, calm, seconds, seed } = options
  say(`${scenario.name} (${scenario.proves}) on ${target}, layout ${layout}, seed ${seed}`)
  const trial = await runTrial({
    scenario,
    target,
    layout,
    seed,
    calmSeconds: calm,
    ...(seconds === undefined ? {} : { attackSeconds: seconds }),
    say,
  })
  for (const line of trialLines(trial)) say(line)
  process.stdout.write(`${options.json ? JSON.stringify(trial.row) : rowLine(trial.row)}\n`)
  return exitCodeOf([trial.row])
}
