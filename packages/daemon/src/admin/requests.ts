/**
 * Checks what arrives at the admin API: types, lengths, unknown fields. Each function returns a checked value or throws `BadRequest` with one sentence.
 */

import type { BanRequest } from './face.ts'

/** Longest subject or ban target: a multiaddr with a peer id stays below 300. */
export const SUBJECT_CHARS_MAX = 512
export const REASON_CHARS_MAX = 200
/** Peers and prefixes listed by /v1/resources. */
export const TOP_DEFAULT = 100
export const TOP_MAX = 10_000
/** Longer bans are for good. 10 years. */
export const BAN_MS_MAX: number = 10 * 365 * 24 * 3_600_000

export class BadRequest extends Error {
  readonly statusCode = 400
}

type Fields = Readonly<Record<string, unknown>>

export function subjectOf(query: unknown): string {
  return textField(fields(query, 'the query', ['subject']), 'subject', SUBJECT_CHARS_MAX)
}

export function topOf(query: unknown): number {
  const { top } = fields(query, 'the query', ['top'])
  if (top === undefined) return TOP_DEFAULT
  const value = Number(top)
  if (typeof top !== 'string' || !/^\d{1,6}$/.test(top) || value > TOP_MAX)
    throw new BadRequest(`top must be a whole number from 0 to ${TOP_MAX}.`)
  return value
}

export function banOf(body: unknown): BanRequest {
  const given = fields(body, 'the body', ['target', 'forMs', 'reason'])
  const target = textField(given, 'target', SUBJECT_CHARS_MAX)
  const { forMs, reason } = given
  if (forMs !== undefined && (typeof forMs !== 'number' || !Number.isFinite(forMs) || forMs <= 0 || forMs > BAN_MS_MAX)) {
    throw new BadRequest(`forMs must be a number of milliseconds above 0 and up to ${BAN_MS_MAX}; leave it out for a ban without end.`)
  }
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > REASON_CHARS_MAX)) {
    throw new BadRequest(`reason must be text of at most ${REASON_CHARS_MAX} characters.`)
  }
  return { target, ...(forMs === undefined ? {} : { forMs }), ...(reason === undefined ? {} : { reason }) }
}

export function targetOf(body: unknown): string {
  return textField(fields(body, 'the body', ['target']), 'target', SUBJECT_CHARS_MAX)
}

/** The user the client says it runs for. Whoever can open the socket is the owner of the daemon, so this names, it does not authenticate. */
export function whoOf(header: unknown): string {
  return typeof header === 'string' && /^[\w.@-]{1,64}$/.test(header) ? `admin.sock (${header})` : 'admin.sock'
}

function fields(value: unknown, where: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadRequest(`${where} must be a JSON object.`)
  const unknown = Object.keys(value).find(name => !known.includes(name))
  if (unknown !== undefined)
    throw new BadRequest(`${where} has an unknown field ${JSON.stringify(unknown.slice(0, 64))}; known are ${known.join(', ')}.`)
  return value as Fields
}

function textField(given: Fields, name: string, charsMax: number): string {
  const value = given[name]
  if (typeof value !== 'string' || value === '' || value.length > charsMax)
    throw new BadRequest(`${name} must be text of 1 to ${charsMax} characters.`)
  return value
}
