/**
 * Whose turn it is: deficit round robin (Shreedhar and Varghese 1995), hierarchical: prefix > IP > session, so that fifty ports of one IP share one turn. What a message overshoots its turn is a debt, paid out of the
 * next turns, so that bytes are fair and not only turns, without knowing the length of a message ahead.
 *
 * New prefixes get their first turn ahead of known ones (RFC 8290's new flows), one for each turn a known one had, so that a flood of prefixes never seen starves nobody. Declared LAN comes before strangers for at most
 * three turns out of four. Prefixes that wait together differ by at most one turn within their class, save that one about to hold all slots is passed over while another waits.
 *
 * Not here: time, slots, budgets. Every operation is O(1) but the search for the next, which passes a prefix at most once per turn of debt (16 at most).
 */

import type { Place } from './place.ts'

/** Most debt kept, in turns: bounds the search. */
export const DEBT_TURNS_MAX = 16
/** First turns ahead that may be given before a known prefix had one. */
export const FRESH_CREDIT_MAX = 16
/** LAN turns in a row while a stranger waits. */
export const LAN_TURNS_MAX = 3
/** Prefixes remembered as known, with what they owe; the one longest ago served goes first. */
export const KNOWN_PREFIXES_MAX = 16_384

interface PrefixFlow<T> {
  readonly key: string
  readonly isLan: boolean
  readonly ips: Map<string, IpFlow<T>>
  readonly waiting: Set<IpFlow<T>>
  list: Set<PrefixFlow<T>> | undefined
  debtBytes: number
  active: number
  members: number
}

interface IpFlow<T> {
  readonly key: string
  readonly waiting: Set<Member<T>>
  creditBytes: number
  members: number
}

/** A session's place in the queue. */
export interface Member<T> {
  readonly owner: T
  readonly prefix: PrefixFlow<T>
  readonly ip: IpFlow<T>
  creditBytes: number
  isWaiting: boolean
}

export class FairQueue<T> {
  readonly #turnBytes: number
  readonly #slotsMax: number
  readonly #prefixes: Map<string, PrefixFlow<T>> = new Map()
  /** Debt of each prefix that had a turn, the longest ago first. */
  readonly #known: Map<string, number> = new Map()
  readonly #lan: Set<PrefixFlow<T>> = new Set()
  readonly #fresh: Set<PrefixFlow<T>> = new Set()
  readonly #settled: Set<PrefixFlow<T>> = new Set()
  #freshCredit: number
  #lanInRow: number
  #waiting: number

  /** @param turnBytes what one turn may send. @param slotsMax of which no prefix holds all while another waits */
  constructor(turnBytes: number, slotsMax: number) {
    this.#turnBytes = turnBytes
    this.#slotsMax = slotsMax
    this.#freshCredit = FRESH_CREDIT_MAX
    this.#lanInRow = 0
    this.#waiting = 0
  }

  /** Sessions that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** Prefixes with a session that waits. */
  get waitingPrefixes(): number {
    return this.#lan.size + this.#fresh.size + this.#settled.size
  }

  /** Prefixes remembered as known; at most `KNOWN_PREFIXES_MAX`. */
  get knownPrefixes(): number {
    return this.#known.size
  }

  /** Sessions of the prefix of a place. */
  membersOf(place: Place): number {
    return this.#prefixes.get(keyOf(place))?.members ?? 0
  }

  /** Gives a session its place. Undo with `leave`. */
  join(place: Place, owner: T): Member<T> {
    const key = keyOf(place)
    let prefix = this.#prefixes.get(key)
    if (prefix === undefined) {
      const debtBytes = this.#known.get(key) ?? 0
      prefix = { key, isLan: place.isLan === true, ips: new Map(), waiting: new Set(), list: undefined, debtBytes, active: 0, members: 0 }
      this.#prefixes.set(key, prefix)
    }
    let ip = prefix.ips.get(place.ip)
    if (ip === undefined) {
      ip = { key: place.ip, waiting: new Set(), creditBytes: this.#turnBytes, members: 0 }
      prefix.ips.set(place.ip, ip)
    }
    prefix.members++
    ip.members++
    return { owner, prefix, ip, creditBytes: this.#turnBytes, isWaiting: false }
  }

  /** Takes the place back. The member must hold no turn. */
  leave(member: Member<T>): void {
    this.unwait(member)
    const { prefix, ip } = member
    if (--ip.members === 0) prefix.ips.delete(ip.key)
    if (--prefix.members > 0) return
    this.#prefixes.delete(prefix.key)
    if (this.#known.has(prefix.key)) this.#remember(prefix)
  }

  wait(member: Member<T>): void {
    if (member.isWaiting) return
    member.isWaiting = true
    this.#waiting++
    member.ip.waiting.add(member)
    member.prefix.waiting.add(member.ip)
    if (member.prefix.list === undefined) this.#enlist(member.prefix)
  }

  unwait(member: Member<T>): void {
    if (!member.isWaiting) return
    const { prefix, ip } = member
    member.isWaiting = false
    this.#waiting--
    ip.waiting.delete(member)
    if (ip.waiting.size > 0) return
    prefix.waiting.delete(ip)
    if (prefix.waiting.size > 0) return
    prefix.list?.delete(prefix)
    prefix.list = undefined
  }

  /** Whose turn it is, or nobody's. Changes nothing but debts paid by waiting. */
  peek(): Member<T> | undefined {
    const yields = this.#lanInRow >= LAN_TURNS_MAX
    return (yields ? undefined : this.#first(this.#lan)) ?? this.#first(this.#fresh) ?? this.#first(this.#settled) ?? this.#first(this.#lan)
  }

  /** What the one `peek` gave may send in its turn: 1 byte at least. */
  allowance(member: Member<T>): number {
    return this.#turnBytes - member.prefix.debtBytes
  }

  /** Begins the turn of the one `peek` gave, who waits no more: the bytes it may send. End it with `settle`. */
  grant(member: Member<T>): number {
    const { prefix, ip } = member
    const allowance = this.allowance(member)
    prefix.debtBytes = 0
    prefix.active++
    this.#count(prefix)
    this.unwait(member)
    if (prefix.waiting.delete(ip) && ip.waiting.size > 0) prefix.waiting.add(ip)
    if (prefix.list !== undefined) {
      prefix.list.delete(prefix)
      this.#enlist(prefix)
    }
    return allowance
  }

  /** Ends a turn. What was allowed and not sent is lost; what was sent beyond is owed. @param lateBytes owed for time taken beyond the turn. @default 0 */
  settle(member: Member<T>, allowanceBytes: number, sentBytes: number, lateBytes = 0): void {
    const { prefix, ip } = member
    const turn = this.#turnBytes
    prefix.active--
    prefix.debtBytes = Math.min(DEBT_TURNS_MAX * turn, prefix.debtBytes + Math.max(0, sentBytes - allowanceBytes) + lateBytes)
    ip.creditBytes = Math.max(-DEBT_TURNS_MAX * turn, ip.creditBytes - sentBytes - lateBytes)
    member.creditBytes = Math.max(-DEBT_TURNS_MAX * turn, member.creditBytes - sentBytes - lateBytes)
    this.#remember(prefix)
  }

  /** Turns that others take before a session at this place gets its own, if nobody else comes: the whole round of prefixes once per session that shares its IP and IP that shares its prefix. */
  turnsAhead(place: Place): number {
    const prefix = this.#prefixes.get(keyOf(place))
    const ip = prefix?.ips.get(place.ip)
    const others = this.waitingPrefixes - (prefix?.list === undefined ? 0 : 1)
    const ips = (prefix?.waiting.size ?? 0) + (ip !== undefined && ip.waiting.size > 0 ? 0 : 1)
    const depth = ips * ((ip?.waiting.size ?? 0) + 1)
    if (place.isLan === true) return Math.ceil(((this.#lan.size + 1) * depth * (LAN_TURNS_MAX + 1)) / LAN_TURNS_MAX) - 1
    const isNext = depth === 1 && prefix?.list === undefined && this.#freshCredit > 0 && !this.#known.has(keyOf(place))
    return isNext ? this.#fresh.size + Math.min(LAN_TURNS_MAX, this.#lan.size) : (others + 1) * depth - 1
  }

  #enlist(prefix: PrefixFlow<T>): void {
    const isFresh = !prefix.isLan && this.#freshCredit > 0 && !this.#known.has(prefix.key)
    if (isFresh) this.#freshCredit--
    prefix.list = prefix.isLan ? this.#lan : isFresh ? this.#fresh : this.#settled
    prefix.list.add(prefix)
  }

  #count(prefix: PrefixFlow<T>): void {
    this.#lanInRow = prefix.isLan ? this.#lanInRow + 1 : 0
    if (!prefix.isLan && prefix.list !== this.#fresh) this.#freshCredit = Math.min(FRESH_CREDIT_MAX, this.#freshCredit + 1)
    this.#remember(prefix)
  }

  #remember(prefix: PrefixFlow<T>): void {
    this.#known.delete(prefix.key)
    if (this.#known.size >= KNOWN_PREFIXES_MAX) for (const key of this.#known.keys()) if (this.#known.delete(key)) break
    this.#known.set(prefix.key, prefix.debtBytes)
  }

  #first(list: Set<PrefixFlow<T>>): Member<T> | undefined {
    for (const prefix of list) {
      if (this.#slotsMax > 1 && prefix.active >= this.#slotsMax - 1 && this.waitingPrefixes > 1) continue
      if (prefix.debtBytes >= this.#turnBytes) {
        prefix.debtBytes -= this.#turnBytes
        list.delete(prefix)
        list.add(prefix)
        continue
      }
      const ip = this.#next(prefix.waiting)
      const member = ip === undefined ? undefined : this.#next(ip.waiting)
      if (member !== undefined) return member
    }
    return undefined
  }

  /** The first with credit; who has none is given a turn's worth and goes to the end. */
  #next<F extends { creditBytes: number }>(waiting: Set<F>): F | undefined {
    for (const flow of waiting) {
      if (flow.creditBytes > 0) return flow
      flow.creditBytes += this.#turnBytes
      waiting.delete(flow)
      waiting.add(flow)
    }
    return undefined
  }
}

function keyOf(place: Place): string {
  return place.isLan === true ? `lan ${place.prefix}` : place.prefix
}
