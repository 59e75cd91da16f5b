/**
 * Attacks by name: what the open sessions, and the demand refused, look like. A name is evidence for the operator, never a penalty: what limits these attacks are turns, budgets and the cooldown, which need no name.
 *
 * - `single-ip`: one IP has more sessions than a large household.
 * - `subnet`: many IPs of one prefix have sessions at once.
 * - `rapid-reconnection`: told by the cooldown, which counts.
 * - `distributed`: while people are turned away, sessions of many prefixes hold the queue. A flash crowd looks alike; numbers are given.
 *
 * Each is told once and again only after an hour of not holding. Bounded by the sessions that are open and a table of names told.
 */

import type { Reconnections } from '../serving/cooldown.ts'
import type { Place } from '../serving/place.ts'

export const PATTERN_NAMES = ['single-ip', 'subnet', 'rapid-reconnection', 'distributed'] as const

export type PatternName = (typeof PATTERN_NAMES)[number]

/** Subjects remembered as told; the one told longest ago goes first, and may then be told again. */
export const TOLD_MAX = 4096

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

export interface PatternEvent {
  readonly type: 'pattern'
  readonly name: PatternName
  readonly atMs: number
  /** The IP, the prefix, or `node`. */
  readonly subject: string
  /** What was counted, by name: `sessions`, `ips`, `prefixes`, `identities`, `places`, `refused`, and the limit passed. */
  readonly evidence: Readonly<Record<string, number>>
}

export interface PatternsInit {
  /** More sessions of one IP at once. @default 16 */
  readonly ipSessionsMax?: number
  /** More IPs of one prefix with sessions at once; of 256 in a /24. @default 12 */
  readonly prefixIpsMax?: number
  /** More prefixes with sessions at once while refusing. @default 24 */
  readonly prefixesMax?: number
  /** More sessions or requests refused in a minute. @default 10 */
  readonly refusedMax?: number
  readonly onPattern: (event: PatternEvent) => void
}

export class Patterns {
  readonly #init: Required<PatternsInit>
  /** Prefix to IP to sessions open. */
  readonly #open: Map<string, Map<string, number>> = new Map()
  /** Name and subject to when it last held. */
  readonly #told: Map<string, number> = new Map()
  #minute: number
  #refused: number

  constructor(init: PatternsInit) {
    this.#init = { ipSessionsMax: 16, prefixIpsMax: 12, prefixesMax: 24, refusedMax: 10, ...init }
    this.#minute = 0
    this.#refused = 0
  }

  /** Prefixes with open sessions. */
  get prefixes(): number {
    return this.#open.size
  }

  opened(place: Place, nowMs: number): void {
    const ips = this.#open.get(place.prefix) ?? new Map<string, number>()
    if (ips.size === 0) this.#open.set(place.prefix, ips)
    const sessions = (ips.get(place.ip) ?? 0) + 1
    ips.set(place.ip, sessions)
    this.#look(place, ips, sessions, nowMs)
  }

  closed(place: Place): void {
    const ips = this.#open.get(place.prefix)
    const sessions = ips?.get(place.ip)
    if (ips === undefined || sessions === undefined) return
    if (sessions > 1) ips.set(place.ip, sessions - 1)
    else ips.delete(place.ip)
    if (ips.size === 0) this.#open.delete(place.prefix)
  }

  /** A session or request was refused for want of room or time: attempts that never become sessions count as evidence too. */
  refused(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#refused = 0
    }
    this.#refused++
    const { prefixesMax, refusedMax } = this.#init
    const prefixes = this.#open.size
    if (prefixes > prefixesMax && this.#refused > refusedMax)
      this.#tell('distributed', 'node', nowMs, { prefixes, prefixesMax, refused: this.#refused, refusedMax })
  }

  /** From the cooldown. */
  reconnected({ ip, atMs, identities, places }: Reconnections): void {
    this.#tell('rapid-reconnection', ip, atMs, { identities, places })
  }

  #look(place: Place, ips: ReadonlyMap<string, number>, sessions: number, nowMs: number): void {
    const { ipSessionsMax, prefixIpsMax } = this.#init
    if (sessions > ipSessionsMax) this.#tell('single-ip', place.ip, nowMs, { sessions, ipSessionsMax })
    if (ips.size > prefixIpsMax) this.#tell('subnet', place.prefix, nowMs, { ips: ips.size, prefixIpsMax })
  }

  #tell(name: PatternName, subject: string, atMs: number, evidence: Readonly<Record<string, number>>): void {
    const key = `${name} ${subject}`
    const before = this.#told.get(key)
    this.#told.delete(key)
    if (this.#told.size >= TOLD_MAX) for (const oldest of this.#told.keys()) if (this.#told.delete(oldest)) break
    this.#told.set(key, atMs)
    if (before === undefined || atMs - before >= HOUR_MS) this.#init.onPattern({ type: 'pattern', name, atMs, subject, evidence })
  }
}
