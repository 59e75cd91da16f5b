/**
 * How results are printed: data to stdout, talk to stderr; a table for people, JSON for programs. Colour only where `util.styleText` finds a terminal
 * that wants it (it honours NO_COLOR), and never as the only sign of anything.
 */

import { stripVTControlCharacters, styleText } from 'node:util'
import type { Flag } from './flags.ts'
import { oneOf, onOff } from './flags.ts'

export type Format = 'table' | 'json' | 'ndjson'

/** Of every JSON document and line; grows only when a field changes its meaning or goes away. */
export const SCHEMA_VERSION = 1

export const OUTPUT_FLAG: Flag<Format> = {
  name: 'output',
  short: 'o',
  value: '<format>',
  env: 'SLUICE_OUTPUT',
  text: 'table, json or ndjson',
  defaultText: 'table',
  parse: oneOf(['table', 'json', 'ndjson']),
  fallback: 'table',
}

export const JSON_FLAG: Flag<boolean> = { name: 'json', text: 'same as --output json', parse: onOff, fallback: false }

/** What a command may write to; tests pass their own. */
export interface Io {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly env: NodeJS.ProcessEnv
}

export function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`)
}

export function talk(io: Io, text: string): void {
  io.stderr.write(`${text}\n`)
}

export function printJson(io: Io, value: object): void {
  print(io, JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...value }, finite, 2))
}

export function printLines(io: Io, rows: readonly object[]): void {
  for (const row of rows) print(io, JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...row }, finite))
}

/** JSON has no Infinity: for good, without limit. */
export function finite(_key: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? null : value
}

export function bold(io: Io, text: string): string {
  return styleText('bold', text, { stream: io.stdout, validateStream: true })
}

/** Columns padded to the widest cell, numbers (`right`) to the right. Control characters in a cell are shown escaped: cells may hold what peers sent. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const clean = rows.map(row => row.map(escapeControls))
  const widths: number[] = []
  for (const row of clean) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, visible(cell))
  return clean
    .map(row =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0, right.includes(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - visible(cell))
  return right ? space + cell : cell + space
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length
}

/** Makes text from outside harmless to a terminal. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, found => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`)
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** SI, three digits: `512 MB`. */
export function bytes(value: number): string {
  let unit = 0
  let amount = value
  while (amount >= 999.5 && unit < SIZES.length - 1) {
    amount /= 1000
    unit++
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toPrecision(3)} ${SIZES[unit]}`
}

/** `2 d 3 h`, `4 min 5 s`: the two largest units. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}
