/**
 * `sluice resources`: usage and limits of every scope, in the five columns of kubo's `ipfs swarm resources`, the fullest first; then what the
 * node cut off, by reason.
 */

import type { Limit, Limits, ResourceReport, ScopeReport, Usage } from '@sluice/core'
import type { CutCount, NodeReport } from '@sluice/libp2p'
import { AdminClient } from '../admin/client.ts'
import { TOP_DEFAULT, TOP_MAX } from '../admin/requests.ts'
import { EXIT } from '../cli/exit-codes.ts'
import type { Flag } from '../cli/flags.ts'
import { onOff, wholeNumber } from '../cli/flags.ts'
import { print, printJson, printLines, table, talk } from '../cli/output.ts'
import { STATE_FLAG, statePaths } from '../state/directory.ts'
import type { Command, Invocation } from './command.ts'

const ABOVE: Flag<number> = {
  name: 'above',
  value: '<percent>',
  text: 'only what is used to at least this percent',
  parse: wholeNumber(0, 1000),
  fallback: 0,
}
const TOP: Flag<number> = {
  name: 'top',
  value: '<n>',
  text: 'peers and prefixes to list',
  defaultText: String(TOP_DEFAULT),
  parse: wholeNumber(0, TOP_MAX),
  fallback: TOP_DEFAULT,
}
const ALL: Flag<boolean> = { name: 'all', text: 'unused scopes and limits too', parse: onOff, fallback: false }

export const resources: Command = {
  name: 'resources',
  summary: 'usage and limits of the running node, the fullest first',
  flags: [ABOVE, TOP, ALL],
  usesState: true,
  printsData: true,
  examples: ['sluice resources', 'sluice resources --above 80'],
  run,
}

/** kubo's names of the limits, and where usage and limit are in our report. */
const COLUMNS: readonly { readonly name: string; readonly limit: keyof Limits; readonly used: (usage: Usage) => number }[] = [
  { name: 'Conns', limit: 'connections', used: usage => usage.connectionsInbound + usage.connectionsOutbound },
  { name: 'ConnsInbound', limit: 'connectionsInbound', used: usage => usage.connectionsInbound },
  { name: 'ConnsOutbound', limit: 'connectionsOutbound', used: usage => usage.connectionsOutbound },
  { name: 'FD', limit: 'fileDescriptors', used: usage => usage.fileDescriptors },
  { name: 'Memory', limit: 'memory', used: usage => usage.memory },
  { name: 'Streams', limit: 'streams', used: usage => usage.streamsInbound + usage.streamsOutbound },
  { name: 'StreamsInbound', limit: 'streamsInbound', used: usage => usage.streamsInbound },
  { name: 'StreamsOutbound', limit: 'streamsOutbound', used: usage => usage.streamsOutbound },
]

export interface ResourceRow {
  readonly scope: string
  readonly limitName: string
  readonly limit: Limit
  readonly usage: number
  /** Undefined where there is no limit to relate to. */
  readonly percent: number | undefined
}

async function run({ io, values, format }: Invocation): Promise<number> {
  const client = new AdminClient(statePaths(values.get(STATE_FLAG), io.env))
  const report = await client.get<NodeReport>('/v1/resources', { top: String(values.get(TOP)) })
  const rows = resourceRows(report).filter(row => isShown(row, values.get(ABOVE), values.get(ALL)))
  if (format === 'json') printJson(io, report)
  else if (format === 'ndjson') printLines(io, rows)
  else if (rows.length === 0) talk(io, 'Nothing to show.')
  else print(io, resourceTable(rows))
  if (format === 'table' && report.cuts.length > 0 && values.get(ABOVE) === 0) print(io, `\n${cutTable(report.cuts)}`)
  return EXIT.ok
}

function isShown(row: ResourceRow, above: number, all: boolean): boolean {
  if (above > 0) return row.percent !== undefined && row.percent >= above
  return all || row.usage > 0 || (row.scope === 'system' && row.limit !== 'unlimited')
}

/** The fullest first; then by name, so that equal ones do not move about. */
export function resourceRows(report: ResourceReport): ResourceRow[] {
  const scopes = [
    report.system,
    report.transient,
    report.allowlistedSystem,
    report.allowlistedTransient,
    ...report.services,
    ...report.protocols,
    ...report.prefixes,
    ...report.peers,
  ]
  return scopes
    .flatMap(rowsOf)
    .sort((a, b) => (b.percent ?? -1) - (a.percent ?? -1) || compare(a.scope, b.scope) || compare(a.limitName, b.limitName))
}

function rowsOf(scope: ScopeReport): ResourceRow[] {
  return COLUMNS.map(column => {
    const usage = column.used(scope.usage)
    const limit = scope.limits[column.limit]
    return {
      scope: scope.name,
      limitName: column.name,
      limit,
      usage,
      percent: typeof limit === 'number' && limit > 0 ? (usage / limit) * 100 : undefined,
    }
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function resourceTable(rows: readonly ResourceRow[]): string {
  const head = ['Scope', 'Limit Name', 'Limit Value', 'Usage Amount', 'Usage Percent']
  const body = rows.map(row => [
    row.scope,
    row.limitName,
    String(row.limit),
    String(row.usage),
    row.percent === undefined ? 'n/a' : `${row.percent.toFixed(1)}%`,
  ])
  return table([head, ...body], [2, 3, 4])
}

export function cutTable(cuts: readonly CutCount[]): string {
  const body = cuts.map(({ reason, what, mode, count }) => [reason, what, mode, String(count)])
  return table([['Cut For', 'What', 'Mode', 'Times'], ...body], [3])
}
