/**
 * A `PolicyInput` into a `Policy`: every key known, every value of its type and in its range, all problems reported at once, nothing applied unless all of it holds.
 * What is absent takes its default (`defaults.ts`); the result is complete and frozen.
 */

import { PolicyError, type PolicyProblem } from '../errors.ts'
import { defaultTree, type Knobs, MACHINE_DEFAULT, type Machine, plant, sizeFor, type Tree } from './defaults.ts'
import { FIELDS, type Field, POLICY_ENTRIES_MAX, RATE_KINDS_MAX } from './fields.ts'
import type { Limit, Policy, PolicyInput } from './policy.ts'
import { suggest } from './suggest.ts'
import { completeNetwork, isRecord, readValue, show } from './values.ts'

/** The table as a tree: a node is a field, or holds children; `*` stands for any key. */
interface Node {
  field?: Field
  readonly children: Map<string, Node>
}

const ROOT: Node = buildTree()

function buildTree(): Node {
  const root: Node = { children: new Map() }
  for (const field of FIELDS) {
    let node = root
    for (const key of field.path.split('.')) {
      let next = node.children.get(key)
      if (next === undefined) {
        next = { children: new Map() }
        node.children.set(key, next)
      }
      node = next
    }
    node.field = field
  }
  return root
}

/** One value that was written, checked and normalised. */
interface Given {
  readonly path: readonly string[]
  readonly field: Field
  readonly value: unknown
}

const SIMPLE_KEY = /^[A-Za-z0-9_-]+$|^\/[0-9]{1,2}$/

/** Dotted path as shown to people; keys that are not plain words are quoted: `limits.protocols["/ipfs/id/1.0.0"].streams`. */
export function formatPath(path: readonly string[]): string {
  let text = ''
  for (const key of path) {
    if (SIMPLE_KEY.test(key)) text += text === '' ? key : `.${key}`
    else text += `[${JSON.stringify(key.length > 96 ? `${key.slice(0, 96)}…` : key)}]`
  }
  return text
}

function walk(node: Node, value: unknown, path: readonly string[], given: Given[], problems: PolicyProblem[]): void {
  if (value === undefined) return
  if (node.field !== undefined) {
    const read = readValue(node.field, value, formatPath(path), problems)
    if (read !== undefined) given.push({ path, field: node.field, value: read })
    return
  }
  if (!isRecord(value)) {
    const message = `expected a group of values, found ${show(value)}.`
    problems.push({ path: formatPath(path) || 'policy', message, remedy: `Known here: ${shortList([...node.children.keys()])}.` })
    return
  }
  const keys = Object.keys(value)
  if (keys.length > POLICY_ENTRIES_MAX) {
    problems.push({ path: formatPath(path), message: `has ${keys.length} entries.`, remedy: `At most ${POLICY_ENTRIES_MAX} are taken.` })
    return
  }
  for (const key of keys) {
    const child = node.children.get(key) ?? (key === '__proto__' ? undefined : node.children.get('*'))
    if (child === undefined) problems.push(unknownKey(node, [...path, key], key))
    else walk(child, value[key], [...path, key], given, problems)
  }
}

function shortList(names: readonly string[]): string {
  const shown = names.filter(name => name !== '*')
  return shown.length > 12 ? `${shown.slice(0, 12).join(', ')}, …` : shown.join(', ')
}

function unknownKey(node: Node, path: readonly string[], key: string): PolicyProblem {
  const names = [...node.children.keys()].filter(name => name !== '*')
  const near = suggest(key, names)
  const remedy = near === undefined ? `Known here: ${shortList(names)}.` : `Did you mean ${near}?`
  return { path: formatPath(path), message: 'no such policy field.', remedy }
}

/** The value at a path of a tree, or undefined. */
function pick(tree: Tree, path: readonly string[]): unknown {
  let node: unknown = tree
  for (const key of path) {
    if (!isRecord(node) || !Object.hasOwn(node, key)) return undefined
    node = node[key]
  }
  return node
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}

function merge(tree: Tree, { path, field, value }: Given, problems: PolicyProblem[]): void {
  if (field.type !== 'rate' || !isRecord(value)) {
    plant(tree, path, value)
    return
  }
  const before = pick(tree, path)
  const whole = { ...(isRecord(before) ? before : {}), ...value }
  if (whole.perSecond === undefined || whole.burst === undefined) {
    const missing = whole.perSecond === undefined ? 'perSecond' : 'burst'
    problems.push({
      path: formatPath(path),
      message: `${missing} is missing, and there is no default to take it from.`,
      remedy: 'Give both, as in { perSecond: 10, burst: 50 }.',
    })
    return
  }
  plant(tree, path, { perSecond: whole.perSecond, burst: whole.burst })
}

/** Relations between fields: the lower may not exceed the upper. */
const AT_MOST: readonly (readonly [string, string, string])[] = [
  ['upgradeDeadlineMinMs', 'upgradeDeadlineMs', 'the deadline shrinks as the pending table fills'],
  ['yamuxFrameBytesMax', 'yamuxWindowBytesMax', 'a frame longer than the window is never legal'],
  ['yamuxWindowBytesMax', 'streamReadBytesMax', 'a paused stream still receives its window, and would be reset'],
]

function checkRelations(policy: Policy, given: readonly Given[], problems: PolicyProblem[]): void {
  const kinds = Object.keys(policy.rates).length
  if (kinds > RATE_KINDS_MAX) {
    problems.push({
      path: 'rates',
      message: `has ${kinds} kinds, the built-in ones included.`,
      remedy: `At most ${RATE_KINDS_MAX} are taken.`,
    })
  }
  const transports = policy.transports as unknown as Readonly<Record<string, number>>
  for (const [low, high, why] of AT_MOST) {
    const lower = transports[low] ?? 0
    const upper = transports[high] ?? 0
    if (lower <= upper) continue
    const written = given.some(g => g.path.at(-1) === low) ? low : high
    const remedy = `Set transports.${low} to at most transports.${high}.`
    problems.push({ path: `transports.${written}`, message: `${low} (${lower}) is above ${high} (${upper}); ${why}.`, remedy })
  }
}

/** What a policy came from: the parts `validatePolicy` and `policySources` share. */
export interface Reading {
  readonly policy: Policy
  readonly knobs: Knobs
  readonly written: ReadonlySet<string>
}

/** Reads a policy or throws `PolicyError` with every problem found. */
export function readPolicy(input: PolicyInput, machine: Machine = MACHINE_DEFAULT): Reading {
  const problems: PolicyProblem[] = []
  const given: Given[] = []
  walk(ROOT, input, [], given, problems)
  const knob = (name: string): number | undefined => given.find(g => g.path.length === 1 && g.path[0] === name)?.value as number | undefined
  const knobs: Knobs = { memory: knob('memory'), connections: knob('connections') }
  const tree = defaultTree(sizeFor(knobs, machine))
  for (const one of given) merge(tree, one, problems)
  const ipStreams = pick(tree, ['prefixes', 'ipv4', 'ip', 'streams']) as Limit
  const networks = pick(tree, ['prefixes', 'networks']) as readonly Tree[]
  plant(
    tree,
    ['prefixes', 'networks'],
    networks.map(network => completeNetwork(network, ipStreams)),
  )
  const policy = tree as unknown as Policy
  checkRelations(policy, given, problems)
  if (problems.length > 0) throw new PolicyError(problems)
  return { policy: freeze(structuredCopy(policy)), knobs, written: new Set(given.map(g => formatPath(g.path))) }
}

/** A deep copy of records, lists and plain values, so that freezing the result freezes neither the table nor what the caller holds. */
function structuredCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredCopy) as T
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, structuredCopy(inner)])) as T
}

/**
 * The complete policy of a partial one.
 * @param machine memory in bytes and file descriptors, for autoscaling. @default 1 GiB and 1024
 * @throws PolicyError with all problems: path, message and remedy of each.
 */
export function validatePolicy(input: PolicyInput, machine: Machine = MACHINE_DEFAULT): Policy {
  return readPolicy(input, machine).policy
}
