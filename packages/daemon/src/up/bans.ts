/**
 * Bans outlive the process: put back into the engine at start, and each change written to the database with an audit row.
 */

import type { Ban } from '@sluice/core'
import type { StateStore } from '@sluice/runtime'
import type { Logger } from 'pino'
import type { BanRequest } from '../admin/face.ts'
import type { ProtectedNode } from '../node/create.ts'

type Service = ProtectedNode['services']['sluice']

/** When each restored ban was first made; the engine only knows when it was put back. At most `BANS_MAX` entries. */
export type Restored = Map<string, number>

/** A row the engine does not understand is told and kept; it must not keep the node from starting. */
export function restoreBans(service: Service, state: StateStore, nowMs: number, log: Logger): Restored {
  const restored: Restored = new Map()
  for (const ban of state.bans.load(nowMs)) {
    try {
      const { target } = service.ban(ban.target, { forMs: ban.untilMs - nowMs, reason: ban.reason })
      restored.set(target, ban.createdMs)
    } catch (error) {
      log.warn({ target: ban.target, error: error instanceof Error ? error.message : String(error) }, 'a stored ban is not in force')
    }
  }
  return restored
}

export interface BanChange {
  readonly service: Service
  readonly state: StateStore
  readonly restored: Restored
  readonly who: string
  readonly nowMs: number
}

export function addBan(change: BanChange, request: BanRequest): Ban {
  const { service, state, restored, who, nowMs } = change
  const ban = service.ban(request.target, {
    ...(request.forMs === undefined ? {} : { forMs: request.forMs }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
  })
  restored.delete(ban.target)
  state.bans.put(ban)
  state.audit.append({
    atMs: nowMs,
    who,
    action: 'ban',
    detail: { target: ban.target, untilMs: Number.isFinite(ban.untilMs) ? ban.untilMs : null, reason: ban.reason },
  })
  return ban
}

/** Forgets a ban that the engine has lifted. @param target in the engine's canonical form */
export function forgetBan(change: BanChange, target: string): void {
  const { state, restored, who, nowMs } = change
  restored.delete(target)
  state.bans.delete(target)
  state.audit.append({ atMs: nowMs, who, action: 'unban', detail: { target } })
}
