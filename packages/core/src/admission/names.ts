/**
 * The door for names that come from a peer or an adapter: non-empty text of bounded length, since names become keys of tables.
 */

import type { Direction } from '../decision.ts'
import { MisuseError } from '../errors.ts'

/** Longest peer id, protocol id, service name or rate kind, in UTF-16 units. Multistream lines are at most 1024 bytes in go; ids are shorter still. */
export const NAME_LENGTH_MAX = 1024

/** Throws `MisuseError` unless `name` may be a key. @param what noun for the error */
export function checkName(what: string, name: string): void {
  if (typeof name !== 'string' || name.length === 0 || name.length > NAME_LENGTH_MAX) {
    throw new MisuseError(`${what} must be text of 1 to ${NAME_LENGTH_MAX} characters.`, { what })
  }
}

/** Throws `MisuseError` unless `direction` is one. */
export function checkDirection(direction: Direction): void {
  if (direction !== 'inbound' && direction !== 'outbound')
    throw new MisuseError("direction must be 'inbound' or 'outbound'.", { direction })
}
