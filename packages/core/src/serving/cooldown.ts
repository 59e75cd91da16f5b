/**
 * Cooldown: for a while no bulk service, by IP or peer. It starts from an offence, or from the reconnection pattern: in one hour more than N new identities of one IP, each abandoning an unfinished session, for every place
 * the IP had open at once. Ten households behind one NAT are ten places, and ten that lose their uplink together are ten identities on ten places; one client that comes back under a new name is one place.
 *
 * A principal without history is never in cooldown: first sync is free of it. The reference starts one after every request, keyed by ip:port, which stops honest clients and no attacker.
 * Bounded: the IP heard of longest ago goes first, those in cooldown last.
 */

import { MisuseError } from '../errors.ts'
import type { Place } from './place.ts'

const HOUR_MS = 3_600_000
/** Places that count, at most: keeps an attacker from buying reconnections with open sessions. */
export const PLACES_MAX = 16
/** Identities remembered per IP: enough for the highest count that matters. */
const LOOKS_MAX = 8

export interface CooldownInit {
  /** How long one lasts (`ibd_request_cooldown_seconds`). @default 3_600_000 */
  readonly cooldownMs?: number
  /** N: new identities per hour and place (`suspicious_reconnection_threshold`). @default 3 */
  readonly reconnectionsMax?: number
  /** IPs watched and principals in cooldown, each. @default 16_384 */
  readonly principalsMax?: number
  readonly onReconnections?: (evidence: Reconnections) => void
}

/** Evidence of the pattern. */
export interface Reconnections {
  readonly ip: string
  readonly atMs: number
  /** Identities that abandoned an unfinished session within the last hour. */
  readonly identities: number
  /** Most sessions the IP had open at once, 1 to `PLACES_MAX`. */
  readonly places: number
  readonly untilMs: number
}

interface Watched {
  open: number
  /** Most open at once in the running and the hour before. */
  places: number
  placesBefore: number
  hour: number
  /** Identity to when it abandoned a session, in order; each once. At most `reconnectionsMax * PLACES_MAX + 1`. */
  readonly abandoned: Map<string, number>
}

export class Cooldowns {
  readonly #cooldownMs: number
  readonly #reconnectionsMax: number
  readonly #principalsMax: number
  readonly #onReconnections: ((evidence: Reconnections) => void) | undefined
  readonly #ips: Map<string, Watched> = new Map()
  /** Principal (`ip:…`, `peer:…`) to the end. */
  readonly #untilMs: Map<string, number> = new Map()

  constructor(init: CooldownInit = {}) {
    this.#cooldownMs = init.cooldownMs ?? HOUR_MS
    this.#reconnectionsMax = init.reconnectionsMax ?? 3
    this.#principalsMax = init.principalsMax ?? 16_384
    this.#onReconnections = init.onReconnections
    for (const [name, value] of Object.entries({ reconnectionsMax: this.#reconnectionsMax, principalsMax: this.#principalsMax }))
      if (!(Number.isSafeInteger(value) && value >= 1)) throw new MisuseError(`${name} is ${value}; it must be a whole number, 1 or more`)
    if (!(this.#cooldownMs >= 0)) throw new MisuseError(`cooldownMs is ${this.#cooldownMs}; it must be 0 or more`)
  }

  /** IPs watched. */
  get size(): number {
    return this.#ips.size
  }

  /** Principals in cooldown, those ended but not yet dropped included. */
  get cooling(): number {
    return this.#untilMs.size
  }

  /** A session of this place was opened. */
  opened(place: Place, nowMs: number): void {
    const watched = this.#watch(place.ip, nowMs)
    watched.open++
    watched.places = Math.max(watched.places, watched.open)
  }

  /** A session ended. @param isFinished false when it was abandoned with requests held, or stalled; one we ended for want of room counts as finished */
  closed(place: Place, isFinished: boolean, nowMs: number): void {
    const watched = this.#watch(place.ip, nowMs)
    watched.open = Math.max(0, watched.open - 1)
    if (isFinished || watched.abandoned.has(place.peer)) return
    watched.abandoned.set(place.peer, nowMs)
    for (const [identity, atMs] of watched.abandoned) {
      if (atMs > nowMs - HOUR_MS && watched.abandoned.size <= this.#reconnectionsMax * PLACES_MAX + 1) break
      watched.abandoned.delete(identity)
    }
    const places = Math.min(PLACES_MAX, Math.max(1, watched.places, watched.placesBefore))
    const identities = watched.abandoned.size
    if (identities <= this.#reconnectionsMax * places || (this.#untilMs.get(`ip:${place.ip}`) ?? 0) > nowMs) return
    const untilMs = this.start(`ip:${place.ip}`, nowMs)
    this.#onReconnections?.({ ip: place.ip, atMs: nowMs, identities, places, untilMs })
  }

  /** Starts one, for an offence; a longer one there is stays. Returns its end. @param principal `ip:…` or `peer:…` */
  start(principal: string, nowMs: number): number {
    const untilMs = Math.max(this.#untilMs.get(principal) ?? 0, nowMs + this.#cooldownMs)
    this.#untilMs.delete(principal)
    // All last equally long, so the first is the one that ends first.
    for (const [first, endMs] of this.#untilMs) {
      if (endMs > nowMs && this.#untilMs.size < this.#principalsMax) break
      this.#untilMs.delete(first)
    }
    this.#untilMs.set(principal, untilMs)
    return untilMs
  }

  /** Lifts one by hand. */
  lift(principal: string): boolean {
    return this.#untilMs.delete(principal)
  }

  /** Milliseconds still to wait; 0 for none, as for every principal without history. */
  leftMs(place: Place, nowMs: number): number {
    if (this.#untilMs.size === 0) return 0
    const untilMs = Math.max(this.#untilMs.get(`ip:${place.ip}`) ?? 0, this.#untilMs.get(`peer:${place.peer}`) ?? 0)
    return Math.max(0, untilMs - nowMs)
  }

  #watch(ip: string, nowMs: number): Watched {
    const hour = Math.floor(nowMs / HOUR_MS)
    let watched = this.#ips.get(ip)
    if (watched === undefined) {
      if (this.#ips.size >= this.#principalsMax) this.#forget()
      watched = { open: 0, places: 0, placesBefore: 0, hour, abandoned: new Map() }
    } else this.#ips.delete(ip)
    this.#ips.set(ip, watched)
    if (watched.hour !== hour) {
      watched.placesBefore = hour === watched.hour + 1 ? watched.places : watched.open
      watched.places = watched.open
      watched.hour = hour
    }
    return watched
  }

  /** Of the few heard of longest ago, the one that abandoned least. */
  #forget(): void {
    let least: string | undefined
    let count = Number.POSITIVE_INFINITY
    let looks = 0
    for (const [ip, { abandoned, open }] of this.#ips) {
      if (abandoned.size + open < count) {
        least = ip
        count = abandoned.size + open
      }
      if (++looks >= LOOKS_MAX) break
    }
    if (least !== undefined) this.#ips.delete(least)
  }
}
