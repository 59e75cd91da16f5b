/**
 * `npm run interop [-- NAME…]`: a protected node against real, unmodified peers. Prints an `ok` or `not ok` line for each step, a JSON summary with `--json`,
 * and exits with 1 when a step failed. What cannot run here is skipped loudly; where `CI=true`, it is an error.
 */

import { Argument, Command, InvalidArgumentError } from 'commander'
import type { Check, CheckOptions, Finding } from './check.ts'
import { heliaCheck } from './helia.ts'
import { PEER_CHECKS } from './peers.ts'

const CHECKS: readonly Check[] = [...PEER_CHECKS, heliaCheck]

interface Flags {
  readonly json?: boolean
  readonly plain?: boolean
  readonly mebibytes: number
  readonly streams: number
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 4096) throw new InvalidArgumentError('a whole number from 1 to 4096')
  return value
}

/** Runs one check to its end; a check that breaks off is a failed step. */
async function collect(check: Check, options: CheckOptions, tell: (finding: Finding) => void): Promise<string | undefined> {
  const findings = check.run(options)
  try {
    for (;;) {
      const next = await findings.next()
      if (next.done === true) return next.value
      tell({ check: check.name, ...next.value })
    }
  } catch (error) {
    tell({ check: check.name, step: 'run to its end', ok: false, detail: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}

async function run(names: readonly string[], flags: Flags): Promise<void> {
  const options: CheckOptions = {
    policy: flags.plain === true ? undefined : {},
    bulkBytes: flags.mebibytes * 2 ** 20,
    streams: flags.streams,
  }
  const lines = flags.json === true ? process.stderr : process.stdout
  const findings: Finding[] = []
  const skipped: { check: string; why: string }[] = []
  for (const check of CHECKS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const why = await collect(check, options, finding => {
      findings.push(finding)
      lines.write(`${finding.ok ? 'ok' : 'not ok'} ${finding.check}: ${finding.step} - ${finding.detail}\n`)
    })
    if (why === undefined) continue
    skipped.push({ check: check.name, why })
    lines.write(`SKIPPED ${check.name}: ${why}\n`)
  }
  const failed = findings.filter(finding => !finding.ok).length
  lines.write(`${findings.length - failed} ok, ${failed} not ok, ${skipped.length} skipped\n`)
  if (flags.json === true)
    process.stdout.write(
      `${JSON.stringify({ target: flags.plain === true ? 'plain' : 'protected', findings, skipped, failed }, null, 2)}\n`,
    )
  if (failed > 0 || (skipped.length > 0 && process.env.CI === 'true')) process.exitCode = 1
}

await new Command('interop')
  .description(`Sluice against real peers:\n${CHECKS.map(check => `  ${check.name.padEnd(10)} ${check.summary}`).join('\n')}`)
  .addArgument(new Argument('[names...]', 'checks to run; all when none is named').choices(CHECKS.map(check => check.name)))
  .option('--json', 'print a JSON summary; the lines go to standard error')
  .option('--plain', 'for control: the node under test is unprotected')
  .option('--mebibytes <n>', 'bulk bytes each way', wholeNumber, 256)
  .option('--streams <n>', 'request/response streams', wholeNumber, 1000)
  .action(run)
  .parseAsync()
