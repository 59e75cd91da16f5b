/**
 * `lab ci`: every scenario for a few seconds on the protected node, attackers spread over 32 /24s unless the scenario says otherwise. Only memory and refusals are judged: on a shared machine times say nothing.
 */

import { mebibytes, trialLines } from '../harness/output.ts'
import type { Scenario } from '../harness/scenario.ts'
import type { Trial } from '../harness/trial.ts'
import { HONEST_LOAD, runTrial } from '../harness/trial.ts'
import { EXIT_THRESHOLD, say } from './run.ts'

const CALM_SECONDS = 3
/** Lighter than the full honest load: it is here so that the node has honest work to lose, not to be measured. */
const LOAD = { ...HONEST_LOAD, bulkBytesPerSecond: 5_000_000 }

export interface CiOptions {
  readonly only: readonly Scenario[]
  readonly seed: number
}

/** What a CI run misses, as text; empty when it holds. */
export function ciProblems(scenario: Scenario, trial: Trial): string[] {
  const problems: string[] = []
  const { rssGrowthBytesMax, refusalsMin } = scenario.ci
  const growth = trial.row.attack.rssGrowthBytes
  const { cut = 0, refused = 0, streamsReset = 0 } = trial.attacker ?? {}
  const refusals = trial.denials + cut + refused + streamsReset
  if (growth > rssGrowthBytesMax) problems.push(`memory grew by ${mebibytes(growth)}, at most ${mebibytes(rssGrowthBytesMax)}`)
  if (refusals < refusalsMin) problems.push(`${refusals} refusals, at least ${refusalsMin}: the attack was not felt`)
  if (trial.attacker === undefined || trial.attacker.sentBytes + trial.attacker.connections + trial.attacker.refused === 0)
    problems.push('the attacker did nothing')
  if (trial.server === undefined) problems.push('the server did not answer at the end')
  if (trial.server !== undefined && trial.server.uncaught.length > 0) problems.push(`uncaught: ${trial.server.uncaught.join('; ')}`)
  if (trial.ended !== undefined) problems.push(trial.ended)
  return problems
}

export async function runCi(options: CiOptions): Promise<number> {
  let failures = 0
  say(`${options.only.length} scenarios, seed ${options.seed}`)
  for (const scenario of options.only) {
    const trial = await runTrial({
      scenario,
      target: 'protected',
      layout: scenario.ci.layout ?? 'spread',
      seed: options.seed,
      calmSeconds: CALM_SECONDS,
      attackSeconds: scenario.ci.seconds,
      load: LOAD,
    })
    const problems = ciProblems(scenario, trial)
    if (problems.length > 0) failures += 1
    const growth = mebibytes(trial.row.attack.rssGrowthBytes)
    process.stdout.write(
      `${problems.length === 0 ? 'holds' : 'FAILS'} ${scenario.name}: ${[`+${growth}`, `${trial.denials} denials`, ...problems].join(', ')}\n`,
    )
    if (problems.length > 0) for (const line of trialLines(trial)) say(`  ${line}`)
  }
  return failures === 0 ? 0 : EXIT_THRESHOLD
}
