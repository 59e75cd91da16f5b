/**
 * Why bulk service was refused: the same shape as any denial, with the rules and quantities of serving.
 */

export type ServingRule =
  /** Would wait, or has waited, past the bound; or the queue is full. */
  | 'serving.queue'
  /** No room for another session. */
  | 'serving.sessions'
  /** Too many held requests. */
  | 'serving.held'
  /** Made room for somebody worth more, or for memory. */
  | 'serving.shed'
  /** Bulk service is refused to this principal for a while. */
  | 'serving.cooldown'
  /** The budget gives nothing before the bound. */
  | 'serving.budget'
  /** Held a slot past its turn without reaching a message boundary. */
  | 'serving.turn'
  | 'handle.released'

export interface ServingDenial {
  /** Counts up from 1 over the life of a room. */
  readonly id: number
  readonly rule: ServingRule
  /** `system`, `prefix:…`, `ip:…` or `peer:…`. */
  readonly scope: string
  readonly resource: 'sessions' | 'requests' | 'waitMs' | 'turnMs' | 'none'
  /** In units of the resource; `current + attempted > limit`. 0 for `none`. */
  readonly current: number
  readonly attempted: number
  readonly limit: number
  /** Milliseconds until the same request could pass, as far as known. */
  readonly retryAfterMs?: number
  /** One English sentence with rule, scope and numbers. */
  readonly message: string
}

export type ServingDecision<H = void> =
  | { readonly allow: true; readonly handle: H }
  | { readonly allow: false; readonly denial: ServingDenial }
