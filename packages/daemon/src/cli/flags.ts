/**
 * Flags: one description each, from which come the command line, the environment variable, the help text and the value's check.
 * A value comes from the command line, else the environment, else the default; `Values.source` says which.
 */

import { usageError } from './exit-codes.ts'

export interface Flag<T> {
  /** Long name without dashes, e.g. `log-level`. A `negated` flag is spelt `--no-<name>` and is false when given. */
  readonly name: string
  readonly short?: string
  /** What stands for the value in the help, e.g. `<dir>`; absent for a switch. */
  readonly value?: string
  readonly negated?: boolean
  /** Environment variable; lists are separated by commas. */
  readonly env?: string
  /** May be given more than once; `parse` receives all values. */
  readonly many?: boolean
  readonly text: string
  /** As shown in the help. */
  readonly defaultText?: string
  /** Checks and converts; throws a usage error. Not called when nobody set the flag. */
  readonly parse: (given: readonly string[], name: string) => T
  readonly fallback: T
}

export type Source = 'flag' | 'environment' | 'default'

/** The values of one command's flags. */
export class Values {
  readonly #values = new Map<string, { readonly value: unknown; readonly source: Source }>()

  /** @param given raw values from the command line by flag name */
  constructor(flags: readonly Flag<unknown>[], given: Readonly<Record<string, readonly string[]>>, env: NodeJS.ProcessEnv) {
    for (const flag of flags) this.#values.set(flag.name, resolve(flag, given[flag.name], env))
  }

  get<T>(flag: Flag<T>): T {
    return this.#values.get(flag.name)?.value as T
  }

  source(flag: Flag<unknown>): Source {
    return this.#values.get(flag.name)?.source ?? 'default'
  }
}

function resolve(flag: Flag<unknown>, given: readonly string[] | undefined, env: NodeJS.ProcessEnv): { value: unknown; source: Source } {
  if (given !== undefined) return { value: flag.parse(given, `--${flag.negated === true ? 'no-' : ''}${flag.name}`), source: 'flag' }
  const text = flag.env === undefined ? undefined : env[flag.env]
  if (flag.env === undefined || text === undefined || text === '') return { value: flag.fallback, source: 'default' }
  const list =
    flag.many === true
      ? text
          .split(',')
          .map(part => part.trim())
          .filter(part => part !== '')
      : [text]
  return { value: flag.parse(list, flag.env), source: 'environment' }
}

/** The last one given counts, as everywhere. */
function last(given: readonly string[]): string {
  return given.at(-1) ?? ''
}

export function text(given: readonly string[], name: string): string {
  if (last(given) === '') throw usageError(`${name} needs a value.`)
  return last(given)
}

export function oneOf<T extends string>(allowed: readonly T[]): (given: readonly string[], name: string) => T {
  return (given, name) => {
    const found = allowed.find(value => value === last(given))
    if (found === undefined) throw usageError(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(last(given))}.`)
    return found
  }
}

/** A switch: present on the command line, or 1/true/yes or 0/false/no in the environment. */
export function onOff(given: readonly string[], name: string): boolean {
  const value = last(given).toLowerCase()
  if (['1', 'true', 'yes', 'on'].includes(value)) return true
  if (['0', 'false', 'no', 'off'].includes(value)) return false
  throw usageError(`${name} must be true or false, not ${JSON.stringify(last(given))}.`)
}

export function wholeNumber(min: number, max: number): (given: readonly string[], name: string) => number {
  return (given, name) => {
    const value = Number(last(given))
    if (!/^\d+$/.test(last(given)) || value < min || value > max)
      throw usageError(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(last(given))}.`)
    return value
  }
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `15m`, `4h`, `7d`; milliseconds. */
export function duration(given: readonly string[], name: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(last(given)) ?? []
  const ms = Number(amount) * (DURATION_UNITS_MS[unit ?? ''] ?? Number.NaN)
  if (!Number.isSafeInteger(ms) || ms <= 0)
    throw usageError(`${name} must be a duration such as 90s, 15m, 4h or 7d, not ${JSON.stringify(last(given))}.`)
  return ms
}
