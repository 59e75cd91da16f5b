/**
 * `lab table`: every scenario on every target in every layout, one after the other. A run that cannot be made is reported and leaves no row; the table goes on.
 */

import type { Layout } from '../harness/layouts.ts'
import { markdown, rowLine, TABLE_NOTE, trialLines, writeTable } from '../harness/output.ts'
import type { Row, Target } from '../harness/row.ts'
import type { Scenario } from '../harness/scenario.ts'
import { runTrial } from '../harness/trial.ts'
import { exitCodeOf, say } from './run.ts'

export interface TableOptions {
  readonly only: readonly Scenario[]
  readonly targets: readonly Target[]
  readonly layouts: readonly Layout[]
  readonly calm: number
  readonly seconds?: number
  readonly seed: number
  readonly json?: boolean
  readonly markdown?: boolean
  readonly out?: string
}

interface Plan {
  readonly scenario: Scenario
  readonly layout: Layout
  readonly target: Target
}

/** Plain beside protected, so that both meet the same state of the machine. `open` differs from `spread` by policy only, and a plain node has none. */
export function plan(options: Pick<TableOptions, 'only' | 'layouts' | 'targets'>): Plan[] {
  return options.only.flatMap(scenario =>
    options.layouts.flatMap(layout =>
      options.targets.filter(target => layout !== 'open' || target === 'protected').map(target => ({ scenario, layout, target })),
    ),
  )
}

export async function runTable(options: TableOptions): Promise<number> {
  const rows: Row[] = []
  let missing = 0
  const plans = plan(options)
  say(`${plans.length} runs, seed ${options.seed}`)
  for (const [index, step] of plans.entries()) {
    say(`${index + 1}/${plans.length} ${step.scenario.name} ${step.layout} ${step.target}`)
    try {
      const length = options.seconds === undefined ? {} : { attackSeconds: options.seconds }
      const trial = await runTrial({
        ...step,
        seed: options.seed + index,
        calmSeconds: options.calm,
        ...length,
        say: line => say(`  ${line}`),
      })
      rows.push(trial.row)
      for (const line of [rowLine(trial.row), ...trialLines(trial)]) say(`  ${line}`)
      if (options.out !== undefined) writeTable(options.out, { rows })
    } catch (error) {
      missing += 1
      say(`  no row: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ rows })}\n`)
  else if (options.markdown) process.stdout.write(markdown({ rows }))
  else process.stdout.write(`${rows.map(rowLine).join('\n')}\n\n${TABLE_NOTE}\n`)
  return missing > 0 ? 1 : exitCodeOf(rows)
}
