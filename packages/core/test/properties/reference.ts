/**
 * The naive reference of the model test: a list of open leaves, and every usage recomputed from it by adding up, every decision by looking at each scope in order. Slow and obvious; it shares
 * no code with the engine. Memory is BigInt.
 */

export interface Amounts {
  streamsInbound: number
  streamsOutbound: number
  connectionsInbound: number
  connectionsOutbound: number
  connectionsPending: number
  fileDescriptors: number
  memory: bigint
}

export interface ReferenceLimits {
  readonly streams: number
  readonly streamsInbound: number
  readonly streamsOutbound: number
  readonly connections: number
  readonly connectionsInbound: number
  readonly connectionsOutbound: number
  readonly fileDescriptors: number
  readonly memory: number
  readonly pending?: number
}

export interface Refusal {
  readonly rule: string
  readonly scope: string
  readonly resource: string
  readonly current: number
  readonly attempted: number
  readonly limit: number
}

export interface Leaf {
  readonly kind: 'connection' | 'stream' | 'span'
  readonly id: number
  readonly name: string
  readonly owner: Leaf | undefined
  open: boolean
  inbound: boolean
  fileDescriptors: number
  /** Cost and bytes held through this leaf itself. */
  cost: bigint
  held: bigint
  prefixes: readonly string[]
  peer: string | undefined
  protocol: string | undefined
  service: string | undefined
}

const SHARES: Readonly<Record<string, bigint>> = { low: 101n, medium: 152n, high: 203n, always: 255n }

export class Reference {
  readonly leaves: Leaf[] = []
  readonly classes: Readonly<Record<string, ReferenceLimits>>
  readonly connectionCost: bigint
  readonly streamCost: bigint
  connectionIds = 0
  streamIds = 0
  spanIds = 0

  constructor(classes: Readonly<Record<string, ReferenceLimits>>, connectionCost: number, streamCost: number) {
    this.classes = classes
    this.connectionCost = BigInt(connectionCost)
    this.streamCost = BigInt(streamCost)
  }

  /** Bytes of a leaf and everything below it. */
  total(leaf: Leaf): bigint {
    let sum = leaf.cost + leaf.held
    for (const below of this.leaves) if (below.open && below.owner === leaf && below.kind === 'span') sum += this.total(below)
    return sum
  }

  /** The scopes a connection or stream is charged to, in the order of checks. */
  edges(leaf: Leaf): string[] {
    if (leaf.kind === 'connection') return leaf.peer === undefined ? ['transient', 'system'] : [`peer:${leaf.peer}`, 'system']
    const peer = leaf.owner?.peer
    const out: string[] = []
    if (peer !== undefined) out.push(`peer:${peer}`)
    if (leaf.protocol === undefined) out.push('transient')
    else if (peer !== undefined) out.push(`protocol:${leaf.protocol}.peer:${peer}`)
    if (leaf.service !== undefined && peer !== undefined) out.push(`service:${leaf.service}.peer:${peer}`)
    if (leaf.protocol !== undefined) out.push(`protocol:${leaf.protocol}`)
    if (leaf.service !== undefined) out.push(`service:${leaf.service}`)
    out.push('system')
    return out
  }

  usage(scope: string): Amounts {
    const sum = nothing()
    for (const leaf of this.leaves) {
      if (!leaf.open || leaf.kind === 'span') continue
      if (leaf.prefixes.includes(scope)) {
        if (leaf.kind === 'connection') {
          sum.connectionsInbound++
          if (leaf.peer === undefined) sum.connectionsPending++
        } else if (leaf.inbound) sum.streamsInbound++
        else sum.streamsOutbound++
      }
      if (!this.edges(leaf).includes(scope)) continue
      sum.memory += this.total(leaf)
      if (leaf.kind === 'connection') {
        if (leaf.inbound) sum.connectionsInbound++
        else sum.connectionsOutbound++
        sum.fileDescriptors += leaf.fileDescriptors
      } else if (leaf.inbound) sum.streamsInbound++
      else sum.streamsOutbound++
    }
    return sum
  }

  limits(scope: string): ReferenceLimits {
    const found = this.classes[classOf(scope)]
    if (found === undefined) throw new Error(`no limits for ${scope}`)
    return found
  }

  /** Would the scope take it? Order: direction, total, descriptors, memory, streams. */
  refusal(scope: string, add: Partial<Amounts>): Refusal | undefined {
    const use = this.usage(scope)
    const limits = this.limits(scope)
    const rule = `limit.${classOf(scope)}`
    const over = (resource: string, current: number, attempted: number, limit: number): Refusal | undefined =>
      attempted > 0 && current + attempted > limit ? { rule, scope, resource, current, attempted, limit } : undefined
    const { connectionsInbound: ci = 0, connectionsOutbound: co = 0, streamsInbound: si = 0, streamsOutbound: so = 0 } = add
    if (classOf(scope) === 'prefix') {
      if (ci === 0) return over('streamsInbound', use.streamsInbound, si, limits.streamsInbound)
      return (
        over('connections', use.connectionsInbound, 1, limits.connections) ??
        over('connectionsPending', use.connectionsPending, 1, limits.pending ?? 0)
      )
    }
    return (
      over('connectionsInbound', use.connectionsInbound, ci, limits.connectionsInbound) ??
      over('connectionsOutbound', use.connectionsOutbound, co, limits.connectionsOutbound) ??
      over('connections', use.connectionsInbound + use.connectionsOutbound, ci + co, limits.connections) ??
      (ci + co === 0
        ? (over('streamsInbound', use.streamsInbound, si, limits.streamsInbound) ??
          over('streamsOutbound', use.streamsOutbound, so, limits.streamsOutbound) ??
          over('streams', use.streamsInbound + use.streamsOutbound, si + so, limits.streams))
        : undefined) ??
      over('fileDescriptors', use.fileDescriptors, add.fileDescriptors ?? 0, limits.fileDescriptors) ??
      this.memoryRefusal(scope, rule, use.memory, limits.memory, add.memory ?? 0n, 'always') ??
      over('streamsInbound', use.streamsInbound, si, limits.streamsInbound) ??
      over('streamsOutbound', use.streamsOutbound, so, limits.streamsOutbound) ??
      over('streams', use.streamsInbound + use.streamsOutbound, si + so, limits.streams)
    )
  }

  memoryRefusal(scope: string, rule: string, used: bigint, limit: number, bytes: bigint, priority: string): Refusal | undefined {
    const most = (BigInt(limit) * (1n + (SHARES[priority] ?? 0n))) / 256n
    if (used + bytes <= most) return undefined
    return { rule, scope, resource: 'memory', current: Number(used), attempted: Number(bytes), limit: Number(most) }
  }

  /** Reservation on a leaf: itself and its owners, then the scopes of the connection or stream at the root. */
  reserveRefusal(leaf: Leaf, bytes: bigint, priority: string): Refusal | undefined {
    let root = leaf
    const path: Leaf[] = [leaf]
    while (root.kind === 'span' && root.owner !== undefined) {
      root = root.owner
      path.push(root)
    }
    const limit = this.classes[root.kind]?.memory ?? 0
    for (const level of path) {
      const refused = this.memoryRefusal(level.name, `limit.${level.kind}`, this.total(level), limit, bytes, priority)
      if (refused !== undefined) return refused
    }
    for (const scope of this.edges(root)) {
      const refused = this.memoryRefusal(
        scope,
        `limit.${classOf(scope)}`,
        this.usage(scope).memory,
        this.limits(scope).memory,
        bytes,
        priority,
      )
      if (refused !== undefined) return refused
    }
    return undefined
  }

  close(leaf: Leaf): void {
    leaf.open = false
    for (const below of this.leaves) if (below.owner === leaf && below.open) this.close(below)
  }
}

export function nothing(): Amounts {
  return {
    streamsInbound: 0,
    streamsOutbound: 0,
    connectionsInbound: 0,
    connectionsOutbound: 0,
    connectionsPending: 0,
    fileDescriptors: 0,
    memory: 0n,
  }
}

export function classOf(scope: string): string {
  if (scope === 'system' || scope === 'transient') return scope
  const kind = scope.slice(0, scope.indexOf(':'))
  return scope.includes('.peer:') ? `${kind}Peer` : kind
}
