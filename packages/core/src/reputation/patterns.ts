/**
 * Attacks by name: what demand looks like, that is the sessions open and the identities refused within the last ten minutes. A name is evidence for the operator, never a penalty: what limits these attacks are turns, budgets and the cooldown, which need no name.
 *
 * - `single-ip`: more demand from one IP than from a large household.
 * - `subnet`: demand from many IPs of one prefix at once.
 * - `rapid-reconnection`: told by the cooldown, which counts.
 * - `distributed`: while people are turned away, many prefixes want service. A flash crowd looks alike; numbers are given.
 *
 * Each is told once and again only after an hour of not holding. Bounded by the sessions that are open, a table of those refused and one of names told.
 */

import type { Reconnections } from '../serving/cooldown.ts'
import type { Place } from '../serving/place.ts'

export const PATTERN_NAMES = ['single-ip', 'subnet', 'rapid-reconnection', 'distributed'] as const

export type PatternName = (typeof PATTERN_NAMES)[number]

/** Subjects remembered as told; the one told longest ago goes first, and may then be told again. */
export const TOLD_MAX = 4096

/** Refused identities remembered as demand; the one refused longest ago goes first. */
export const REFUSED_MAX = 4096
/** For how long. */
export const REFUSED_MS = 600_000

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

export interface PatternEvent {
  readonly type: 'pattern'
  readonly name: PatternName
  readonly atMs: number
  /** The IP, the prefix, or `node`. */
  readonly subject: string
  /** What was counted, by name: `wanting`, `ips`, `prefixes`, `identities`, `places`, `refused`, and the limit passed. */
  readonly evidence: Readonly<Record<string, number>>
}

export interface PatternsInit {
  /** More identities of one IP that want service at once. @default 16 */
  readonly ipWantingMax?: number
  /** More IPs of one prefix that want service at once; of 256 in a /24. @default 12 */
  readonly prefixIpsMax?: number
  /** More prefixes that want service at once, while refusing. @default 24 */
  readonly prefixesMax?: number
  /** More sessions or requests refused in a minute. @default 10 */
  readonly refusedMax?: number
  readonly onPattern: (event: PatternEvent) => void
}

export class Patterns {
  readonly #init: Required<PatternsInit>
  /** Prefix to IP to how many want service. */
  readonly #wanting: Map<string, Map<string, number>> = new Map()
  /** Identities refused and not open since, in order. */
  readonly #refusals: Map<string, { readonly place: Place; readonly atMs: number }> = new Map()
  /** Name and subject to when it last held. */
  readonly #told: Map<string, number> = new Map()
  #minute: number
  #refused: number

  constructor(init: PatternsInit) {
    this.#init = { ipWantingMax: 16, prefixIpsMax: 12, prefixesMax: 24, refusedMax: 10, ...init }
    this.#minute = 0
    this.#refused = 0
  }

  /** Prefixes that want service. */
  get prefixes(): number {
    return this.#wanting.size
  }

  /** A session was opened. */
  opened(place: Place, nowMs: number): void {
    this.#forget(keyOf(place))
    this.#want(place, nowMs)
  }

  /** A session ended. */
  closed(place: Place): void {
    const ips = this.#wanting.get(place.prefix)
    const wanting = ips?.get(place.ip)
    if (ips === undefined || wanting === undefined) return
    if (wanting > 1) ips.set(place.ip, wanting - 1)
    else ips.delete(place.ip)
    if (ips.size === 0) this.#wanting.delete(place.prefix)
  }

  /** A session or request was refused for want of room or time. */
  refused(place: Place, nowMs: number): void {
    for (const [key, { atMs }] of this.#refusals) {
      if (atMs > nowMs - REFUSED_MS && this.#refusals.size < REFUSED_MAX) break
      this.#forget(key)
    }
    const key = keyOf(place)
    this.#forget(key)
    this.#refusals.set(key, { place, atMs: nowMs })
    this.#want(place, nowMs)
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#refused = 0
    }
    this.#refused++
    const { prefixesMax, refusedMax } = this.#init
    const prefixes = this.#wanting.size
    if (prefixes > prefixesMax && this.#refused > refusedMax)
      this.#tell('distributed', 'node', nowMs, { prefixes, prefixesMax, refused: this.#refused, refusedMax })
  }

  /** From the cooldown. */
  reconnected({ ip, atMs, identities, places }: Reconnections): void {
    this.#tell('rapid-reconnection', ip, atMs, { identities, places })
  }

  #forget(key: string): void {
    const refusal = this.#refusals.get(key)
    if (refusal === undefined) return
    this.#refusals.delete(key)
    this.closed(refusal.place)
  }

  #want(place: Place, nowMs: number): void {
    const ips = this.#wanting.get(place.prefix) ?? new Map<string, number>()
    if (ips.size === 0) this.#wanting.set(place.prefix, ips)
    const wanting = (ips.get(place.ip) ?? 0) + 1
    ips.set(place.ip, wanting)
    const { ipWantingMax, prefixIpsMax } = this.#init
    if (wanting > ipWantingMax) this.#tell('single-ip', place.ip, nowMs, { wanting, ipWantingMax })
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

function keyOf({ ip, peer }: Place): string {
  return `${ip} ${peer}`
}
