/**
 * The governor's public shape: what adapters call and what operators ask. The implementation builds the rooms and hands out handles; the verbs live on the handles.
 *
 * The admission path, in order: address, gate, rate, transient scope, (handshake), peer scope, stream rate, stream scope, protocol and service scope, memory, release.
 */

import type { Address } from './address.ts'
import { Engine } from './admission/engine.ts'
import { checkDirection } from './admission/names.ts'
import { openConnection, readAddress } from './admission/open-connection.ts'
import { shouldVerifySource, spendAt } from './admission/spend.ts'
import { findScope, ViewHandle } from './admission/view.ts'
import type { Clock, Random } from './clock.ts'
import type { Decision, Direction } from './decision.ts'
import { MisuseError } from './errors.ts'
import type { GovernorEvent } from './events.ts'
import { explain } from './explain.ts'
import type { Connection, ScopeSelector, ScopeView } from './handles.ts'
import type { Machine } from './policy/defaults.ts'
import { MACHINE_DEFAULT } from './policy/defaults.ts'
import type { Mode, Policy, PolicyInput } from './policy/policy.ts'
import { validatePolicy } from './policy/validate.ts'
import type { RecordedInput } from './recorder.ts'
import { report } from './report.ts'
import type { Ban, Explanation, ResourceReport } from './reports.ts'

export interface GovernorInit {
  /** Partial policy; what is absent takes its default. Validated: throws `PolicyError`. @default {} */
  readonly policy?: PolicyInput
  readonly clock: Clock
  readonly random: Random
  /** Bytes of memory of the machine (or cgroup) and its file descriptor limit, for autoscaling. @default 1 GiB and 1024 */
  readonly machine?: { readonly memoryBytes: number; readonly fileDescriptors: number }
  /** Pushed synchronously for denials, bans, and level changes only. Must not throw. */
  readonly onEvent?: (event: GovernorEvent) => void
  /** Receives every input in order, for replay. Costs when set, nothing when absent. */
  readonly onInput?: (input: RecordedInput) => void
}

export interface Governor {
  readonly policy: Policy
  /** @param address multiaddr or `ip`, `ip:port`, `[ip6]:port` text, here and below; or what `parseAddress` made of it, where that is at hand. @param transport @default derived from the multiaddr (`tcp`, `ws`, `quic`, `memory`, `circuit`, …) */
  openConnection(address: string | Address, direction: Direction, transport?: string): Decision<Connection>
  /**
   * Spends a rate kind without a connection handle (gater, before accept): charged to the address's IP, prefixes and the node.
   */
  spend(kind: string, address: string | Address, cost?: number): Decision
  /** The source-address verification hint of QUIC Retry: true when the address should prove itself first. An address that does not parse: true. */
  shouldVerifySource(address: string | Address): boolean
  /** Is the address allow-listed (by any entry without a peer id, or with this peer)? */
  isAllowed(address: string | Address, peer?: string): boolean
  view(selector: ScopeSelector): ScopeView | undefined
  connections(): IterableIterator<Connection>
  /** @param top how many peers and prefixes to list. @default 100 */
  resources(top?: number): ResourceReport
  explain(subject: string): Explanation
  /** Validates all of it, then swaps it in; counters, bans and handles stay. Throws `PolicyError` and changes nothing when invalid. */
  setPolicy(policy: PolicyInput): void
  /** Changes the global mode only. */
  setMode(mode: Mode): void
  /** @param forMs @default Infinity. Returns the entry. Throws `MisuseError` on a target that does not parse. Closing what it forbids is the adapter's work: it gets a `ban` event. */
  ban(target: string, options?: { readonly forMs?: number; readonly reason?: string }): Ban
  /** True when there was one. */
  unban(target: string): boolean
  bans(): readonly Ban[]
  /** Adds or removes an allow-list entry at run time; lifts per-prefix caps at once. */
  allow(entry: string): void
  disallow(entry: string): boolean
  /** Does what is due (collection of idle scopes, expiry of bans, idle rate cells). Returns milliseconds until it wants to be called again. */
  advance(): number
  /** Milliseconds, the engine's own monotonic view of the clock. */
  now(): number
}

/** Collection of idle scopes, as go-libp2p's resource manager. */
export const COLLECT_EVERY_MS = 60_000

/**
 * Between two steps of a sweep of the principal table (`COLLECT_ROWS_MAX` rows, 1 to 3 ms when all of them go): a table of 262,144 rows takes 6.4 s, one of 2^24 seven minutes, and sweeping never
 * takes more than a twentieth of the time.
 */
export const SWEEP_EVERY_MS = 50

/** What a recording keeps of an address. */
function sourceOf(address: string | Address): string {
  return typeof address === 'string' ? address : address.source
}

/** Builds the rooms of the house. @throws PolicyError on a policy that cannot be put in force */
export function createGovernor(init: GovernorInit): Governor {
  return new GovernorRoom(init)
}

class GovernorRoom implements Governor {
  readonly #engine: Engine
  readonly #machine: Machine
  #collectAtMs: number
  /** When the sweep of the principal table goes on; `Infinity` when none is under way. */
  #sweepAtMs = Number.POSITIVE_INFINITY

  constructor(init: GovernorInit) {
    this.#machine = init.machine ?? MACHINE_DEFAULT
    const policy = validatePolicy(init.policy ?? {}, this.#machine)
    const { clock, random, onEvent, onInput } = init
    this.#engine = new Engine({ policy, clock, random, onEvent, onInput })
    this.#collectAtMs = this.#engine.now() + COLLECT_EVERY_MS
    const { memoryBytes, fileDescriptors } = this.#machine
    this.#record({ v: 'policy', t: this.now(), policy: init.policy ?? {}, m: [memoryBytes, fileDescriptors] })
  }

  get policy(): Policy {
    return this.#engine.policy
  }

  now(): number {
    return this.#engine.tick()
  }

  openConnection(address: string | Address, direction: Direction, transport?: string): Decision<Connection> {
    checkDirection(direction)
    const engine = this.#engine
    if (engine.onInput !== undefined) {
      const d = direction === 'inbound' ? 'i' : 'o'
      const a = sourceOf(address)
      engine.record(transport === undefined ? { v: 'open', t: this.now(), a, d } : { v: 'open', t: this.now(), a, d, x: transport })
    }
    return openConnection(engine, address, direction, transport)
  }

  spend(kind: string, address: string | Address, cost = 1): Decision {
    this.#record({ v: 'spend', t: this.now(), a: sourceOf(address), k: kind, n: cost })
    return spendAt(this.#engine, readAddress(address), kind, cost)
  }

  shouldVerifySource(address: string | Address): boolean {
    this.#record({ v: 'verify', t: this.now(), a: sourceOf(address) })
    return shouldVerifySource(this.#engine, address)
  }

  isAllowed(address: string | Address, peer?: string): boolean {
    return this.#engine.gate.isAllowed(readAddress(address), peer)
  }

  view(selector: ScopeSelector): ScopeView | undefined {
    const scope = findScope(this.#engine, selector)
    return scope === undefined ? undefined : new ViewHandle(this.#engine, selector, scope)
  }

  /** Newest first. Connections may be released during the walk. */
  *connections(): IterableIterator<Connection> {
    for (let connection = this.#engine.connections; connection !== undefined; connection = connection.next) {
      if (connection.open) yield connection
    }
  }

  resources(top?: number): ResourceReport {
    return report(this.#engine, top)
  }

  explain(subject: string): Explanation {
    return explain(this.#engine, subject)
  }

  setPolicy(input: PolicyInput): void {
    const policy = validatePolicy(input, this.#machine)
    this.#record({ v: 'policy', t: this.now(), policy: input })
    this.#engine.setPolicy(policy)
    this.#engine.emit({ type: 'policy', atMs: this.now(), mode: policy.mode })
  }

  setMode(mode: Mode): void {
    if (mode !== 'enforce' && mode !== 'observe') throw new MisuseError("mode must be 'enforce' or 'observe'.", { mode })
    this.#record({ v: 'mode', t: this.now(), m: mode })
    this.#engine.setMode(mode)
    this.#engine.emit({ type: 'policy', atMs: this.now(), mode })
  }

  ban(target: string, options: { readonly forMs?: number; readonly reason?: string } = {}): Ban {
    const { forMs = Number.POSITIVE_INFINITY, reason = '' } = options
    if (!(forMs > 0)) throw new MisuseError('forMs must be above 0.', { forMs })
    const atMs = this.now()
    this.#record({ v: 'ban', t: atMs, a: target, ms: forMs === Number.POSITIVE_INFINITY ? -1 : forMs, why: reason })
    const { ban, displaced } = this.#engine.gate.ban(target, atMs, atMs + forMs, reason)
    if (displaced !== undefined) this.#engine.emit({ type: 'unban', atMs, target: displaced.target, expired: false })
    this.#engine.emit({ type: 'ban', atMs, ban })
    return ban
  }

  unban(target: string): boolean {
    const atMs = this.now()
    this.#record({ v: 'unban', t: atMs, a: target })
    const lifted = this.#engine.gate.unban(target)
    if (lifted !== undefined) this.#engine.emit({ type: 'unban', atMs, target: lifted.target, expired: false })
    return lifted !== undefined
  }

  bans(): readonly Ban[] {
    return this.#engine.gate.bans()
  }

  allow(entry: string): void {
    this.#record({ v: 'allow', t: this.now(), a: entry })
    this.#engine.gate.allow(entry)
  }

  disallow(entry: string): boolean {
    this.#record({ v: 'disallow', t: this.now(), a: entry })
    return this.#engine.gate.disallow(entry)
  }

  advance(): number {
    const engine = this.#engine
    const nowMs = this.now()
    this.#record({ v: 'advance', t: nowMs })
    for (const ban of engine.gate.expireBans(nowMs)) engine.emit({ type: 'unban', atMs: nowMs, target: ban.target, expired: true })
    const isCollecting = nowMs >= this.#collectAtMs
    if (isCollecting) {
      engine.collect()
      this.#collectAtMs = nowMs + COLLECT_EVERY_MS
    }
    if (isCollecting || nowMs >= this.#sweepAtMs) this.#sweepAtMs = engine.sweep() ? nowMs + SWEEP_EVERY_MS : Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(this.#collectAtMs, this.#sweepAtMs, engine.gate.nextEndMs) - nowMs)
  }

  #record(input: RecordedInput): void {
    if (this.#engine.onInput !== undefined) this.#engine.record(input)
  }
}
