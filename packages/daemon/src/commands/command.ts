/**
 * What a command is. All of them stand in one table (`table.ts`), from which the command line, its help and, later, completions and manual pages are made.
 */

import type { Flag, Values } from '../cli/flags.ts'
import type { Format, Io } from '../cli/output.ts'

export interface Argument {
  readonly name: string
  readonly text: string
}

export interface Invocation {
  readonly io: Io
  readonly values: Values
  /** One value per argument of the command. */
  readonly args: readonly string[]
  readonly format: Format
}

export interface Command {
  /** Words, e.g. `ban add`. */
  readonly name: string
  readonly summary: string
  readonly arguments?: readonly Argument[]
  readonly flags?: readonly Flag<unknown>[]
  /** Takes `--state`. */
  readonly usesState?: boolean
  /** Takes `--output` and `--json`. */
  readonly printsData?: boolean
  readonly examples?: readonly string[]
  /** @returns the exit code. Throws `CommandFailure` for what went wrong. */
  readonly run: (invocation: Invocation) => Promise<number>
}
