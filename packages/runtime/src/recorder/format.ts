/**
 * The recording's file format: NDJSON, first line of each file a header, then one `RecordedInput` a line. A recording is up to `filesMax` files of one
 * run: `PATH` is the newest part, `PATH.1` the one before. The run's name in each header keeps a reader from joining parts of different runs.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import type { RecordedInput } from '@sluice/core'
import { SluiceError } from '@sluice/core'
import { stateError, systemErrorCode } from '../system-error.ts'

export const RECORDING_FORMAT = 1

/** Longest line written or read. A policy is the largest input there is and stays well below. */
export const LINE_BYTES_MAX: number = 1024 * 1024

/** A header is about 110 bytes. */
const HEADER_BYTES_MAX = 1024

export interface RecordingHeader {
  readonly v: 'recording'
  readonly format: number
  /** 16 hex digits, new for each run. */
  readonly run: string
  /** Counts up from 1. */
  readonly part: number
  /** Milliseconds since the epoch. */
  readonly startedMs: number
}

/** Says that inputs are missing here because the writer's queue was full; a replay cannot pass it. */
export interface RecordingGap {
  readonly v: 'gap'
  readonly dropped: number
}

type Kind = 'string' | 'number' | 'object' | 'string?' | 'number?'

/** Fields by verb, beside `t`. Has to name every verb of `RecordedInput`, or it does not compile. */
const FIELDS: Readonly<Record<RecordedInput['v'], Readonly<Record<string, Kind>>>> = {
  policy: { policy: 'object' },
  open: { a: 'string', d: 'string', x: 'string?' },
  peer: { c: 'number', p: 'string' },
  stream: { c: 'number', d: 'string' },
  protocol: { s: 'number', n: 'string' },
  service: { s: 'number', n: 'string' },
  spend: { c: 'number?', a: 'string?', k: 'string', n: 'number' },
  reserve: { o: 'string', n: 'number', p: 'string?' },
  force: { o: 'string', n: 'number' },
  free: { o: 'string', n: 'number' },
  span: { o: 'string' },
  release: { o: 'string' },
  ban: { a: 'string', ms: 'number', why: 'string' },
  unban: { a: 'string' },
  allow: { a: 'string' },
  disallow: { a: 'string' },
  verify: { a: 'string' },
  limits: { o: 'object', l: 'object' },
  mode: { m: 'string' },
  view: { o: 'object' },
  advance: {},
}

type Fields = Readonly<Record<string, unknown>>

/** The input of one line, or what is wrong with it. */
export function parseInput(text: string): RecordedInput | { readonly problem: string } {
  const fields = parseObject(text)
  if (fields === undefined) return { problem: 'not a JSON object' }
  if (fields.v === 'gap')
    return { problem: `${String(fields.dropped)} inputs are missing here: they came faster than they could be written` }
  const expected: Readonly<Record<string, Kind>> | undefined =
    typeof fields.v === 'string' ? Object.entries(FIELDS).find(([verb]) => verb === fields.v)?.[1] : undefined
  if (expected === undefined) return { problem: `unknown verb ${JSON.stringify(fields.v)?.slice(0, 40) ?? 'undefined'}` }
  for (const [name, kind] of Object.entries({ t: 'number' as const, ...expected })) {
    if (!matches(fields[name], kind)) return { problem: `field ${name} of ${String(fields.v)} is not a ${kind.replace('?', '')}` }
  }
  return fields as unknown as RecordedInput
}

/** The header, or undefined when the line is none. Throws `SluiceError` for a format newer than this reader. */
export function parseHeader(text: string, file: string): RecordingHeader | undefined {
  const fields = parseObject(text)
  if (fields?.v !== 'recording' || typeof fields.format !== 'number' || typeof fields.run !== 'string') return undefined
  if (typeof fields.part !== 'number' || typeof fields.startedMs !== 'number') return undefined
  if (fields.format > RECORDING_FORMAT) {
    const message = `Cannot read the recording ${file}: its format is ${fields.format}, this version reads up to ${RECORDING_FORMAT}. Read it with the version that wrote it.`
    throw new SluiceError('ERR_SLUICE_STATE', message, { path: file, format: fields.format })
  }
  return { v: 'recording', format: fields.format, run: fields.run, part: fields.part, startedMs: fields.startedMs }
}

/** The header of a file, or undefined when its first line is none (or, if it may be missing, when it is). Throws `SluiceError` when it cannot be read. */
export function recordingHeader(file: string, mayBeMissing = false): RecordingHeader | undefined {
  try {
    const fd = openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(HEADER_BYTES_MAX)
      const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
      return parseHeader(text.split('\n', 1)[0] ?? '', file)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (mayBeMissing && systemErrorCode(error) === 'ENOENT') return undefined
    if (SluiceError.is(error)) throw error
    throw stateError('Cannot read the recording', file, error)
  }
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function matches(value: unknown, kind: Kind): boolean {
  if (kind.endsWith('?') && value === undefined) return true
  if (kind === 'object') return typeof value === 'object' && value !== null
  return typeof value === kind.replace('?', '')
}
