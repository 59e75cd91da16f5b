/**
 * What the parent and its children say to each other over IPC. Each child gets one `start`, then `mark` at the beginning of every phase and `report` at its end.
 */

import type { Announcement } from './guard.ts'
import type { Layout } from './layouts.ts'
import type { Target } from './row.ts'

export type Order =
  | { readonly type: 'start'; readonly role: 'server'; readonly target: Target; readonly layout: Layout }
  | { readonly type: 'start'; readonly role: 'honest'; readonly server: ServerAddress; readonly load: HonestLoad }
  | {
      readonly type: 'start'
      readonly role: 'attacker'
      readonly announcement: Announcement
      readonly scenario: string
      readonly layout: Layout
      readonly seed: number
    }
  | { readonly type: 'mark' }
  | { readonly type: 'report' }

export interface ServerAddress {
  readonly host: string
  readonly port: number
  readonly peerId: string
}

/** Honest load, the same in calm and under attack. */
export interface HonestLoad {
  readonly bulkBytesPerSecond: number
  readonly pingEveryMs: number
  readonly dialEveryMs: number
}

export type ServerAnswer =
  | { readonly type: 'ready'; readonly server: ServerAddress }
  | { readonly type: 'pulse' }
  | { readonly type: 'report'; readonly report: ServerReport }

export interface ServerReport {
  readonly loopDelayP99Ms: number
  /** Denials and cuts Sluice has counted since the server started; 0 on plain. */
  readonly denials: number
  /** The largest counts, as text, for people. */
  readonly denialsByRule: readonly string[]
  readonly uncaught: readonly string[]
}

export type HonestAnswer = { readonly type: 'ready' } | { readonly type: 'report'; readonly report: HonestReport }

export interface HonestReport {
  readonly pingP50Ms: number | null
  readonly pingP99Ms: number | null
  readonly bulkBytesPerSecond: number
  readonly dials: number
  readonly dialsAnswered: number
  /** What went wrong, most frequent first, at most 5. */
  readonly troubles: readonly string[]
}

export type AttackerAnswer =
  | { readonly type: 'ready' }
  | { readonly type: 'refused-target'; readonly reason: string }
  | { readonly type: 'cut'; readonly afterMs: number }
  | { readonly type: 'report'; readonly report: AttackerReport }

export interface AttackerReport {
  readonly connections: number
  /** Established connections the server ended. */
  readonly cut: number
  /** Connections the server did not let in. */
  readonly refused: number
  /** Streams of the attacker that the server reset. */
  readonly streamsReset: number
  readonly sentBytes: number
  readonly troubles: readonly string[]
}

export type Answer = ServerAnswer | HonestAnswer | AttackerAnswer
