/** `sluice status`: one screen about a running node. */

import { AdminClient } from '../admin/client.ts'
import type { StatusReport } from '../admin/face.ts'
import { EXIT } from '../cli/exit-codes.ts'
import { bytes, print, printJson, printLines, span, table } from '../cli/output.ts'
import { STATE_FLAG, statePaths } from '../state/directory.ts'
import type { Command, Invocation } from './command.ts'

/** Rules or reasons listed by name; the rest is in the total. */
const NAMES_SHOWN = 5

export const status: Command = {
  name: 'status',
  summary: 'how the running node is',
  usesState: true,
  printsData: true,
  examples: ['sluice status', 'sluice status --json'],
  run,
}

async function run({ io, values, format }: Invocation): Promise<number> {
  const report = await new AdminClient(statePaths(values.get(STATE_FLAG), io.env)).get<StatusReport>('/v1/status')
  if (format === 'json') printJson(io, report)
  else if (format === 'ndjson') printLines(io, [report])
  else print(io, table(statusRows(report)))
  return EXIT.ok
}

export function statusRows(report: StatusReport): string[][] {
  const { connections, streams, memory, process: health, denials, cuts, recording } = report
  const [address, ...others] = report.addresses
  return [
    ['node', `${report.phase}, ${report.mode}${report.public ? ', public' : ', loopback only'}`],
    ['peer', report.peerId],
    ['version', `${report.version}, process ${report.pid}, up ${span(report.uptimeMs)}`],
    ['listening', address ?? 'nowhere'],
    ...others.map(other => ['', other]),
    ['connections', `${connections.inbound} inbound, ${connections.outbound} outbound, limit ${connections.limit}`],
    ['streams', `${streams.inbound} inbound, ${streams.outbound} outbound, limit ${streams.limit}`],
    ['accounted', `${bytes(memory.used)} of ${typeof memory.limit === 'number' ? bytes(memory.limit) : memory.limit}`],
    [
      'process',
      `RSS ${bytes(health.rssBytes)}, heap ${bytes(health.heapUsedBytes)} of ${bytes(health.heapLimitBytes)}, ${health.fileDescriptorsOpen ?? '?'} files, CPU ${Math.round(health.cpuRatio * 100)} %`,
    ],
    [
      'event loop',
      `delay p50 ${health.loopDelayP50Ms.toFixed(1)} ms, p99 ${health.loopDelayP99Ms.toFixed(1)} ms, max ${health.loopDelayMaxMs.toFixed(1)} ms over ${span(health.windowMs)}`,
    ],
    ['denials', countsText(denials.total, denials.byRule)],
    ['cuts', countsText(cuts.total, cuts.byReason)],
    ['bans', String(report.bans)],
    ...(recording === undefined ? [] : [['recording', `${recording.path}, ${recording.written} inputs, ${recording.dropped} dropped`]]),
    ['state', report.stateDirectory],
  ]
}

function countsText(total: number, byName: Readonly<Record<string, number>>): string {
  const names = Object.entries(byName)
    .sort(([, a], [, b]) => b - a)
    .slice(0, NAMES_SHOWN)
    .map(([name, count]) => `${name} ${count}`)
  return [String(total), ...names].join(', ')
}
