/**
 * What the engine pushes. Everything else is pulled, so that admitting stays cheap.
 */

import type { Denial } from './decision.ts'
import type { Mode } from './policy/policy.ts'
import type { Ban } from './reports.ts'

export type GovernorEvent =
  | {
      readonly type: 'denial'
      readonly atMs: number
      readonly mode: Mode
      readonly denial: Denial
      readonly peer: string | undefined
      readonly address: string | undefined
    }
  | { readonly type: 'ban'; readonly atMs: number; readonly ban: Ban }
  | { readonly type: 'unban'; readonly atMs: number; readonly target: string; readonly expired: boolean }
  | { readonly type: 'policy'; readonly atMs: number; readonly mode: Mode }
  /** The recorder threw and was let go; inputs are no longer recorded. */
  | { readonly type: 'recorder'; readonly atMs: number; readonly failed: string }
