/**
 * Makes denials of serving: counts them, words them, pushes them.
 */

import type { ServingDenial } from './denial.ts'
import type { ServingEvent } from './events.ts'
import type { Place } from './place.ts'

export type DenialFacts = Omit<ServingDenial, 'id' | 'message'>

export class ServingDenials {
  readonly #onEvent: ((event: ServingEvent) => void) | undefined
  #count: number

  constructor(onEvent: ((event: ServingEvent) => void) | undefined) {
    this.#onEvent = onEvent
    this.#count = 0
  }

  deny(atMs: number, place: Place, facts: DenialFacts): { readonly allow: false; readonly denial: ServingDenial } {
    const { rule, scope, resource, current, attempted, limit, retryAfterMs } = facts
    const numbers = resource === 'none' ? '' : `: ${Math.ceil(current)} and ${Math.ceil(attempted)} more of ${limit} ${resource}`
    const later = retryAfterMs === undefined ? '' : `, retry in ${Math.ceil(retryAfterMs / 1000)} s`
    const denial: ServingDenial = { ...facts, id: ++this.#count, message: `${rule} at ${JSON.stringify(scope)}${numbers}${later}` }
    this.#onEvent?.({ type: 'denial', atMs, place, denial })
    return { allow: false, denial }
  }
}
