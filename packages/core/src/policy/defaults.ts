/**
 * The policy that is in force where nothing was written: the table's defaults, scaled by the machine and the two knobs. Precedence: policy, knobs, autoscale, default.
 *
 * `memory` picks the point on go's line at which the system scope has that much memory; streams and memory of all scopes follow, those of prefixes included. `connections` does the same for connections, and
 * multiplies the limits of prefixes, which are meant for 256. Multiplied down, a prefix limit keeps at least 4 (or its base where that is less), and its rate is never lowered:
 * a small node still meets households.
 */

import {
  autoscale,
  BUILT_IN,
  type Point,
  pointFor,
  prefixStreams,
  SCALING,
  type Scale,
  type ScaledClass,
  type ScaledLimits,
  scaleLimits,
} from '../resources/scaling.ts'
import { CONNECTIONS_BASE, FIELDS, PREFIX_STREAM_PEERS } from './fields.ts'
import type { Limit, Limits, Rate } from './policy.ts'

/** What the engine may know of the machine (or its cgroup). */
export interface Machine {
  readonly memoryBytes: number
  readonly fileDescriptors: number
}

/** Assumed when nobody says: 1 GiB and 1024 descriptors, the soft limit of most Unix systems. */
export const MACHINE_DEFAULT: Machine = { memoryBytes: 2 ** 30, fileDescriptors: 1024 }

/** The two knobs, as written; absent ones are autoscaled. */
export interface Knobs {
  readonly memory?: number | undefined
  readonly connections?: number | undefined
}

/** The knobs in force. */
export interface ResolvedKnobs {
  readonly memory: number
  readonly connections: number
}

/** The knobs after autoscaling, and where they read go's line. */
export interface Sizing extends ResolvedKnobs {
  readonly scale: Scale
}

function systemPoint(name: 'memory' | 'connectionsInbound', wanted: number): Point {
  const [base, increase] = SCALING.system[name]
  return pointFor(wanted, base, increase)
}

export function sizeFor(knobs: Knobs, machine: Machine): Sizing {
  const auto = autoscale(machine)
  const system = scaleLimits(SCALING.system, auto)
  const memory = knobs.memory ?? system.memory
  const connections = knobs.connections ?? Math.max(CONNECTIONS_BASE, system.connectionsInbound)
  return {
    memory,
    connections,
    scale: {
      memory: knobs.memory === undefined ? auto.memory : systemPoint('memory', memory),
      connections: systemPoint('connectionsInbound', connections),
      fileDescriptors: auto.fileDescriptors,
    },
  }
}

/** A number as a limit: 0 means nothing at all, beyond 2^53-1 it cannot be counted exactly and means unlimited. */
export function toLimit(value: number): Limit {
  if (value > Number.MAX_SAFE_INTEGER) return 'unlimited'
  return value === 0 ? 'block' : value
}

/** Limits of one class at a sizing. */
export function classLimits(scopeClass: ScaledClass, sizing: Sizing): Limits {
  const limits = mapLimits(scaleLimits(SCALING[scopeClass], sizing.scale))
  if (scopeClass === 'system' || scopeClass === 'allowlistedSystem') {
    return { ...limits, memory: toLimit(sizing.memory), connectionsInbound: toLimit(sizing.connections) }
  }
  // go never charges streams to their connection, so its 0 there means nothing; where they are charged it must not forbid them.
  return scopeClass === 'connection'
    ? { ...limits, streams: 'unlimited', streamsInbound: 'unlimited', streamsOutbound: 'unlimited' }
    : limits
}

function mapLimits(numbers: Readonly<Record<keyof Limits, number>>): Limits {
  return {
    streams: toLimit(numbers.streams),
    streamsInbound: toLimit(numbers.streamsInbound),
    streamsOutbound: toLimit(numbers.streamsOutbound),
    connections: toLimit(numbers.connections),
    connectionsInbound: toLimit(numbers.connectionsInbound),
    connectionsOutbound: toLimit(numbers.connectionsOutbound),
    fileDescriptors: toLimit(numbers.fileDescriptors),
    memory: toLimit(numbers.memory),
  }
}

function builtIn(rows: Readonly<Record<string, ScaledLimits>>, scale: Scale): Record<string, Partial<Limits>> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, row]) => {
      const { streams, streamsInbound, streamsOutbound, memory } = mapLimits(scaleLimits(row, scale))
      return [name, { streams, streamsInbound, streamsOutbound, memory }]
    }),
  )
}

/** Smallest limit of a prefix after scaling down, where its base is not smaller still. */
const PREFIX_LIMIT_MIN = 4

function scalePrefix(value: unknown, connections: number): unknown {
  const factor = connections / CONNECTIONS_BASE
  if (typeof value === 'number') return Math.max(Math.min(value, PREFIX_LIMIT_MIN), Math.round(value * factor))
  const { perSecond, burst } = value as Rate
  const up = Math.max(1, factor)
  return { perSecond: perSecond * up, burst: Math.round(burst * up) }
}

/** A policy under construction: nested records, written by path. */
export interface Tree {
  [key: string]: unknown
}

/** Writes `value` at a path, making the records on the way. Keys come from the table or were checked. */
export function plant(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree
  for (let i = 0; i < path.length - 1; i++) {
    const key = path[i] ?? ''
    const next = Object.hasOwn(node, key) ? (node[key] as Tree) : {}
    node[key] = next
    node = next
  }
  node[path.at(-1) ?? ''] = value
}

/** The whole default policy at a sizing, as a tree of fresh objects. */
export function defaultTree(sizing: Sizing): Tree {
  const tree: Tree = {}
  for (const field of FIELDS) {
    if (field.default === undefined) continue
    const value = field.scale === 'connections' ? scalePrefix(field.default, sizing.connections) : field.default
    plant(tree, field.path.split('.'), value)
  }
  for (const [path, peers] of PREFIX_STREAM_PEERS) {
    plant(tree, ['prefixes', ...path.split('.'), 'streams'], toLimit(prefixStreams(peers, sizing.scale)))
  }
  tree.memory = sizing.memory
  tree.connections = sizing.connections
  tree.rules = {}
  const scopes = Object.keys(SCALING) as ScaledClass[]
  for (const name of scopes) plant(tree, ['limits', name], { ...classLimits(name, sizing) })
  for (const [group, rows] of Object.entries(BUILT_IN)) plant(tree, ['limits', group], builtIn(rows, sizing.scale))
  plant(tree, ['limits', 'peers'], {})
  return tree
}
