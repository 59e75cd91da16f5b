/**
 * What `sluice up` says once it listens: addresses, what is enforced, what each transport can do, where the state is, and the flag that makes it public.
 * One function makes the data, one the text for people.
 */

import type { Limit, Policy, PrefixLimits, Rate, RateLevel } from '@sluice/core'
import type { Capabilities } from '@sluice/libp2p'
import type { AdminFace } from '../admin/face.ts'
import { bytes, table } from '../cli/output.ts'
import type { ProtectedNode } from '../node/create.ts'
import type { StatePaths } from '../state/directory.ts'

export interface StartReport {
  readonly version: string
  readonly peerId: string
  readonly mode: string
  readonly public: boolean
  readonly addresses: readonly string[]
  readonly stateDirectory: string
  readonly adminSocket: string
  readonly enforced: Readonly<Record<string, string>>
  readonly capabilities: readonly Capabilities[]
}

export function startReport(face: AdminFace, node: ProtectedNode, policy: Policy, paths: StatePaths): StartReport {
  const status = face.status()
  return {
    version: status.version,
    peerId: status.peerId,
    mode: status.mode,
    public: status.public,
    addresses: status.addresses,
    stateDirectory: paths.directory,
    adminSocket: paths.socket,
    enforced: enforced(policy),
    capabilities: node.services.sluice.capabilities,
  }
}

/** The narrow levels say what one peer or address may do; the prefixes above them follow the same pattern and would fill the screen. */
const RATE_LEVELS_SHOWN: readonly RateLevel[] = ['connection', 'peer', 'ip', 'node']

/** Limits and rates in words, by what they apply to. */
function enforced(policy: Policy): Record<string, string> {
  const { limits, prefixes, transports } = policy
  const { ipv4, ipv6 } = prefixes
  const rows: Record<string, string> = {
    memory: `${size(limits.system.memory)} of accounted bytes`,
    connections: `${limits.system.connectionsInbound} inbound, ${limits.system.connectionsOutbound} outbound, ${limits.transient.connections} half-open`,
    streams: `${limits.system.streamsInbound} inbound, ${limits.system.streamsOutbound} outbound`,
    'one peer': `${limits.peerDefault.connections} connections, ${limits.peerDefault.streams} streams, ${size(limits.peerDefault.memory)}`,
    'one IPv4 address': prefix(ipv4.ip),
    'IPv4 /24': prefix(ipv4['/24']),
    'IPv4 /16': prefix(ipv4['/16']),
    'one IPv6 /64': prefix(ipv6.ip),
    'IPv6 /56': prefix(ipv6['/56']),
    'IPv6 /48': prefix(ipv6['/48']),
    'IPv6 /32': prefix(ipv6['/32']),
    handshake: `${transports.upgradeDeadlineMs / 1000} s, down to ${transports.upgradeDeadlineMinMs / 1000} s when many are half-open`,
    'one stream': `${bytes(transports.streamReadBytesMax)} unread, ${bytes(transports.streamWriteBytesMax)} unsent, ${bytes(transports.negotiationBytesMax)} to agree on a protocol`,
  }
  for (const [kind, levels] of Object.entries(policy.rates)) {
    const parts = RATE_LEVELS_SHOWN.map(level => [level, levels[level]] as const).flatMap(([level, value]) =>
      value === undefined || value === 'unlimited' ? [] : [`${rate(value)} per ${level}`],
    )
    if (parts.length > 0) rows[`rate of ${kind}`] = parts.join('; ')
  }
  return rows
}

function prefix(limits: PrefixLimits): string {
  const arrivals = limits.rate === 'unlimited' ? 'any rate' : rate(limits.rate)
  return `${limits.connections} connections, ${limits.pending} half-open, new ones ${arrivals}`
}

function rate(value: Rate): string {
  return `${Number(value.perSecond.toPrecision(3))}/s burst ${value.burst}`
}

function size(limit: Limit): string {
  return typeof limit === 'number' ? bytes(limit) : limit
}

export function startText(report: StartReport): string {
  const indent = (text: string): string => text.replace(/^/gm, '  ')
  const how = report.mode === 'observe' ? 'Observed, not enforced (--mode observe)' : 'Enforced'
  const reach = report.public
    ? 'This node can be reached from outside (--public).'
    : 'Loopback only: nobody outside this machine can reach it. --public listens on all interfaces and announces.'
  return [
    `Sluice ${report.version}, peer ${report.peerId}`,
    '',
    'Listening on',
    indent(report.addresses.join('\n')),
    '',
    how,
    indent(table(Object.entries(report.enforced))),
    '',
    'What each transport and muxer can do',
    indent(
      table([
        ['', 'kind', 'flow', 'handshake', ''],
        ...report.capabilities.map(row => [row.name, row.kind, row.flow, row.handshake, row.note]),
      ]),
    ),
    '',
    `State in ${report.stateDirectory}; "sluice status --state ${report.stateDirectory}" asks this node.`,
    reach,
    'Ctrl-C drains and stops; a second one stops at once.',
  ].join('\n')
}
