/**
 * Named scopes addressed directly. A view looks its scope up whenever it is used, so that it survives collection; what it holds keeps the scope from being collected.
 *
 * Direct use is charged as in go-libp2p: service, protocol, peer and transient to themselves and system; the allow-listed transient to its system; the per-peer
 * sub-scopes to themselves alone. A prefix scope counts connections and streams and takes no memory.
 */

import type { Decision, ScopeClass } from '../decision.ts'
import { MisuseError } from '../errors.ts'
import type { MemoryAccount, MemoryPriority, ScopeSelector, ScopeView, Span, Usage } from '../handles.ts'
import type { Limits } from '../policy/policy.ts'
import { ALLOWLISTED_SYSTEM, ALLOWLISTED_TRANSIENT, PREFIX, PROTOCOL_PEER, SERVICE_PEER, SYSTEM } from '../resources/counters.ts'
import { checkLimits, LimitTable } from '../resources/limits.ts'
import { type Level, memoryBlocked, mergeLimits, NOWHERE, type Scope } from '../resources/scope.ts'
import { Account } from './account.ts'
import type { Subject } from './denials.ts'
import type { Engine } from './engine.ts'
import { checkName } from './names.ts'

/** Finds or makes the scope of a selector; undefined for a prefix that is no prefix of a level. */
export function findScope(engine: Engine, selector: ScopeSelector): Scope | undefined {
  const { graph } = engine
  switch (selector.scope) {
    case 'peer':
      checkName('key', selector.key)
      return graph.peer(selector.key)
    case 'service':
      checkName('key', selector.key)
      return graph.service(selector.key)
    case 'protocol':
      checkName('key', selector.key)
      return graph.protocol(selector.key)
    case 'servicePeer':
      checkName('key', selector.key)
      checkName('peer', selector.peer)
      return graph.servicePeer(graph.peer(selector.peer), graph.service(selector.key))
    case 'protocolPeer':
      checkName('key', selector.key)
      checkName('peer', selector.peer)
      return graph.protocolPeer(graph.peer(selector.peer), graph.protocol(selector.key))
    case 'prefix':
      return engine.prefixes.find(selector.key)
    case 'system':
    case 'transient':
    case 'allowlistedSystem':
    case 'allowlistedTransient':
      return graph[selector.scope]
    default:
      throw new MisuseError(`no such scope: ${String((selector as { scope: unknown }).scope)}.`, { selector })
  }
}

/** What a prefix scope is held to; a limit of anything else would do nothing. */
function checkPrefixLimits(limits: Partial<Limits>): void {
  for (const name of Object.keys(limits)) {
    if (name === 'connections' || name === 'streamsInbound' || name === 'memory') continue
    throw new MisuseError(`a prefix scope has no limit of ${name}; it has connections, streamsInbound and memory.`, { name })
  }
}

/** What is held through one view. */
class ViewAccount extends Account {
  readonly selector: ScopeSelector
  #scope: Scope
  /** Given on first use: a view that only looks needs none. */
  #id = 0

  constructor(engine: Engine, selector: ScopeSelector, scope: Scope) {
    super(engine, 0)
    this.selector = selector
    this.#scope = scope
  }

  get scope(): Scope {
    if (this.#scope.dead || this.#scope.peer?.dead === true) this.#scope = findScope(this.engine, this.selector) ?? this.#scope
    return this.#scope
  }

  /** The scope above that direct use is charged to as well. */
  get above(): Scope {
    const { graph } = this.engine
    const kind = this.#scope.kind
    if (kind === ALLOWLISTED_TRANSIENT) return graph.allowlistedSystem
    return kind === SYSTEM || kind === ALLOWLISTED_SYSTEM || kind === SERVICE_PEER || kind === PROTOCOL_PEER ? NOWHERE : graph.system
  }

  get kind(): number {
    return this.#scope.kind
  }

  get name(): string {
    return this.scope.name
  }

  get reference(): string {
    if (this.#id === 0) {
      this.#id = this.engine.nextViewId()
      this.engine.record({ v: 'view', t: this.engine.now(), o: this.selector })
    }
    return `v${this.#id}`
  }

  get limits(): LimitTable {
    return this.scope.limits
  }

  get subject(): Subject | undefined {
    return undefined
  }

  fits(bytes: number, priority: MemoryPriority): boolean {
    return !memoryBlocked(this.scope, bytes, priority) && !memoryBlocked(this.above, bytes, priority)
  }

  charge(bytes: number): void {
    const { scope, above } = this
    this.bytes += bytes
    scope.direct += bytes
    scope.memory += bytes
    above.memory += bytes
  }

  level(index: number): Level | undefined {
    if (index === 0) return this.scope
    return index === 1 ? this.above : undefined
  }
}

export class ViewHandle implements ScopeView {
  readonly #account: ViewAccount

  constructor(engine: Engine, selector: ScopeSelector, scope: Scope) {
    this.#account = new ViewAccount(engine, selector, scope)
  }

  get name(): string {
    return this.#account.name
  }

  get scopeClass(): ScopeClass {
    return this.#account.scope.scopeClass
  }

  get usage(): Usage {
    return this.#account.scope.usage
  }

  get limits(): Limits {
    return this.#account.scope.limits.source
  }

  get memory(): MemoryAccount {
    return this.#account
  }

  openSpan(): Decision<Span> {
    return this.#account.openSpan()
  }

  setLimits(limits: Partial<Limits>): void {
    checkLimits(limits)
    const { scope, engine, selector } = this.#account
    if (scope.kind === PREFIX) checkPrefixLimits(limits)
    if (engine.onInput !== undefined) engine.record({ v: 'limits', t: engine.tick(), o: selector, l: limits })
    scope.sticky = true
    scope.limits = new LimitTable(mergeLimits(scope.limits.source, limits), undefined, scope.limits.pendingSource)
  }
}
