/**
 * go-libp2p's limit files (kubo's `libp2p-resource-limit-overrides.json` is one): read into the `limits` of a policy, and written from them.
 *
 * Values: absent or `default`, `unlimited` (-1), `blockAll` (-2, or an explicit 0), or a number; memory also as a decimal string, which is how it is written. Keys match whatever their case, as in go.
 * What a policy cannot hold (keys go does not know either, and numbers above 2^53-1, which a policy reads as unlimited) is kept as text and written back.
 * Source: go-libp2p `p2p/host/resource-manager/limit_defaults.go` (`LimitVal`, `PartialLimitConfig`).
 */

import { SluiceError } from '../errors.ts'
import type { Limit, Limits, PolicyInput, ScopeLimits } from '../policy/policy.ts'
import { type JsonNode, JsonProblem, lineAndColumn, readJson } from './json.ts'

/** Part of a file that a policy cannot hold. */
export interface KeptJson {
  /** Keys down to it, as written. */
  readonly path: readonly string[]
  /** JSON text. */
  readonly raw: string
}

export interface GoLimits {
  /** For `policy.limits`. */
  readonly limits: NonNullable<PolicyInput['limits']>
  readonly kept: readonly KeptJson[]
}

type ClassName = Exclude<keyof ScopeLimits, MapName>
type MapName = 'services' | 'servicePeers' | 'protocols' | 'protocolPeers' | 'peers'

/** go's name of each scope, in the order go writes them, and ours. */
const SCOPES: readonly (readonly [string, ClassName | MapName])[] = [
  ['System', 'system'],
  ['Transient', 'transient'],
  ['AllowlistedSystem', 'allowlistedSystem'],
  ['AllowlistedTransient', 'allowlistedTransient'],
  ['ServiceDefault', 'serviceDefault'],
  ['Service', 'services'],
  ['ServicePeerDefault', 'servicePeerDefault'],
  ['ServicePeer', 'servicePeers'],
  ['ProtocolDefault', 'protocolDefault'],
  ['Protocol', 'protocols'],
  ['ProtocolPeerDefault', 'protocolPeerDefault'],
  ['ProtocolPeer', 'protocolPeers'],
  ['PeerDefault', 'peerDefault'],
  ['Peer', 'peers'],
  ['Conn', 'connection'],
  ['Stream', 'stream'],
]

const MAPS: ReadonlySet<string> = new Set(['services', 'servicePeers', 'protocols', 'protocolPeers', 'peers'])

const LIMITS: readonly (readonly [string, keyof Limits])[] = [
  ['Streams', 'streams'],
  ['StreamsInbound', 'streamsInbound'],
  ['StreamsOutbound', 'streamsOutbound'],
  ['Conns', 'connections'],
  ['ConnsInbound', 'connectionsInbound'],
  ['ConnsOutbound', 'connectionsOutbound'],
  ['FD', 'fileDescriptors'],
  ['Memory', 'memory'],
]

function byLowerCase<T>(rows: readonly (readonly [string, T])[]): ReadonlyMap<string, T> {
  return new Map(rows.map(([name, ours]) => [name.toLowerCase(), ours]))
}

const SCOPE_OF = byLowerCase(SCOPES)
const LIMIT_OF = byLowerCase(LIMITS)

const VALUE_REMEDY = 'Write a number, "unlimited", "blockAll" or "default".'
const INT64_MAX = 2n ** 63n - 1n

/** Reads one file. */
class Import {
  readonly #text: string
  readonly kept: KeptJson[] = []

  constructor(text: string) {
    this.#text = text
  }

  fail(position: number, reason: string, remedy: string): never {
    const { line, column } = lineAndColumn(this.#text, position)
    throw new SluiceError('ERR_SLUICE_LIMITS_FILE', `Limits file, line ${line}, column ${column}: ${reason}. ${remedy}`, {
      line,
      column,
      reason,
      remedy,
    })
  }

  object(node: JsonNode, what: string): JsonNode {
    if (node.kind !== 'object') this.fail(node.start, `${what} must be an object, found ${node.kind}`, 'Write { … }.')
    return node
  }

  file(): Record<string, unknown> {
    const root = readJson(this.#text)
    if (root instanceof JsonProblem) this.fail(root.position, root.reason, 'The file must be one JSON object.')
    return this.#known(root, 'the file', SCOPE_OF, [], (scope, value, path) => {
      if (!MAPS.has(scope)) return this.#limits(value, path)
      const members = this.object(value, path.join('.')).members
      return Object.fromEntries(members.map(({ key, value: entry }) => [key, this.#limits(entry, [...path, key])]))
    })
  }

  /** The members of an object under our names; what is not known is kept. */
  #known<T extends string>(
    node: JsonNode,
    what: string,
    names: ReadonlyMap<string, T>,
    path: readonly string[],
    read: (name: T, value: JsonNode, path: readonly string[]) => unknown,
  ): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    for (const { key, keyStart, value } of this.object(node, what).members) {
      const name = names.get(key.toLowerCase())
      if (name === undefined) {
        this.kept.push({ path: [...path, key], raw: this.#text.slice(value.start, value.end) })
        continue
      }
      if (Object.hasOwn(out, name)) this.fail(keyStart, `${key} stands twice, in different case`, 'Keep one of them.')
      const found = read(name, value, [...path, key])
      if (found !== undefined) out[name] = found
    }
    return out
  }

  #limits(node: JsonNode, path: readonly string[]): Record<string, unknown> {
    return this.#known(node, path.join('.'), LIMIT_OF, path, (name, value, at) => this.#limit(name, value, at))
  }

  /** undefined: the default. */
  #limit(name: keyof Limits, node: JsonNode, path: readonly string[]): Limit | undefined {
    const { kind, text } = node
    const isText = kind === 'string'
    if (isText && text === 'default') return undefined
    if (isText && text === 'unlimited') return 'unlimited'
    if (isText && text === 'blockAll') return 'block'
    const isNumber = kind === 'number' || (isText && name === 'memory')
    if (!isNumber || !/^[+-]?[0-9]{1,19}$/.test(text)) {
      this.fail(
        node.start,
        `${path.at(-1)} must be a whole number, found ${this.#text.slice(node.start, Math.min(node.end, node.start + 40))}`,
        VALUE_REMEDY,
      )
    }
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
    if (value === -1n) return 'unlimited'
    if (value === -2n || value === 0n) return 'block'
    if (value < 0n) this.fail(node.start, `${path.at(-1)} is negative`, VALUE_REMEDY)
    if (value > INT64_MAX) this.fail(node.start, `${path.at(-1)} is above 2^63-1`, 'Write "unlimited".')
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
    this.kept.push({ path, raw: isText ? JSON.stringify(text) : text })
    return 'unlimited'
  }
}

/**
 * Reads a go-libp2p limit file.
 * @throws SluiceError `ERR_SLUICE_LIMITS_FILE` with `line`, `column`, `reason` and `remedy` of the first mistake
 */
export function importGoLimits(text: string): GoLimits {
  const reading = new Import(text)
  const limits = reading.file()
  return { limits: limits as GoLimits['limits'], kept: reading.kept }
}

/** Output under construction: an object in order, or JSON text. */
type Out = Map<string, Out> | string

function writeLimit(name: keyof Limits, value: unknown): string {
  if (value === 'unlimited') return '"unlimited"'
  if (value === 'block' || value === 0) return '"blockAll"'
  if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER) return '"unlimited"'
  return name === 'memory' ? `"${String(value)}"` : String(value)
}

function writeLimits(limits: object): Out {
  const out = new Map<string, Out>()
  const values = limits as Readonly<Record<string, unknown>>
  for (const [theirs, ours] of LIMITS) if (values[ours] !== undefined) out.set(theirs, writeLimit(ours, values[ours]))
  return out
}

/** Puts a kept part back, unless the policy has come to say something else there: only an `unlimited` gives way to the number it stood for. */
function restore(root: Map<string, Out>, { path, raw }: KeptJson): void {
  let at = root
  for (const key of path.slice(0, -1)) {
    const next = find(at, key)
    const inner = next === undefined ? undefined : at.get(next)
    if (typeof inner === 'string') return
    const made: Map<string, Out> = inner ?? new Map<string, Out>()
    if (inner === undefined) at.set(key, made)
    at = made
  }
  const last = path.at(-1) ?? ''
  const there = find(at, last)
  if (there === undefined && LIMIT_OF.has(last.toLowerCase()) && path.length > 1) return
  if (there === undefined || at.get(there) === '"unlimited"') at.set(there ?? last, raw)
}

/** The key of a map as it is spelled there: as given, else whatever its case. */
function find(map: ReadonlyMap<string, Out>, key: string): string | undefined {
  if (map.has(key)) return key
  const lower = key.toLowerCase()
  return SCOPE_OF.has(lower) || LIMIT_OF.has(lower) ? [...map.keys()].find(one => one.toLowerCase() === lower) : undefined
}

function render(out: Out, indent: string): string {
  if (typeof out === 'string') return out
  if (out.size === 0) return '{}'
  const inner = `${indent}  `
  const lines = Array.from(out, ([key, value]) => `${inner}${JSON.stringify(key)}: ${render(value, inner)}`)
  return `{\n${lines.join(',\n')}\n${indent}}`
}

/**
 * Writes a go-libp2p limit file: of a whole policy every value, of a partial one only what it says.
 * @param kept what `importGoLimits` could not represent. @default []
 */
export function exportGoLimits(limits: NonNullable<PolicyInput['limits']>, kept: readonly KeptJson[] = []): string {
  const root = new Map<string, Out>()
  const groups = limits as Readonly<Record<string, object | undefined>>
  for (const [theirs, ours] of SCOPES) {
    const group = groups[ours]
    if (group === undefined) continue
    const out: Out = MAPS.has(ours)
      ? new Map(Object.entries(group).map(([name, entry]) => [name, writeLimits(entry as object)]))
      : writeLimits(group)
    root.set(theirs, out)
  }
  for (const part of kept) restore(root, part)
  return `${render(root, '')}\n`
}
