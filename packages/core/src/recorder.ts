/**
 * Recorded inputs: everything that, with the policy, clock readings and seed, determines the decisions. One JSON object a line (NDJSON).
 * Keys are short because there is a line per verb; `c` and `s` are the ids of connection and stream handles. `o` names any holder of bytes: `c7` a connection, `s9` a stream,
 * `p2` a span, `v1` a view. Ids count attempts, so the n-th `open` line is connection n, the n-th `stream` line stream n, the n-th `span` line span n, the n-th `view` line view n.
 *
 * Writing the lines to a bounded, rotated file is the runtime's work; a sink that throws is let go with a `recorder` event.
 */

import type { ScopeSelector } from './handles.ts'
import type { Limits, Mode, PolicyInput } from './policy/policy.ts'

export type RecordedInput =
  /** `m`: memory in bytes and file descriptors of the machine; given once, first. */
  | { readonly v: 'policy'; readonly t: number; readonly policy: PolicyInput; readonly m?: readonly [number, number] }
  | { readonly v: 'open'; readonly t: number; readonly a: string; readonly d: 'i' | 'o'; readonly x?: string }
  | { readonly v: 'peer'; readonly t: number; readonly c: number; readonly p: string }
  | { readonly v: 'stream'; readonly t: number; readonly c: number; readonly d: 'i' | 'o' }
  | { readonly v: 'protocol'; readonly t: number; readonly s: number; readonly n: string }
  | { readonly v: 'service'; readonly t: number; readonly s: number; readonly n: string }
  | { readonly v: 'spend'; readonly t: number; readonly c?: number; readonly a?: string; readonly k: string; readonly n: number }
  | { readonly v: 'reserve' | 'force' | 'free'; readonly t: number; readonly o: string; readonly n: number; readonly p?: string }
  /** A view that is used for the first time; views count up from 1. */
  | { readonly v: 'view'; readonly t: number; readonly o: ScopeSelector }
  | { readonly v: 'span'; readonly t: number; readonly o: string }
  | { readonly v: 'release'; readonly t: number; readonly o: string }
  | { readonly v: 'ban'; readonly t: number; readonly a: string; readonly ms: number; readonly why: string }
  | { readonly v: 'unban' | 'allow' | 'disallow' | 'verify'; readonly t: number; readonly a: string }
  | { readonly v: 'limits'; readonly t: number; readonly o: ScopeSelector; readonly l: Partial<Limits> }
  | { readonly v: 'mode'; readonly t: number; readonly m: Mode }
  | { readonly v: 'advance'; readonly t: number }
