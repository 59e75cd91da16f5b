/**
 * The value every acquire returns. A denial is never thrown: refusing is the common case under attack and must be cheaper than admitting.
 */

export type Direction = 'inbound' | 'outbound'

/** What is counted. `rate` stands for events over time, `none` for a list rule (deny, ban) that holds no quantity. */
export type Resource =
  | 'connections'
  | 'connectionsInbound'
  | 'connectionsOutbound'
  | 'connectionsPending'
  | 'streams'
  | 'streamsInbound'
  | 'streamsOutbound'
  | 'fileDescriptors'
  | 'memory'
  | 'rate'
  | 'none'

/** Classes of scope, the only ones that ever become a metric label. */
export type ScopeClass =
  | 'system'
  | 'transient'
  | 'allowlistedSystem'
  | 'allowlistedTransient'
  | 'prefix'
  | 'peer'
  | 'service'
  | 'servicePeer'
  | 'protocol'
  | 'protocolPeer'
  | 'connection'
  | 'stream'
  | 'span'

/**
 * The rule that refused: `gate.deny`, `gate.ban`, `limit.<scope class>`, `rate.<kind>`, or `handle.released` / `handle.state` for a verb on a handle
 * that can no longer, or not yet, take it. Each has its own mode under `policy.rules`.
 */
export type RuleName = 'gate.deny' | 'gate.ban' | `limit.${ScopeClass}` | `rate.${string}` | 'handle.released' | 'handle.state'

/**
 * Why something was refused, with true numbers: `current + attempted > limit` for limits. For memory, `limit` is the limit in force at the priority asked.
 * For rates, `limit` is the burst, `current` the tokens spent of it (rounded up), and `retryAfterMs` the exact wait.
 * For `gate.*` and `handle.*` the three numbers are 0.
 */
export interface Denial {
  /** Counts up from 1 over the life of a governor; `explain(id)` finds the recent ones. */
  readonly id: number
  readonly rule: RuleName
  /** Name of the scope or principal that refused, as go-libp2p spells scopes where it has them: `system`, `peer:12D3…`, `prefix:192.0.2.0/24`, `conn-7.stream-3`. */
  readonly scope: string
  readonly scopeClass: ScopeClass
  readonly resource: Resource
  readonly direction: Direction | undefined
  readonly current: number
  readonly attempted: number
  readonly limit: number
  /** Milliseconds until the same request could pass; absent where only a release can tell. */
  readonly retryAfterMs?: number
  /** One English sentence with rule, scope and numbers. Contains no unescaped peer-controlled text. */
  readonly message: string
}

/** `would` is set in `observe` mode: what `enforce` would have said. */
export type Decision<H = void> =
  | { readonly allow: true; readonly handle: H; readonly would?: Denial }
  | { readonly allow: false; readonly denial: Denial }

/** The admitted decision of a verb that returns no handle. */
export const ADMITTED: Decision = Object.freeze({ allow: true, handle: undefined })
