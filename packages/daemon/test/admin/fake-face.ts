/** An admin face over a plain list of bans, for tests of the API itself. */

import type { Ban, Explanation, Limits, ScopeClass, ScopeReport, Usage } from '@sluice/core'
import { MisuseError } from '@sluice/core'
import type { NodeReport } from '@sluice/libp2p'
import type { AdminFace, Phase, StatusReport } from '../../src/admin/face.ts'

export const NO_USAGE: Usage = {
  streamsInbound: 0,
  streamsOutbound: 0,
  connectionsInbound: 0,
  connectionsOutbound: 0,
  connectionsPending: 0,
  fileDescriptors: 0,
  memory: 0,
}

export const UNLIMITED: Limits = {
  streams: 'unlimited',
  streamsInbound: 'unlimited',
  streamsOutbound: 'unlimited',
  connections: 'unlimited',
  connectionsInbound: 'unlimited',
  connectionsOutbound: 'unlimited',
  fileDescriptors: 'unlimited',
  memory: 'unlimited',
}

export function scope(name: string, scopeClass: ScopeClass, usage: Partial<Usage> = {}, limits: Partial<Limits> = {}): ScopeReport {
  return { name, scopeClass, usage: { ...NO_USAGE, ...usage }, limits: { ...UNLIMITED, ...limits } }
}

export function report(change: Partial<NodeReport> = {}): NodeReport {
  return {
    schemaVersion: 1,
    atMs: 0,
    mode: 'enforce',
    system: scope('system', 'system'),
    transient: scope('transient', 'transient'),
    allowlistedSystem: scope('allowlistedSystem', 'allowlistedSystem'),
    allowlistedTransient: scope('allowlistedTransient', 'allowlistedTransient'),
    services: [],
    protocols: [],
    peers: [],
    prefixes: [],
    counts: { connections: 0, streams: 0, peers: 0, prefixes: 0, spans: 0 },
    denials: [],
    cuts: [],
    bans: 0,
    ...change,
  }
}

export const STATUS: StatusReport = {
  version: '1.2.3',
  phase: 'ready',
  peerId: '12D3KooWTest',
  pid: 7,
  startedMs: 0,
  uptimeMs: 61_000,
  mode: 'enforce',
  public: false,
  stateDirectory: '/state',
  addresses: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWTest', '/ip4/127.0.0.1/tcp/4002/ws/p2p/12D3KooWTest'],
  connections: { inbound: 3, outbound: 1, limit: 100 },
  streams: { inbound: 5, outbound: 0, limit: 'unlimited' },
  memory: { used: 1_000_000, limit: 512_000_000 },
  process: {
    windowMs: 1000,
    loopDelayP50Ms: 0.1,
    loopDelayP99Ms: 2,
    loopDelayMaxMs: 5,
    rssBytes: 1e8,
    heapUsedBytes: 2e7,
    heapLimitBytes: 4e9,
    externalBytes: 1e6,
    cpuRatio: 0.25,
    fileDescriptorsOpen: 30,
  },
  denials: { total: 9, byRule: { 'rate.ping': 2, 'limit.prefix': 7 } },
  cuts: { total: 3, byReason: { 'malformed-frame': 1, memory: 2 } },
  bans: 1,
  recording: undefined,
}

export class FakeFace implements AdminFace {
  phaseNow: Phase = 'ready'
  readonly list: Ban[] = []
  readonly whos: string[] = []

  phase(): Phase {
    return this.phaseNow
  }
  status(): StatusReport {
    return STATUS
  }
  resources(top: number): NodeReport {
    return report({ counts: { connections: top, streams: 0, peers: 0, prefixes: 0, spans: 0 } })
  }
  explain(subject: string): Explanation {
    if (subject === 'throw') throw new Error('a defect')
    return { subject, kind: subject === 'nobody' ? 'unknown' : 'ip', rules: [], bans: [], denials: [] }
  }
  bans(): readonly Ban[] {
    return this.list
  }
  ban({ target, forMs = Number.POSITIVE_INFINITY, reason = '' }: { target: string; forMs?: number; reason?: string }, who: string): Ban {
    if (!/^[\w.:/]+$/.test(target)) throw new MisuseError(`${JSON.stringify(target)} is no address.`)
    const ban = { target, createdMs: 0, untilMs: forMs, reason }
    this.list.push(ban)
    this.whos.push(who)
    return ban
  }
  unban(target: string, who: string): boolean {
    this.whos.push(who)
    const index = this.list.findIndex(ban => ban.target === target)
    if (index >= 0) this.list.splice(index, 1)
    return index >= 0
  }
}
