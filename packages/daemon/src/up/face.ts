/**
 * The admin API's view of a running node. Everything is pulled when asked for; the sensors' window is the time since somebody last asked.
 */

import type { Ban, Clock, Governor } from '@sluice/core'
import type { NodeReport } from '@sluice/libp2p'
import type { Recorder, Sensors, StateStore } from '@sluice/runtime'
import type { AdminFace, Phase, StatusReport } from '../admin/face.ts'
import type { ProtectedNode } from '../node/create.ts'
import type { StatePaths } from '../state/directory.ts'
import { versions } from '../version.ts'
import type { Restored } from './bans.ts'
import { addBan, forgetBan } from './bans.ts'

export interface FaceInit {
  readonly node: ProtectedNode
  readonly governor: Governor
  readonly state: StateStore
  readonly recorder: Recorder | undefined
  readonly sensors: Sensors
  readonly clock: Clock
  readonly startedMs: number
  readonly paths: StatePaths
  readonly restored: Restored
  readonly public: boolean
  readonly phase: () => Phase
}

export function nodeFace(init: FaceInit): AdminFace {
  const { node, governor, state, clock, restored } = init
  const service = node.services.sluice
  const change = (who: string) => ({ service, state, restored, who, nowMs: clock.now() })
  const bans = (): Ban[] => governor.bans().map(ban => ({ ...ban, createdMs: restored.get(ban.target) ?? ban.createdMs }))
  return {
    phase: init.phase,
    status: () => status(init, service.resources(0)),
    resources: top => service.resources(top),
    explain: subject => service.explain(subject),
    bans,
    ban: (request, who) => addBan(change(who), request),
    unban(target, who) {
      // The engine stores a target in canonical form; which entry went tells us what to delete from the database.
      const before = governor.bans().map(ban => ban.target)
      if (!service.unban(target)) return false
      const after = new Set(governor.bans().map(ban => ban.target))
      forgetBan(change(who), before.find(entry => !after.has(entry)) ?? target)
      return true
    },
  }
}

function status(init: FaceInit, report: NodeReport): StatusReport {
  const { node, recorder, startedMs, paths } = init
  const { usage, limits } = report.system
  return {
    version: versions().sluice,
    phase: init.phase(),
    peerId: node.peerId.toString(),
    pid: process.pid,
    startedMs,
    uptimeMs: init.clock.now() - startedMs,
    mode: report.mode,
    public: init.public,
    stateDirectory: paths.directory,
    addresses: node.getMultiaddrs().map(address => address.toString()),
    connections: { inbound: usage.connectionsInbound, outbound: usage.connectionsOutbound, limit: limits.connections },
    streams: { inbound: usage.streamsInbound, outbound: usage.streamsOutbound, limit: limits.streams },
    memory: { used: usage.memory, limit: limits.memory },
    process: init.sensors.read(),
    denials: { total: sum(report.denials), byRule: sumBy(report.denials, denial => denial.rule) },
    cuts: { total: sum(report.cuts), byReason: sumBy(report.cuts, cut => cut.reason) },
    bans: report.bans,
    recording: recorder === undefined ? undefined : { path: recorder.path, ...recorder.stats },
  }
}

interface Counted {
  readonly count: number
}

function sum(rows: readonly Counted[]): number {
  return rows.reduce((total, { count }) => total + count, 0)
}

function sumBy<T extends Counted>(rows: readonly T[], keyOf: (row: T) => string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const row of rows) sums[keyOf(row)] = (sums[keyOf(row)] ?? 0) + row.count
  return sums
}
