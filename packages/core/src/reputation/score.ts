/**
 * Scores: what is held against each principal, fading by half every half-life. 0 is a stranger; nothing raises a score but time. Provable and suspicious points are kept apart: their sum is the score, by which
 * priority goes, but only provable points ban, so that nobody can be banned by what another causes about him.
 *
 * Bounded: when full, of the few principals heard of longest ago the least guilty goes, so that a flood of strangers' small offences does not wash out a large one. Bans themselves are kept by the gate; here is when
 * one is due and until when none is due again.
 */

import { MisuseError } from '../errors.ts'
import { type OffenceName, offence } from './offences.ts'

const LOOKS_MAX = 8

export interface ScoresInit {
  /** Provable points below this ban (`reputation_ban_threshold`). @default -100 */
  readonly banThreshold?: number
  /** A report that leaves the score below this starts a cooldown, whatever the offence: suspicion that repeats. @default -25 */
  readonly coolThreshold?: number
  /** @default 86_400_000 */
  readonly banMs?: number
  /** Time in which points fade to half. @default 21_600_000 (6 h) */
  readonly halfLifeMs?: number
  /** Suspicious points count no further than this. @default -90 */
  readonly suspicionMin?: number
  /** @default 65_536 */
  readonly principalsMax?: number
}

/** What came of a report. */
export interface Verdict {
  readonly principal: string
  readonly offence: OffenceName
  /** After it: 0 or less. */
  readonly score: number
  /** Starts a cooldown, by the offence or by the score. */
  readonly cools: boolean
  /** Set when this report bans. */
  readonly ban: { readonly untilMs: number; readonly reason: string } | undefined
}

interface Entry {
  proven: number
  suspected: number
  atMs: number
  bannedUntilMs: number
}

export class Scores {
  readonly #init: Required<ScoresInit>
  readonly #entries: Map<string, Entry> = new Map()

  constructor(init: ScoresInit = {}) {
    this.#init = {
      banThreshold: -100,
      coolThreshold: -25,
      banMs: 86_400_000,
      halfLifeMs: 21_600_000,
      suspicionMin: -90,
      principalsMax: 65_536,
      ...init,
    }
    const { banThreshold, banMs, coolThreshold, halfLifeMs, suspicionMin, principalsMax } = this.#init
    if (!(banThreshold < 0)) throw new MisuseError(`banThreshold is ${banThreshold}; it must be less than 0`)
    if (!(coolThreshold < 0)) throw new MisuseError(`coolThreshold is ${coolThreshold}; it must be less than 0`)
    if (!(suspicionMin < 0)) throw new MisuseError(`suspicionMin is ${suspicionMin}; it must be less than 0`)
    if (!(banMs > 0)) throw new MisuseError(`banMs is ${banMs}; it must be more than 0`)
    if (!(halfLifeMs > 0)) throw new MisuseError(`halfLifeMs is ${halfLifeMs}; it must be more than 0`)
    if (!(Number.isSafeInteger(principalsMax) && principalsMax >= 1))
      throw new MisuseError(`principalsMax is ${principalsMax}; it must be a whole number, 1 or more`)
  }

  get size(): number {
    return this.#entries.size
  }

  /** True once anything was held against the principal that has not been forgotten. */
  hasHistory(principal: string): boolean {
    return this.#entries.has(principal)
  }

  /** 0 for a stranger, less for an offender. */
  score(principal: string, nowMs: number): number {
    const entry = this.#entries.get(principal)
    if (entry === undefined) return 0
    const left = this.#left(entry, nowMs)
    return (entry.proven + entry.suspected) * left
  }

  report(principal: string, name: OffenceName, nowMs: number): Verdict {
    const { kind, points, cools: coolsAtOnce } = offence(name)
    const { banThreshold, banMs, coolThreshold, suspicionMin } = this.#init
    const entry = this.#touch(principal, nowMs)
    if (kind === 'provable') entry.proven -= points
    else entry.suspected = Math.max(suspicionMin, entry.suspected - points)
    const score = entry.proven + entry.suspected
    const cools = coolsAtOnce || score < coolThreshold
    if (entry.proven >= banThreshold || entry.bannedUntilMs > nowMs) return { principal, offence: name, score, cools, ban: undefined }
    entry.bannedUntilMs = nowMs + banMs
    const reason = `score ${Math.floor(entry.proven)} below ${banThreshold}, last for ${name}`
    return { principal, offence: name, score, cools, ban: { untilMs: entry.bannedUntilMs, reason } }
  }

  /** Forgets what is held against a principal. */
  forgive(principal: string): boolean {
    return this.#entries.delete(principal)
  }

  #left({ atMs }: Entry, nowMs: number): number {
    return nowMs <= atMs ? 1 : 2 ** ((atMs - nowMs) / this.#init.halfLifeMs)
  }

  /** The entry, faded to now, at the end of the order. */
  #touch(principal: string, nowMs: number): Entry {
    const before = this.#entries.get(principal)
    if (before !== undefined) this.#entries.delete(principal)
    else if (this.#entries.size >= this.#init.principalsMax) this.#forget(nowMs)
    const entry = before ?? { proven: 0, suspected: 0, atMs: nowMs, bannedUntilMs: 0 }
    const left = this.#left(entry, nowMs)
    entry.proven *= left
    entry.suspected *= left
    entry.atMs = Math.max(entry.atMs, nowMs)
    this.#entries.set(principal, entry)
    return entry
  }

  #forget(nowMs: number): void {
    let least: string | undefined
    let best = Number.NEGATIVE_INFINITY
    let looks = 0
    for (const principal of this.#entries.keys()) {
      const score = this.score(principal, nowMs)
      if (score > best) {
        least = principal
        best = score
      }
      if (++looks >= LOOKS_MAX) break
    }
    if (least !== undefined) this.#entries.delete(least)
  }
}
