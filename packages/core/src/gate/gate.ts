/**
 * The gate: who is refused whatever room there is (deny, bans), and who is let in when there is none (allow). Deny and bans win over allow. All three can be changed at run time; a new policy replaces the
 * lists that came from the old one and keeps what was added at run time.
 */

import type { Address } from '../address.ts'
import { MisuseError } from '../errors.ts'
import type { Policy } from '../policy/policy.ts'
import type { Ban } from '../reports.ts'
import { Bans } from './bans.ts'
import { type GateEntry, parseEntry } from './entries.ts'
import { ENTRIES_PER_NETWORK_MAX, GateRules } from './rules.ts'

/** Most entries of each list. */
export const LIST_ENTRIES_MAX = 1_000_000

/** What barred somebody: the list entry or the ban. */
export type Barrier =
  | { readonly rule: 'gate.deny'; readonly target: string }
  | { readonly rule: 'gate.ban'; readonly target: string; readonly untilMs: number }

/** One list, and which of its entries came at run time. */
class List {
  rules: GateRules
  readonly added: Map<string, GateEntry> = new Map()
  readonly #seed: number

  constructor(entries: readonly string[], seed: number) {
    this.#seed = seed
    this.rules = new GateRules(seed)
    this.replace(entries)
  }

  replace(entries: readonly string[]): void {
    const rules = new GateRules(this.#seed)
    for (const text of entries) put(rules, readTarget(text))
    for (const entry of this.added.values()) put(rules, entry)
    this.rules = rules
  }

  add(text: string): GateEntry {
    const entry = readTarget(text)
    put(this.rules, entry)
    this.added.set(entry.text, entry)
    return entry
  }

  delete(text: string): boolean {
    const entry = readTarget(text)
    this.added.delete(entry.text)
    return this.rules.delete(entry.text)
  }
}

function put(rules: GateRules, entry: GateEntry): void {
  if (rules.size >= LIST_ENTRIES_MAX && rules.get(entry.text) === undefined) {
    throw new MisuseError(`The list is full: it has ${LIST_ENTRIES_MAX} entries.`, { target: entry.text })
  }
  if (!rules.add(entry) && rules.get(entry.text) === undefined) {
    throw new MisuseError(`There are ${ENTRIES_PER_NETWORK_MAX} entries with a port or peer on this network already.`, {
      target: entry.text,
    })
  }
}

/** Reads a ban, allow or deny target. @throws MisuseError when it does not parse, with the position */
export function readTarget(text: string): GateEntry {
  const entry = parseEntry(text)
  if (entry.ok) return entry
  const shown = JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
  throw new MisuseError(`The target ${shown} does not parse: ${entry.reason}, at character ${entry.position + 1}.`, {
    target: text,
    position: entry.position,
  })
}

export class Gate {
  readonly #allow: List
  readonly #deny: List
  readonly #bans: Bans

  /** @param seed of the hashes; any integer. @default 0 */
  constructor(lists: Policy['gate'], seed = 0) {
    this.#allow = new List(lists.allow, seed)
    this.#deny = new List(lists.deny, seed)
    this.#bans = new Bans(seed)
  }

  /** Puts the lists of a new policy in force; bans and run-time entries stay. */
  setPolicy(lists: Policy['gate']): void {
    this.#allow.replace(lists.allow)
    this.#deny.replace(lists.deny)
  }

  /** True when nothing is barred, so that nobody needs to ask. */
  get isOpen(): boolean {
    return this.#deny.rules.size === 0 && this.#bans.size === 0
  }

  /**
   * What bars this address, or this peer wherever it comes from. Ask again once the peer is known: entries for one peer at one place match only then.
   * @param address undefined to ask about the peer alone
   */
  barrier(address: Address | undefined, peer: string | undefined, nowMs: number): Barrier | undefined {
    if (this.isOpen) return undefined
    const denied = this.#deny.rules.match(address, peer)
    if (denied !== undefined) return { rule: 'gate.deny', target: denied.text }
    const ban = this.#bans.match(address, peer, nowMs)
    return ban === undefined ? undefined : { rule: 'gate.ban', target: ban.target, untilMs: ban.untilMs }
  }

  /** On the allow list: by an entry without a peer id, or with this one. Says nothing of deny and bans, which win. */
  isAllowed(address: Address | undefined, peer: string | undefined): boolean {
    return this.#allow.rules.size > 0 && this.#allow.rules.match(address, peer) !== undefined
  }

  /** Could an allow-list entry turn out to name it once its peer is known? go-libp2p's rule before the handshake. */
  mayBeAllowed(address: Address): boolean {
    return this.#allow.rules.size > 0 && this.#allow.rules.match(address, undefined, true) !== undefined
  }

  /** @throws MisuseError on a target that does not parse, or a full list. Returns the canonical entry. */
  allow(text: string): GateEntry {
    return this.#allow.add(text)
  }

  /** True when there was one. @throws MisuseError on a target that does not parse */
  disallow(text: string): boolean {
    return this.#allow.delete(text)
  }

  /** As `allow`, for the deny list. */
  deny(text: string): GateEntry {
    return this.#deny.add(text)
  }

  /** As `disallow`, for the deny list. */
  undeny(text: string): boolean {
    return this.#deny.delete(text)
  }

  /** @throws MisuseError on a target that does not parse. `displaced`: the ban that had to make room, when `BANS_MAX` was reached. */
  ban(text: string, nowMs: number, untilMs: number, reason: string): { readonly ban: Ban; readonly displaced: Ban | undefined } {
    return this.#bans.add(readTarget(text), nowMs, untilMs, reason)
  }

  /** The ban that was lifted, or undefined. @throws MisuseError on a target that does not parse */
  unban(text: string): Ban | undefined {
    return this.#bans.delete(readTarget(text).text)
  }

  bans(): readonly Ban[] {
    return this.#bans.list()
  }

  get banCount(): number {
    return this.#bans.size
  }

  /** When `expireBans` has something to do next; `Infinity` for never. */
  get nextEndMs(): number {
    return this.#bans.nextEndMs
  }

  /** Bans that have ended since the last call, in order. */
  expireBans(nowMs: number): readonly Ban[] {
    return this.#bans.expire(nowMs)
  }

  allowed(): readonly string[] {
    return Array.from(this.#allow.rules.entries(), entry => entry.text)
  }

  denied(): readonly string[] {
    return Array.from(this.#deny.rules.entries(), entry => entry.text)
  }
}
