/**
 * `npm run bench -- NAME`: runs one benchmark and prints its report, as JSON with `--json`, as a table otherwise. Progress goes to standard error.
 *
 * A benchmark is an entry of the table below: it lists its cases, and runs those asked for.
 */

import { Command, InvalidArgumentError, Option } from 'commander'
import type { Benchmark } from './benchmark.ts'
import { costs } from './costs/costs.ts'
import { overhead } from './overhead/overhead.ts'
import { machineName, table } from './report.ts'
import { resources } from './resources/resources.ts'

const BENCHMARKS: readonly Benchmark[] = [resources, overhead, costs]

/** More runs than this are a mistake: the interval hardly narrows, the machine changes meanwhile. */
const RUNS_MAX = 1001

interface Flags {
  readonly json?: boolean
  readonly runs?: number
  readonly case?: readonly string[]
}

function runsCount(text: string): number {
  const runs = Number(text)
  if (!Number.isInteger(runs) || runs < 1 || runs > RUNS_MAX) throw new InvalidArgumentError(`a whole number from 1 to ${RUNS_MAX}`)
  return runs
}

function command(benchmark: Benchmark): Command {
  return new Command(benchmark.name)
    .description(benchmark.summary)
    .option('--json', 'print the report as JSON')
    .option('--runs <n>', `alternating runs per case (default: ${benchmark.runs})`, runsCount)
    .addOption(new Option('--case <name...>', 'only these cases').choices([...benchmark.cases]))
    .action(async (flags: Flags) => {
      const runs = flags.runs ?? benchmark.runs
      const result = await benchmark.run({
        runs,
        cases: benchmark.cases.filter(name => flags.case?.includes(name) ?? true),
        progress: text => void process.stderr.write(`${benchmark.name}: ${text}\n`),
      })
      const report = { name: benchmark.name, machine: machineName(), runs, ...result }
      process.stdout.write(`${flags.json === true ? JSON.stringify(report, null, 2) : table(report)}\n`)
      for (const text of result.skipped ?? []) process.stderr.write(`SKIPPED: ${text}\n`)
    })
}

const program = new Command('bench')
  .description('Benchmarks of Sluice against its peers, alternating in the same command')
  .helpCommand(false)
for (const benchmark of BENCHMARKS) program.addCommand(command(benchmark))
await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
