/** `sluice ban add|rm|ls`: refuse somebody until a time. Bans are kept in the database and outlive the process. */

import type { Ban } from '@sluice/core'
import { AdminClient } from '../admin/client.ts'
import { EXIT } from '../cli/exit-codes.ts'
import type { Flag } from '../cli/flags.ts'
import { duration, text } from '../cli/flags.ts'
import { print, printJson, printLines, table, talk } from '../cli/output.ts'
import { STATE_FLAG, statePaths } from '../state/directory.ts'
import type { Command, Invocation } from './command.ts'

const TARGET = { name: 'target', text: 'IP, CIDR, multiaddr prefix or peer id' }
const FOR: Flag<number | undefined> = {
  name: 'for',
  value: '<duration>',
  text: 'e.g. 90s, 15m, 4h, 7d',
  defaultText: 'for good',
  parse: duration,
  fallback: undefined,
}
const REASON: Flag<string | undefined> = {
  name: 'reason',
  value: '<text>',
  text: 'shown in listings and logs',
  parse: text,
  fallback: undefined,
}

export const banAdd: Command = {
  name: 'ban add',
  summary: 'refuse somebody, and close what is open',
  arguments: [TARGET],
  flags: [FOR, REASON],
  usesState: true,
  printsData: true,
  examples: ['sluice ban add 192.0.2.0/24 --for 4h --reason "stream flood"'],
  async run(invocation) {
    const { values, args } = invocation
    const forMs = values.get(FOR)
    const reason = values.get(REASON)
    const { ban } = await clientOf(invocation).post<{ ban: StoredBan }>('/v1/ban', {
      target: args[0],
      ...(forMs === undefined ? {} : { forMs }),
      ...(reason === undefined ? {} : { reason }),
    })
    show(invocation, [ban], ban)
    return EXIT.ok
  },
}

export const banRemove: Command = {
  name: 'ban rm',
  summary: 'lift a ban',
  arguments: [TARGET],
  usesState: true,
  async run(invocation) {
    const target = invocation.args[0]
    await clientOf(invocation).post('/v1/unban', { target })
    talk(invocation.io, `The ban on ${target} is lifted.`)
    return EXIT.ok
  },
}

export const banList: Command = {
  name: 'ban ls',
  summary: 'the bans in force',
  usesState: true,
  printsData: true,
  async run(invocation) {
    const { bans } = await clientOf(invocation).get<{ bans: readonly StoredBan[] }>('/v1/bans')
    if (bans.length === 0 && invocation.format === 'table') talk(invocation.io, 'Nobody is banned.')
    else show(invocation, bans, { bans })
    return EXIT.ok
  },
}

/** As JSON carries it: null for good. */
type StoredBan = Omit<Ban, 'untilMs'> & { readonly untilMs: number | null }

function clientOf({ io, values }: Invocation): AdminClient {
  return new AdminClient(statePaths(values.get(STATE_FLAG), io.env))
}

function show({ io, format }: Invocation, bans: readonly StoredBan[], document: object): void {
  if (format === 'json') printJson(io, document)
  else if (format === 'ndjson') printLines(io, bans)
  else
    print(
      io,
      table([
        ['Target', 'Since', 'Until', 'Reason'],
        ...bans.map(ban => [ban.target, new Date(ban.createdMs).toISOString(), until(ban), ban.reason]),
      ]),
    )
}

export function until({ untilMs }: { readonly untilMs: number | null }): string {
  return untilMs === null || !Number.isFinite(untilMs) ? 'for good' : new Date(untilMs).toISOString()
}
