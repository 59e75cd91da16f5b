/**
 * Recorded inputs: everything that, with the policy, clock readings and seed, determines the decisions. One JSON object a line (NDJSON).
 * Keys are short because there is a line per verb; `c` and `s` are the ids of connection and stream handles.
 */

import type { ScopeSelector } from './handles.ts'
import type { Limits, Mode, PolicyInput } from './policy/policy.ts'

export type RecordedInput =
  | { readonly v: 'policy'; readonly t: number; readonly policy: PolicyInput }
  | { readonly v: 'open'; readonly t: number; readonly a: string; readonly d: 'i' | 'o'; readonly x?: string }
  | { readonly v: 'peer'; readonly t: number; readonly c: number; readonly p: string }
  | { readonly v: 'stream'; readonly t: number; readonly c: number; readonly d: 'i' | 'o' }
  | { readonly v: 'protocol'; readonly t: number; readonly s: number; readonly n: string }
  | { readonly v: 'service'; readonly t: number; readonly s: number; readonly n: string }
  | { readonly v: 'spend'; readonly t: number; readonly c?: number; readonly a?: string; readonly k: string; readonly n: number }
  | { readonly v: 'reserve' | 'force' | 'free'; readonly t: number; readonly o: string; readonly n: number; readonly p?: string }
  | { readonly v: 'span'; readonly t: number; readonly o: string }
  | { readonly v: 'release'; readonly t: number; readonly o: string }
  | { readonly v: 'ban'; readonly t: number; readonly a: string; readonly ms: number; readonly why: string }
  | { readonly v: 'unban' | 'allow' | 'disallow' | 'verify'; readonly t: number; readonly a: string }
  | { readonly v: 'limits'; readonly t: number; readonly o: ScopeSelector; readonly l: Partial<Limits> }
  | { readonly v: 'mode'; readonly t: number; readonly m: Mode }
  | { readonly v: 'advance'; readonly t: number }
