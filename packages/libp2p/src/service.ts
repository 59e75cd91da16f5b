/**
 * `node.services.sluice`: what the operator of a protected node can see and do. It is a service of js-libp2p like any other: started and stopped with its node.
 */

import type { Startable } from '@libp2p/interface'
import type { Ban, Explanation, Governor, Mode, PolicyInput } from '@sluice/core'
import type { Capabilities } from './capabilities.ts'
import type { NodeReport } from './cuts.ts'
import type { Decisions } from './decisions.ts'
import type { MissingHook } from './missing-hook.ts'
import type { SluiceNode } from './node.ts'

export interface SluiceService {
  readonly governor: Governor
  /** Global mode; set it with `setPolicy` or `governor.setMode`. */
  readonly mode: Mode
  /** One row per transport and muxer of this node. `formatCapabilities` prints them. */
  readonly capabilities: readonly Capabilities[]
  /** Hooks that do not hold: empty unless the node was started with `onMissingHook: 'degrade'`. Known once started. */
  readonly missingHooks: readonly MissingHook[]
  /** Half-open inbound connections. */
  readonly pending: number
  /** Usage and limits of every scope that matters, what was refused by rule, and what was cut by reason. @param top how many peers and prefixes to list. @default 100 */
  resources(top?: number): NodeReport
  /** Which rules speak about a peer id, an address, a prefix, or a denial's id, and what would have to happen to be let in. */
  explain(subject: string): Explanation
  /** Denials, bans, policy changes and cuts from now on; bounded, counts what it dropped, and ends when the node stops. */
  decisions(): Decisions
  /** Validates, then swaps the whole policy in, and closes what it newly denies. Throws `PolicyError`, nothing changed, when invalid. */
  setPolicy(policy: PolicyInput): void
  /** Forbids a peer, address, CIDR or multiaddr prefix, and closes what is open of it. @param forMs milliseconds. @default Infinity */
  ban(target: string, options?: { readonly forMs?: number; readonly reason?: string }): Ban
  /** True when there was such a ban. */
  unban(target: string): boolean
}

export class Sluice implements SluiceService, Startable {
  readonly #node: SluiceNode

  constructor(node: SluiceNode) {
    this.#node = node
  }

  readonly [Symbol.toStringTag] = '@sluice/libp2p'

  get governor(): Governor {
    return this.#node.context.governor
  }

  get mode(): Mode {
    return this.governor.policy.mode
  }

  get capabilities(): readonly Capabilities[] {
    return this.#node.capabilities()
  }

  get missingHooks(): readonly MissingHook[] {
    return this.#node.missingHooks
  }

  get pending(): number {
    return this.#node.guard.pending.size
  }

  resources(top?: number): NodeReport {
    return { ...this.governor.resources(top), cuts: this.#node.cuts.read() }
  }

  explain(subject: string): Explanation {
    return this.governor.explain(subject)
  }

  decisions(): Decisions {
    return this.#node.decisions()
  }

  setPolicy(policy: PolicyInput): void {
    this.governor.setPolicy(policy)
    this.#node.closeForbidden()
  }

  ban(target: string, options?: { readonly forMs?: number; readonly reason?: string }): Ban {
    const ban = this.governor.ban(target, options)
    this.#node.closeForbidden()
    return ban
  }

  unban(target: string): boolean {
    return this.governor.unban(target)
  }

  async beforeStart(): Promise<void> {
    await this.#node.prepare()
  }

  start(): void {
    this.#node.run()
  }

  stop(): void {}

  async afterStop(): Promise<void> {
    await this.#node.end()
  }
}
