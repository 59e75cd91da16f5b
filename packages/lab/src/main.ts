/**
 * `npm run lab`: attacks on a node of our own, on loopback, with an honest client measured the whole time.
 *
 * Exit codes: 0 done (and on `protected`, thresholds held), 1 failure, 2 usage, 99 a threshold failed on `protected`, 105 interrupted.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { findScenario, SCENARIOS } from './attacks/index.ts'
import { runCi } from './commands/ci.ts'
import { runOne } from './commands/run.ts'
import { runTable } from './commands/table.ts'
import { LAYOUTS } from './harness/layouts.ts'
import { TARGETS } from './harness/row.ts'
import type { Scenario } from './harness/scenario.ts'

const SECONDS_MAX = 3_600

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= SECONDS_MAX)) throw new InvalidArgumentError(`seconds, more than 0 and at most ${SECONDS_MAX}`)
  return value
}

function seed(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new InvalidArgumentError('an integer from 0 to 4294967295')
  return value
}

function scenario(text: string): Scenario {
  const found = findScenario(text)
  if (found === undefined) throw new InvalidArgumentError(`one of ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  return found
}

function scenarios(text: string): Scenario[] {
  return text.split(',').map(scenario)
}

function listOf<T extends string>(known: readonly T[]): (text: string) => T[] {
  return text =>
    text.split(',').map(part => {
      const found = known.find(name => name === part)
      if (found === undefined) throw new InvalidArgumentError(`any of ${known.join(',')}`)
      return found
    })
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

function program(): Command {
  const lab = new Command('lab')
    .description('attacks on a libp2p node of our own, on loopback only, with an honest client measured the whole time')
    .exitOverride()
    .showHelpAfterError()
  const withLength = (command: Command): Command =>
    command
      .option('--calm <seconds>', 'length of the calm phase', seconds, 30)
      .option('--seconds <seconds>', "length of the attack phase (default: the scenario's)", seconds)
      .option('--seed <number>', 'seed of addresses and pauses (default: random, printed)', seed)
  withLength(
    lab
      .command('run')
      .description('one scenario against one target')
      .argument('<scenario>', 'name or S-number', scenario)
      .addOption(new Option('--target <target>', 'the node to attack').choices(TARGETS).makeOptionMandatory())
      .addOption(new Option('--layout <layout>', 'where attackers connect from').choices(LAYOUTS).default('one'))
      .option('--json', 'print the row as JSON'),
  ).action(async (chosen: Scenario, options) => {
    process.exitCode = await runOne({ scenario: chosen, ...options, seed: options.seed ?? randomSeed() })
  })
  withLength(
    lab
      .command('table')
      .description('every scenario, target and layout')
      .option('--only <names>', 'scenarios, separated by commas', scenarios, [...SCENARIOS])
      .option('--targets <names>', `targets, separated by commas`, listOf(TARGETS), [...TARGETS])
      .option('--layouts <names>', `layouts, separated by commas`, listOf(LAYOUTS), [...LAYOUTS])
      .option('--json', 'print the table as JSON')
      .option('--markdown', 'print the table as Markdown, plain beside protected')
      .option('--out <file>', 'write the rows to a file as they come'),
  ).action(async options => {
    process.exitCode = await runTable({ ...options, seed: options.seed ?? randomSeed() })
  })
  lab
    .command('ci')
    .description('every scenario for a few seconds on protected; thresholds on memory and refusals, not on times')
    .option('--only <names>', 'scenarios, separated by commas', scenarios, [...SCENARIOS])
    .option('--seed <number>', 'seed of addresses and pauses (default: random, printed)', seed)
    .action(async options => {
      process.exitCode = await runCi({ ...options, seed: options.seed ?? randomSeed() })
    })
  return lab
}

try {
  await program().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
