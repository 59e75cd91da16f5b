/** What the engine's tests share: a clock under their control, a seeded generator, a governor that logs its events. */

import type { TestContext } from 'node:test'
import {
  type Clock,
  createGovernor,
  type Governor,
  type GovernorEvent,
  type GovernorInit,
  type PolicyInput,
  type RecordedInput,
} from '@sluice/core'
import fc from 'fast-check'

export class TestClock implements Clock {
  nowMs = 1_700_000_000_000

  now(): number {
    return this.nowMs
  }

  pass(ms: number): void {
    this.nowMs += ms
  }
}

/** mulberry32: small, seeded, good enough to spread hashes. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface Rig {
  readonly governor: Governor
  readonly clock: TestClock
  readonly events: GovernorEvent[]
  readonly inputs: RecordedInput[]
}

export function rig(policy: PolicyInput = {}, init: Partial<GovernorInit> & { readonly recorded?: boolean } = {}): Rig {
  const clock = new TestClock()
  const events: GovernorEvent[] = []
  const inputs: RecordedInput[] = []
  const { recorded, ...rest } = init
  const onInput = recorded === true ? { onInput: (input: RecordedInput) => inputs.push(input) } : {}
  const governor = createGovernor({ policy, clock, random: seeded(1), onEvent: event => events.push(event), ...onInput, ...rest })
  return { governor, clock, events, inputs }
}

/** The handle of an admitted decision; fails the test on a denial. */
export function taken<H>(
  decision: { readonly allow: true; readonly handle: H } | { readonly allow: false; readonly denial: { readonly message: string } },
): H {
  if (!decision.allow) throw new Error(`refused: ${decision.denial.message}`)
  return decision.handle
}

/** Runs a fast-check property with a seed that is printed, so that any failure can be run again: `SLUICE_SEED=… node --test …`. */
export function holds<T>(t: TestContext, property: fc.IPropertyWithHooks<T> | fc.IProperty<T>, numRuns = 200): void {
  const given = process.env.SLUICE_SEED
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  t.diagnostic(`seed ${seed}`)
  fc.assert(property, { seed, numRuns })
}
