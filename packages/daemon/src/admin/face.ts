/**
 * What the admin API shows and does, as an interface: the server knows HTTP, whoever implements this knows the node.
 */

import type { Ban, Explanation } from '@sluice/core'
import type { NodeReport } from '@sluice/libp2p'
import type { SensorReadings } from '@sluice/runtime'

export type Phase = 'starting' | 'ready' | 'draining'

export interface StatusReport {
  readonly version: string
  readonly phase: Phase
  readonly peerId: string
  readonly pid: number
  readonly startedMs: number
  readonly uptimeMs: number
  readonly mode: 'enforce' | 'observe'
  readonly public: boolean
  readonly stateDirectory: string
  /** Multiaddrs, each ending in /p2p/ID. */
  readonly addresses: readonly string[]
  readonly connections: { readonly inbound: number; readonly outbound: number; readonly limit: number | 'unlimited' | 'block' }
  readonly streams: { readonly inbound: number; readonly outbound: number; readonly limit: number | 'unlimited' | 'block' }
  /** Accounted bytes and their budget. */
  readonly memory: { readonly used: number; readonly limit: number | 'unlimited' | 'block' }
  readonly process: SensorReadings
  readonly denials: { readonly total: number; readonly byRule: Readonly<Record<string, number>> }
  /** Connections and streams ended for what the remote did on them. */
  readonly cuts: { readonly total: number; readonly byReason: Readonly<Record<string, number>> }
  readonly bans: number
  readonly recording: { readonly path: string; readonly written: number; readonly dropped: number } | undefined
}

export interface BanRequest {
  readonly target: string
  /** Milliseconds; absent: for good. */
  readonly forMs?: number
  readonly reason?: string
}

export interface AdminFace {
  phase(): Phase
  status(): StatusReport
  /** @param top how many peers and prefixes to list */
  resources(top: number): NodeReport
  explain(subject: string): Explanation
  bans(): readonly Ban[]
  /** Throws `MisuseError` for a target that does not parse. @param who for the audit row */
  ban(request: BanRequest, who: string): Ban
  /** True when there was one. */
  unban(target: string, who: string): boolean
}
