/**
 * Everything the adapter keeps about one js-libp2p node, from the first factory js-libp2p calls to the node's end: governor, context, guards, timer.
 */

import type { Clock, Governor, GovernorEvent, PolicyInput } from '@sluice/core'
import { createGovernor } from '@sluice/core'
import type { Capabilities } from './capabilities.ts'
import { formatCapabilities, muxerCapabilities, transportCapabilities } from './capabilities.ts'
import type { NodeComponents } from './connection/components.ts'
import { closeForbidden } from './connection/forbidden.ts'
import type { ConnectionGuard } from './connection/install.ts'
import { guardConnections } from './connection/install.ts'
import { transportNameOfTag } from './connection/transport-name.ts'
import type { OwnedContext } from './context.ts'
import { createNodeContext } from './context.ts'
import { CutCounts } from './cuts.ts'
import type { Decisions } from './decisions.ts'
import { DecisionFeed } from './decisions.ts'
import { applyFixes } from './fixes/index.ts'
import { foldEvents } from './log-fold.ts'
import { thisMachine } from './machine.ts'
import { createMemoryBudget } from './memory/budget.ts'
import { registerMetrics } from './metrics.ts'
import type { MissingHook, OnMissingHook } from './missing-hook.ts'
import { announceMissing, selfTest } from './self-test.ts'
import type { WorkComponents } from './work/index.ts'
import { protectWork } from './work/index.ts'

/** Longest the governor goes without `advance()`, in milliseconds; bans entered directly on a shared governor are noticed this late at worst. */
export const ADVANCE_MS_MAX = 1_000
/** Shortest pause between two advances. */
export const ADVANCE_MS_MIN = 50
/** How long sockets may take to go when the node has stopped, in milliseconds. */
const END_MS_MAX = 2_000

export interface SluiceNodeInit {
  readonly policy: PolicyInput
  readonly governor: Governor | undefined
  readonly clock: Clock
  readonly onMissingHook: OnMissingHook
}

export class SluiceNode {
  readonly context: OwnedContext
  readonly guard: ConnectionGuard
  readonly cuts: CutCounts = new CutCounts()
  #feed = new DecisionFeed()
  missingHooks: readonly MissingHook[] = []
  readonly #init: SluiceNodeInit
  readonly #components: NodeComponents & WorkComponents
  #timer: NodeJS.Timeout | undefined
  #newestBanMs = 0
  #assembled = false

  constructor(components: NodeComponents & WorkComponents, init: SluiceNodeInit) {
    this.#components = components
    this.#init = init
    const governor = init.governor ?? this.#createGovernor()
    this.context = createNodeContext({
      governor,
      clock: init.clock,
      logger: components.logger,
      foreignGovernor: init.governor !== undefined,
    })
    this.guard = guardConnections(this.context, error => {
      this.missingHooks = [...this.missingHooks, ...error.hooks]
      announceMissing(this.context, init.onMissingHook, error)
    })
    this.context.onEvent(event => {
      if (event.type === 'cut') this.cuts.add(event)
      this.#feed.push(event)
    })
  }

  /** Once js-libp2p has built its own components, and before it builds services. Idempotent. */
  assemble(): void {
    if (this.#assembled) {
      return
    }
    this.#assembled = true
    const { context } = this
    this.guard.install(this.#components)
    applyFixes(this.#components, context)
    const work = protectWork(this.#components, context)
    const memory = createMemoryBudget(context)
    foldEvents(context)
    if (this.#components.metrics !== undefined) {
      registerMetrics(this.#components.metrics, context, { work, memory })
    }
  }

  capabilities(): readonly Capabilities[] {
    const transports = this.#components.transportManager.getTransports().map(transport => transportNameOfTag(transport[Symbol.toStringTag]))
    const muxers = [...this.#components.upgrader.getStreamMuxers().keys()]
    return [
      ...transports.map(transportCapabilities),
      ...(transports.includes('quic') ? ['quic', ...muxers] : muxers).map(muxerCapabilities),
    ]
  }

  async prepare(): Promise<void> {
    this.missingHooks = await selfTest(this.context, this.#init.onMissingHook)
    await this.context.started()
  }

  run(): void {
    this.context.log('mode %s, transports and muxers:\n%s', this.context.mode(), formatCapabilities(this.capabilities()))
    this.#advance()
  }

  decisions(): Decisions {
    return this.#feed.open()
  }

  closeForbidden(): void {
    const closed = closeForbidden(this.context)
    if (closed > 0) {
      this.context.log('closed %d connections that are forbidden now', closed)
    }
  }

  /** Ends what is still open, so that a stopped node holds nothing of a governor it may share. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const ended = new Error('the node has stopped')
    for (const state of [...this.context.connections()]) {
      state.abort(ended)
    }
    await this.context.drained(END_MS_MAX)
    await this.context.stopped()
    this.#feed.close()
    this.#feed = new DecisionFeed()
  }

  #createGovernor(): Governor {
    return createGovernor({
      policy: this.#init.policy,
      clock: this.#init.clock,
      random: Math.random,
      machine: thisMachine(),
      onEvent: event => this.#onGovernorEvent(event),
    })
  }

  #onGovernorEvent(event: GovernorEvent): void {
    this.context.emit(event)
    if (event.type === 'ban') {
      queueMicrotask(() => this.closeForbidden())
    }
  }

  #advance(): void {
    const waitMs = this.context.governor.advance()
    this.#noticeBans()
    this.#timer = setTimeout(() => this.#advance(), Math.min(ADVANCE_MS_MAX, Math.max(ADVANCE_MS_MIN, waitMs)))
    this.#timer.unref()
  }

  /** A governor that somebody else created tells us nothing: look. */
  #noticeBans(): void {
    if (this.#init.governor === undefined) {
      return
    }
    const bans = this.context.governor.bans()
    const newestMs = bans.reduce((newest, { createdMs }) => Math.max(newest, createdMs), 0)
    if (newestMs > this.#newestBanMs) {
      this.#newestBanMs = newestMs
      this.closeForbidden()
    }
  }
}
