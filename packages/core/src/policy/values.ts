/**
 * One policy value of each type: from a number or text to what the engine uses, or a problem with its remedy.
 */

import type { PolicyProblem } from '../errors.ts'
import { formatNetwork, parseEntry, parseNetwork } from '../gate/entries.ts'
import { ENTRIES_PER_NETWORK_MAX, GateRules } from '../gate/rules.ts'
import { type Tree, toLimit } from './defaults.ts'
import { type Field, POLICY_ENTRIES_MAX } from './fields.ts'
import type { Limit, Rate } from './policy.ts'
import { formatSize, type Parsed, parseCount, parseDecimal, parseDuration, parseSize, quote } from './size.ts'
import { suggest } from './suggest.ts'

type Report = (message: string, remedy: string, inner?: string) => undefined

/** The normalised value, or undefined after reporting why not. `path` is where it stands. */
export function readValue(field: Field, value: unknown, path: string, problems: PolicyProblem[]): unknown {
  const report: Report = (message, remedy, inner = '') => {
    problems.push({ path: path + inner, message, remedy })
    return undefined
  }
  switch (field.type) {
    case 'size':
      return readNumber(field, value, parseSize, report)
    case 'count':
      return readNumber(field, value, parseCount, report)
    case 'duration':
      return readNumber(field, value, parseDuration, report)
    case 'limit':
      return readLimit(value, parseCount, report)
    case 'sizeLimit':
      return readLimit(value, parseSize, report)
    case 'rate':
      return readRate(value, report)
    case 'choice':
      return readChoice(field.choices ?? [], value, report)
    case 'targets':
      return readTargets(value, report)
    case 'networks':
      return readNetworks(value, report)
  }
}

/** A value in a message: text quoted and cut, plain values as they are, the rest by kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a group of values' : `a ${typeof value}`
}

/** A non-negative whole number, from a number or text. */
function readWhole(value: unknown, parse: (text: string) => Parsed, report: Report, inner = ''): number | undefined {
  if (typeof value === 'string') {
    const parsed = parse(value)
    return parsed.ok ? parsed.value : report(parsed.why, parsed.remedy, inner)
  }
  if (typeof value !== 'number') return report(`expected a number, found ${show(value)}.`, 'Write a whole number.', inner)
  if (Number.isNaN(value)) return report('NaN is not a number.', 'Write a whole number.', inner)
  if (value < 0) return report(`${value} is negative.`, 'Use 0 or more; `unlimited` where there should be no limit.', inner)
  if (value <= Number.MAX_SAFE_INTEGER && !Number.isInteger(value))
    return report(`${value} is not a whole number.`, `Use ${Math.floor(value)} or ${Math.ceil(value)}.`, inner)
  return value
}

function readNumber(field: Field, value: unknown, parse: (text: string) => Parsed, report: Report): number | undefined {
  const number = readWhole(value, parse, report)
  if (number === undefined) return undefined
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = field
  const text = field.type === 'size' ? formatSize : String
  if (number < min) return report(`${show(value)} is below the least, ${text(min)}.`, `Use ${text(min)} or more.`)
  if (number > max) return report(`${show(value)} is above the most, ${text(max)}.`, `Use ${text(max)} or less.`)
  return number
}

function readLimit(value: unknown, parse: (text: string) => Parsed, report: Report, inner = ''): Limit | undefined {
  if (value === 'unlimited' || value === 'block') return value
  if (typeof value === 'string' && /^[A-Za-z]/.test(value)) {
    const near = value === 'blockAll' ? 'block' : suggest(value, ['unlimited', 'block'])
    const remedy = near === undefined ? 'Write a whole number, `unlimited` or `block`.' : `Did you mean ${near}?`
    return report(`${show(value)} is not a limit.`, remedy, inner)
  }
  const number = readWhole(value, parse, report, inner)
  return number === undefined ? undefined : toLimit(number)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Highest sustained rate and burst: beyond a million events a second nothing is limited, and times would no longer be exact. */
const RATE_MAX = 1e6

const RATE_REMEDY = "Write { perSecond: 10, burst: 50 } or 'unlimited'."

function readRate(value: unknown, report: Report, inner = ''): Partial<Rate> | 'unlimited' | undefined {
  if (value === 'unlimited') return value
  if (!isRecord(value)) return report(`expected a rate, found ${show(value)}.`, RATE_REMEDY, inner)
  const rate: { perSecond?: number; burst?: number } = {}
  let good = true
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue
    if (key !== 'perSecond' && key !== 'burst') {
      const near = suggest(key, ['perSecond', 'burst'])
      report('no such part of a rate.', near === undefined ? RATE_REMEDY : `Did you mean ${near}?`, `${inner}.${key}`)
      good = false
      continue
    }
    const number = readRatePart(key, value[key], report, `${inner}.${key}`)
    if (number === undefined) good = false
    else rate[key] = number
  }
  return good ? rate : undefined
}

function readRatePart(key: 'perSecond' | 'burst', value: unknown, report: Report, inner: string): number | undefined {
  let number: number | undefined
  if (key === 'burst') number = readWhole(value, parseCount, report, inner)
  else if (typeof value === 'string') {
    const parsed = parseDecimal(value)
    number = parsed.ok ? parsed.value : report(parsed.why, parsed.remedy, inner)
  } else if (typeof value === 'number' && value >= 0) number = value
  else return report(`expected events per second, 0 or more, found ${show(value)}.`, RATE_REMEDY, inner)
  if (number === undefined) return undefined
  if (number > RATE_MAX) return report(`${show(value)} is above the most, ${RATE_MAX}.`, "Write 'unlimited' for the whole rate.", inner)
  return number
}

function readChoice(choices: readonly string[], value: unknown, report: Report, inner = ''): string | undefined {
  if (typeof value === 'string' && choices.includes(value)) return value
  const near = typeof value === 'string' ? suggest(value, choices) : undefined
  return report(
    `${show(value)} is not one of ${choices.join(', ')}.`,
    near === undefined ? `Use one of ${choices.join(', ')}.` : `Did you mean ${near}?`,
    inner,
  )
}

/** Most problems reported of one list; the rest is counted. */
const LIST_PROBLEMS_MAX = 20

function readTargets(value: unknown, report: Report): readonly string[] | undefined {
  if (!Array.isArray(value)) return report(`expected a list, found ${show(value)}.`, "Write it like ['192.0.2.0/24', '/ip4/52.55'].")
  if (value.length > POLICY_ENTRIES_MAX) return report(`has ${value.length} entries.`, `At most ${POLICY_ENTRIES_MAX} are taken.`)
  const targets: string[] = []
  const rules = new GateRules()
  let bad = 0
  value.forEach((target: unknown, index) => {
    const entry = typeof target === 'string' ? parseEntry(target) : undefined
    if (entry?.ok === true) {
      targets.push(target as string)
      if (rules.add(entry) || rules.get(entry.text) !== undefined) return
    }
    if (bad++ >= LIST_PROBLEMS_MAX) return
    if (entry?.ok === true) {
      report(
        `${show(target)} is one too many.`,
        `At most ${ENTRIES_PER_NETWORK_MAX} entries with a port or peer on one network.`,
        `[${index}]`,
      )
      return
    }
    const why = entry === undefined ? 'expected text' : `${entry.reason}, at character ${entry.position + 1}`
    report(`${show(target)} does not parse: ${why}.`, 'Use an IP, a CIDR, a multiaddr prefix or a peer id.', `[${index}]`)
  })
  if (bad > LIST_PROBLEMS_MAX) report(`${bad - LIST_PROBLEMS_MAX} more entries do not parse.`, 'Mend those above first.')
  return bad === 0 ? targets : undefined
}

const NETWORK_KEYS: readonly string[] = ['network', 'per', 'connections', 'pending', 'streams', 'rate']

function readNetworks(value: unknown, report: Report): readonly Tree[] | undefined {
  if (!Array.isArray(value))
    return report(`expected a list, found ${show(value)}.`, "Write it like [{ network: '203.0.113.7/32', connections: 60 }].")
  if (value.length > POLICY_ENTRIES_MAX) return report(`has ${value.length} entries.`, `At most ${POLICY_ENTRIES_MAX} are taken.`)
  let good = true
  const watched: Report = (message, remedy, inner) => {
    good = false
    return report(message, remedy, inner)
  }
  const networks = value.map((one: unknown, index) => readNetwork(one, `[${index}]`, watched))
  const seen = new Map<unknown, number>()
  networks.forEach((one, index) => {
    if (one === undefined) return
    const earlier = seen.get(one.network)
    if (earlier !== undefined) watched(`${show(one.network)} is already entry ${earlier}.`, 'Keep one of them.', `[${index}].network`)
    seen.set(one.network, index)
  })
  return good ? (networks as readonly Tree[]) : undefined
}

function readNetwork(value: unknown, at: string, report: Report): Tree | undefined {
  if (!isRecord(value))
    return report(`expected a network, found ${show(value)}.`, "Write it like { network: '203.0.113.7/32', connections: 60 }.", at)
  const out: Tree = { per: 'network' }
  for (const key of Object.keys(value)) {
    const part = value[key]
    const inner = `${at}.${key}`
    if (part === undefined) continue
    if (key === 'network') out[key] = readCidr(part, report, inner)
    else if (key === 'per') out[key] = readChoice(['network', 'ip'], part, report, inner)
    else if (key === 'connections' || key === 'pending' || key === 'streams') out[key] = readLimit(part, parseCount, report, inner)
    else if (key === 'rate') out[key] = readWholeRate(part, report, inner)
    else {
      const near = suggest(key, NETWORK_KEYS)
      report('no such part of a network.', near === undefined ? `Known here: ${NETWORK_KEYS.join(', ')}.` : `Did you mean ${near}?`, inner)
    }
  }
  if (value.network === undefined) return report('network is missing.', "Give it as CIDR, e.g. '203.0.113.7/32'.", at)
  return out
}

function readWholeRate(value: unknown, report: Report, inner: string): Rate | 'unlimited' | undefined {
  const rate = readRate(value, report, inner)
  if (rate === undefined || rate === 'unlimited') return rate
  const { perSecond, burst } = rate
  if (perSecond === undefined || burst === undefined) return report('perSecond and burst are both needed here.', RATE_REMEDY, inner)
  return { perSecond, burst }
}

function readCidr(value: unknown, report: Report, inner: string): string | undefined {
  const parsed = typeof value === 'string' ? parseNetwork(value) : undefined
  if (parsed?.ok === true) return formatNetwork(parsed)
  const why = parsed === undefined ? 'expected text' : `${parsed.reason}, at character ${parsed.position + 1}`
  return report(`${show(value)} is not a network: ${why}.`, "Write it like '203.0.113.7/32' or '2001:db8::/48'.", inner)
}

/** go's connections per IP: a network that names more of them is taken for so many IPs. */
const CONNECTIONS_PER_IP = 8

/**
 * Fills what a network that names `connections` leaves out: `pending` as many (its peers may all come at once), and for every 8 connections the streams of an IP and go's rate of 0.2/s and burst 16.
 * @param ipStreams what the policy gives an IPv4 address
 */
export function completeNetwork(network: Tree, ipStreams: Limit): Tree {
  const connections = network.connections as Limit | undefined
  if (connections === undefined) return network
  const rate = typeof connections === 'number' ? { perSecond: connections / 40, burst: connections * 2 } : 'unlimited'
  const streams =
    typeof connections === 'number' && typeof ipStreams === 'number' ? ipStreams * Math.ceil(connections / CONNECTIONS_PER_IP) : 'unlimited'
  return { ...network, pending: network.pending ?? connections, streams: network.streams ?? streams, rate: network.rate ?? rate }
}
