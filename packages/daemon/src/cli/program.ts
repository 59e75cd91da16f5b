/**
 * Makes the command line out of the command table, with commander: parsing, help and usage errors. Runs one command and returns its exit code.
 */

import { SluiceError } from '@sluice/core'
import { Argument, Command as Commander, CommanderError, Option } from 'commander'
import type { Command } from '../commands/command.ts'
import { COMMANDS, GROUPS } from '../commands/table.ts'
import { STATE_FLAG } from '../state/directory.ts'
import { versions } from '../version.ts'
import { CommandFailure, EXIT } from './exit-codes.ts'
import type { Flag } from './flags.ts'
import { Values } from './flags.ts'
import type { Io } from './output.ts'
import { escapeControls, JSON_FLAG, OUTPUT_FLAG, talk } from './output.ts'

/** @param args what follows `sluice`. @returns the exit code. Never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok
  try {
    await buildProgram(io, value => {
      code = value
    }).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return tell(error, io)
  }
}

function tell(error: unknown, io: Io): number {
  // commander has already said what was wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof CommandFailure) {
    talk(io, `sluice: ${error.message}`)
    return error.exitCode
  }
  if (SluiceError.is(error)) {
    talk(io, `sluice: ${error.message}`)
    return error.code === 'ERR_SLUICE_POLICY' ? EXIT.usage : EXIT.failure
  }
  talk(io, `sluice: unexpected failure, please report it.\n${error instanceof Error ? error.stack : String(error)}`)
  return EXIT.failure
}

/** @param onExit receives the exit code of the command that ran */
export function buildProgram(io: Io, onExit: (code: number) => void): Commander {
  const program = prepare(new Commander('sluice'), io)
    .description('Keeps a peer-to-peer node alive, fair and inside its budget while strangers use it.')
    .version(versions().sluice, '-V, --version', 'print the version')
    .helpCommand(false)
  const groups = new Map<string, Commander>()
  for (const command of COMMANDS) {
    const words = command.name.split(' ')
    const name = words.at(-1) ?? command.name
    let parent = program
    for (const word of words.slice(0, -1)) {
      const group =
        groups.get(word) ??
        prepare(program.command(word), io)
          .description(GROUPS[word] ?? '')
          .helpCommand(false)
      groups.set(word, group)
      parent = group
    }
    add(prepare(parent.command(name), io), command, io, onExit)
  }
  helpOn(program, groups)
  return program
}

function prepare(commander: Commander, io: Io): Commander {
  return commander
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      outputError: text =>
        talk(
          io,
          text
            .replace(/^error:/, 'sluice:')
            .trimEnd()
            .split('\n')
            .map(escapeControls)
            .join('\n'),
        ),
    })
}

/** `sluice help`, `sluice help up`, `sluice help ban add`, beside the topics of the table. */
function helpOn(program: Commander, groups: ReadonlyMap<string, Commander>): void {
  const help = groups.get('help')
  help?.argument('[command...]', 'command to explain').action((words: readonly string[]) => {
    let target = program
    for (const word of words) {
      const found = target.commands.find(command => command.name() === word)
      if (found === undefined)
        throw new CommandFailure(EXIT.usage, `There is no command ${JSON.stringify(words.join(' '))}. "sluice help" lists them.`)
      target = found
    }
    target.outputHelp()
  })
}

function add(commander: Commander, command: Command, io: Io, onExit: (code: number) => void): void {
  commander.description(command.summary)
  for (const argument of command.arguments ?? []) commander.addArgument(new Argument(`<${argument.name}>`, argument.text))
  const flags = [
    ...(command.flags ?? []),
    ...(command.usesState === true ? [STATE_FLAG] : []),
    ...(command.printsData === true ? [OUTPUT_FLAG, JSON_FLAG] : []),
  ]
  for (const flag of flags) commander.addOption(option(flag))
  if (command.examples !== undefined)
    commander.addHelpText('after', `\nExamples:\n${command.examples.map(example => `  ${example}`).join('\n')}`)
  commander.action(async () => {
    const values = new Values(flags, givenFlags(commander, flags), io.env)
    const format = command.printsData === true && values.get(JSON_FLAG) ? 'json' : (values.get(OUTPUT_FLAG) ?? 'table')
    onExit(await command.run({ io, values, args: commander.processedArgs.map(String), format }))
  })
}

function option(flag: Flag<unknown>): Option {
  const name = `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.negated === true ? 'no-' : ''}${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`
  const notes = [
    flag.defaultText === undefined ? undefined : `default: ${flag.defaultText}`,
    flag.negated === true ? `${flag.env}=false` : flag.env,
  ].filter(note => note !== undefined)
  const made = new Option(name, `${flag.text}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`)
  // Every value counts until the flag's own parser decides; commander would keep the last only.
  if (flag.value !== undefined) made.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
  return made
}

/** What the command line gave, as text; flags it did not mention are absent. */
function givenFlags(commander: Commander, flags: readonly Flag<unknown>[]): Record<string, readonly string[]> {
  const given: Record<string, readonly string[]> = {}
  for (const flag of flags) {
    const attribute = option(flag).attributeName()
    if (commander.getOptionValueSource(attribute) !== 'cli') continue
    const value: unknown = commander.getOptionValue(attribute)
    given[flag.name] = Array.isArray(value) ? value.map(String) : [String(value)]
  }
  return given
}
