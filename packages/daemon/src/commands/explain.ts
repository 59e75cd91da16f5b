/** `sluice explain`: which rules speak about a peer, an address, a prefix or a decision, and what would have to happen to be let in. */

import type { Explanation } from '@sluice/core'
import { AdminClient } from '../admin/client.ts'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'
import { print, printJson, printLines, table } from '../cli/output.ts'
import { STATE_FLAG, statePaths } from '../state/directory.ts'
import { until } from './ban.ts'
import type { Command, Invocation } from './command.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'why a peer, address or decision is refused or let in',
  arguments: [{ name: 'subject', text: 'peer id, IP, prefix, or the number of a decision' }],
  usesState: true,
  printsData: true,
  examples: ['sluice explain 192.0.2.7', 'sluice explain 12D3KooW…', 'sluice explain 214'],
  run,
}

async function run({ io, values, args, format }: Invocation): Promise<number> {
  const [subject = ''] = args
  const client = new AdminClient(statePaths(values.get(STATE_FLAG), io.env))
  const explanation = await client.get<Explanation>('/v1/explain', { subject })
  if (explanation.kind === 'unknown') {
    throw new CommandFailure(EXIT.notFound, `${JSON.stringify(subject)} is no peer id, IP, prefix or recent decision.`)
  }
  if (format === 'json') printJson(io, explanation)
  else if (format === 'ndjson') printLines(io, explanation.rules)
  else print(io, explanationText(explanation))
  return EXIT.ok
}

export function explanationText({ subject, kind, rules, bans, denials }: Explanation): string {
  const head = ['Rule', 'Scope', 'Resource', 'Current', 'Limit', 'Passes', 'Policy']
  const body = rules.map(rule => [
    rule.rule,
    rule.scope,
    rule.resource,
    String(rule.current),
    // JSON carries an unlimited number as null.
    rule.limit === null || !Number.isFinite(rule.limit) ? 'unlimited' : String(rule.limit),
    `${rule.passes ? 'yes' : 'no'}${rule.mode === 'observe' ? ' (observe)' : ''}`,
    rule.policyPath,
  ])
  const remedies = rules.flatMap(rule => (rule.remedy === undefined ? [] : [`${rule.rule}: ${rule.remedy}`]))
  const sections = [`${kind} ${subject}`]
  if (body.length > 0) sections.push(table([head, ...body], [3, 4]))
  if (remedies.length > 0) sections.push(remedies.join('\n'))
  if (bans.length > 0) sections.push(table(bans.map(ban => ['banned', ban.target, until(ban), ban.reason])))
  if (denials.length > 0)
    sections.push(table(denials.map(denial => [`decision ${denial.id}`, new Date(denial.atMs).toISOString(), denial.message])))
  return sections.join('\n\n')
}
