/**
 * A scope's eight limits as the hot path wants them: numbers only, memory at its four priorities already worked out. One table is shared by every scope of a
 * class, so that a hundred thousand peers read the same cache lines; run-time changes give a scope a table of its own.
 */

import { MisuseError } from '../errors.ts'
import type { MemoryPriority } from '../handles.ts'
import type { Limit, Limits } from '../policy/policy.ts'
import { memoryThreshold, UNLIMITED } from './memory.ts'

/** `block` and 0 are the same; `unlimited` and anything above 2^53-1 are 2^53-1. */
export function limitNumber(limit: Limit, unlimited: number = UNLIMITED): number {
  if (limit === 'unlimited') return unlimited
  if (limit === 'block') return 0
  return Math.min(limit, UNLIMITED)
}

/**
 * What an unlimited count counts as. No process holds two thousand million of anything, and up to here V8 keeps a number in the field itself: a limit above it would turn
 * the field of every table into a pointer to a box, one more cache line for each check (`npm run bench -- resources`).
 */
export const COUNT_UNLIMITED: number = 2 ** 31 - 1

function countNumber(limit: Limit): number {
  return Math.min(limitNumber(limit), COUNT_UNLIMITED)
}

export class LimitTable {
  readonly source: Limits
  readonly pendingSource: Limit
  readonly streams: number
  readonly streamsInbound: number
  readonly streamsOutbound: number
  readonly connections: number
  readonly connectionsInbound: number
  readonly connectionsOutbound: number
  readonly fileDescriptors: number
  /** Half-open connections; prefix scopes only. */
  readonly pending: number
  /** At priority `always`. */
  readonly memory: number
  readonly memoryHigh: number
  readonly memoryMedium: number
  readonly memoryLow: number

  /** @param unlimited what `unlimited` memory counts as */
  constructor(source: Limits, unlimited: number = UNLIMITED, pending: Limit = 'unlimited') {
    this.source = source
    this.pendingSource = pending
    this.streams = countNumber(source.streams)
    this.streamsInbound = countNumber(source.streamsInbound)
    this.streamsOutbound = countNumber(source.streamsOutbound)
    this.connections = countNumber(source.connections)
    this.connectionsInbound = countNumber(source.connectionsInbound)
    this.connectionsOutbound = countNumber(source.connectionsOutbound)
    this.fileDescriptors = countNumber(source.fileDescriptors)
    this.pending = countNumber(pending)
    const memory = limitNumber(source.memory, unlimited)
    this.memory = memory
    this.memoryHigh = memoryThreshold(memory, 'high')
    this.memoryMedium = memoryThreshold(memory, 'medium')
    this.memoryLow = memoryThreshold(memory, 'low')
  }

  memoryAt(priority: MemoryPriority): number {
    if (priority === 'always') return this.memory
    if (priority === 'low') return this.memoryLow
    return priority === 'high' ? this.memoryHigh : this.memoryMedium
  }
}

/** The door of `setLimits`: every value a limit, no key unknown; else `MisuseError`. */
export function checkLimits(limits: Partial<Limits>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (!(name in UNLIMITED_LIMITS)) throw new MisuseError(`no such limit: ${name}.`, { name })
    const known = limit === 'unlimited' || limit === 'block' || (Number.isInteger(limit) && (limit as number) >= 0)
    if (!known) throw new MisuseError(`${name} must be a whole number from 0, 'unlimited' or 'block'.`, { name, limit })
  }
}

/** No limit at all. */
export const UNLIMITED_LIMITS: Limits = Object.freeze({
  streams: 'unlimited',
  streamsInbound: 'unlimited',
  streamsOutbound: 'unlimited',
  connections: 'unlimited',
  connectionsInbound: 'unlimited',
  connectionsOutbound: 'unlimited',
  fileDescriptors: 'unlimited',
  memory: 'unlimited',
})
