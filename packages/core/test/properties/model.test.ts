/**
 * The manager against the naive reference: random verbs on random handles; every decision, every number in every denial and every usage must be the same. Properties 1, 2, 3 and 8 of the design.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Connection, Decision, Handle, Limits, MemoryAccount, PolicyInput, ScopeSelector, Span, Stream, Usage } from '@sluice/core'
import fc from 'fast-check'
import { holds, rig } from '../helpers.ts'
import { classOf, type Leaf, Reference, type ReferenceLimits, type Refusal } from './reference.ts'

const ADDRESSES = ['198.51.100.1', '198.51.100.2', '198.51.7.1', '203.0.113.9'] as const
const PEERS = ['QmPeerA', 'QmPeerB', 'QmPeerC'] as const
const PROTOCOLS = ['/a/1', '/b/1'] as const
const SERVICES = ['x', 'y'] as const
const PRIORITIES = ['low', 'medium', 'high', 'always'] as const
const CONNECTION_COST = 100
const STREAM_COST = 10

function flat(connections: number, streams: number, memory: number, fileDescriptors = connections): ReferenceLimits {
  const most = { connections, connectionsInbound: connections - 1, connectionsOutbound: connections - 1, fileDescriptors, memory }
  return { ...most, streams, streamsInbound: streams - 1, streamsOutbound: streams - 1 }
}

/** Tight enough that every limit is met within a hundred verbs. */
const CLASSES: Readonly<Record<string, ReferenceLimits>> = {
  system: flat(9, 14, 4_000),
  transient: flat(4, 5, 1_500),
  peer: flat(4, 7, 1_700),
  protocol: flat(2, 5, 600),
  protocolPeer: flat(2, 4, 500),
  service: flat(2, 3, 300),
  servicePeer: flat(2, 3, 400),
  connection: { ...flat(3, 100, 800), connectionsInbound: 1, connectionsOutbound: 1 },
  stream: { ...flat(3, 3, 400), connections: 0 },
  prefix: { ...flat(4, 0, 0), streamsInbound: 4, pending: 3 },
}

function policyLimits(name: string): Limits {
  const { pending: _, ...limits } = CLASSES[name] ?? flat(1, 1, 1)
  return limits
}

const PREFIX = { connections: 4, pending: 3, streams: 4, rate: 'unlimited' } as const
const NO_LIMIT = { connections: 'unlimited', pending: 'unlimited', streams: 'unlimited', rate: 'unlimited' } as const

const POLICY: PolicyInput = {
  limits: {
    system: policyLimits('system'),
    transient: policyLimits('transient'),
    peerDefault: policyLimits('peer'),
    protocolDefault: policyLimits('protocol'),
    protocolPeerDefault: policyLimits('protocolPeer'),
    serviceDefault: policyLimits('service'),
    servicePeerDefault: policyLimits('servicePeer'),
    connection: policyLimits('connection'),
    stream: policyLimits('stream'),
  },
  prefixes: { ipv4: { ip: PREFIX, '/24': PREFIX, '/16': NO_LIMIT } },
  costs: { connection: CONNECTION_COST, stream: STREAM_COST },
}

/** Rules that refused something during the run: a model that meets no limit proves nothing. */
const MET: Set<string> = new Set()

type Op = readonly [verb: number, which: number, argument: number, amount: number]

/** Runs verbs on the governor and on the reference, side by side. */
class Pair {
  readonly governor = rig(POLICY).governor
  readonly reference = new Reference(CLASSES, CONNECTION_COST, STREAM_COST)
  readonly handles: Map<Leaf, Connection | Stream | Span> = new Map()
  forced = false

  pick(which: number, accepts: (leaf: Leaf) => boolean): Leaf | undefined {
    // Released handles now and then.
    const leaves = this.reference.leaves.filter(leaf => accepts(leaf) && (leaf.open || which % 8 === 0))
    return leaves[which % Math.max(1, leaves.length)]
  }

  compare(decision: Decision<unknown>, refusal: Refusal | undefined, verb: string): boolean {
    if (decision.allow) {
      assert.equal(refusal, undefined, `${verb} was admitted`)
      return true
    }
    const { rule, scope, resource, current, attempted, limit } = decision.denial
    assert.deepEqual({ rule, scope, resource, current, attempted, limit }, refusal, verb)
    MET.add(rule)
    if (rule === 'limit.prefix') MET.add(`${rule} of ${resource}`)
    assert.ok(current + attempted > limit, 'a denial carries true numbers')
    return false
  }

  step([verb, which, argument, amount]: Op): void {
    const peer = (): void => this.peer(which, argument)
    const stream = (): void => this.stream(which, amount)
    const protocol = (): void => this.protocol(which, argument)
    const service = (): void => this.service(which, argument)
    const reserve = (): void => this.reserve(which, argument, amount)
    const verbs = [
      () => this.open(argument, amount),
      ...[peer, peer, stream, stream, stream, protocol, protocol, protocol, service, service, reserve],
      () => this.free(which, amount),
      () => this.span(which),
      () => (argument % 8 === 0 ? this.force(which, amount) : this.release(which)),
    ]
    verbs[verb % verbs.length]?.()
  }

  open(argument: number, amount: number): void {
    const { reference } = this
    const ip = ADDRESSES[argument % ADDRESSES.length] ?? ''
    const inbound = amount % 3 !== 0
    const isQuic = amount % 5 === 0
    const id = ++reference.connectionIds
    const octets = ip.split('.')
    const prefixes = inbound ? [`prefix:${ip}/32`, `prefix:${octets[0]}.${octets[1]}.${octets[2]}.0/24`] : []
    const fileDescriptors = isQuic ? 0 : 1
    const add = {
      connectionsInbound: inbound ? 1 : 0,
      connectionsOutbound: inbound ? 0 : 1,
      fileDescriptors,
      memory: reference.connectionCost,
    }
    const refusal = [...prefixes, 'transient', 'system'].map(scope => reference.refusal(scope, add)).find(each => each !== undefined)
    const address = isQuic ? `/ip4/${ip}/udp/1/quic-v1` : `/ip4/${ip}/tcp/1`
    const decision = this.governor.openConnection(address, inbound ? 'inbound' : 'outbound')
    if (!this.compare(decision, refusal, 'openConnection') || !decision.allow) return
    const leaf: Leaf = {
      ...{ kind: 'connection', id, name: `conn-${id}`, owner: undefined, open: true, inbound, fileDescriptors },
      ...{ cost: reference.connectionCost, held: 0n, prefixes, peer: undefined, protocol: undefined, service: undefined },
    }
    reference.leaves.push(leaf)
    this.handles.set(leaf, decision.handle)
  }

  peer(which: number, argument: number): void {
    const leaf = this.pick(which, each => each.kind === 'connection')
    if (leaf === undefined) return
    const { reference } = this
    const peer = PEERS[argument % PEERS.length] ?? ''
    const decision = (this.handles.get(leaf) as Connection).setPeer(peer)
    if (this.stale(leaf, decision, leaf.peer !== undefined)) return
    const streams = reference.leaves.filter(each => each.open && each.kind === 'stream' && each.owner === leaf)
    const refusal = reference.refusal(`peer:${peer}`, {
      connectionsInbound: leaf.inbound ? 1 : 0,
      connectionsOutbound: leaf.inbound ? 0 : 1,
      fileDescriptors: leaf.fileDescriptors,
      memory: streams.reduce((sum, stream) => sum + reference.total(stream), reference.total(leaf)),
      streamsInbound: streams.filter(stream => stream.inbound).length,
      streamsOutbound: streams.filter(stream => !stream.inbound).length,
    })
    if (this.compare(decision, refusal, 'setPeer')) leaf.peer = peer
  }

  stream(which: number, amount: number): void {
    const owner = this.pick(which, each => each.kind === 'connection')
    if (owner === undefined) return
    const { reference } = this
    const inbound = amount % 2 === 0
    const id = ++reference.streamIds
    const decision = (this.handles.get(owner) as Connection).openStream(inbound ? 'inbound' : 'outbound')
    if (this.stale(owner, decision, false)) return
    const add = { streamsInbound: inbound ? 1 : 0, streamsOutbound: inbound ? 0 : 1, memory: reference.streamCost }
    const scopes = [...(owner.peer === undefined ? [] : [`peer:${owner.peer}`]), ...owner.prefixes, 'transient', 'system']
    const refusal = scopes.map(scope => reference.refusal(scope, add)).find(each => each !== undefined)
    if (!this.compare(decision, refusal, 'openStream') || !decision.allow) return
    const leaf: Leaf = {
      ...{ kind: 'stream', id, name: `${owner.name}.stream-${id}`, owner, open: true, inbound, fileDescriptors: 0 },
      ...{ cost: reference.streamCost, held: 0n, prefixes: owner.prefixes, peer: undefined, protocol: undefined, service: undefined },
    }
    reference.leaves.push(leaf)
    this.handles.set(leaf, decision.handle)
  }

  protocol(which: number, argument: number): void {
    const leaf = this.pick(which, each => each.kind === 'stream')
    if (leaf === undefined) return
    const name = PROTOCOLS[argument % PROTOCOLS.length] ?? ''
    const decision = (this.handles.get(leaf) as Stream).setProtocol(name)
    if (this.stale(leaf, decision, leaf.protocol !== undefined || leaf.owner?.peer === undefined)) return
    if (this.compare(decision, this.moveRefusal(leaf, `protocol:${name}`), 'setProtocol')) leaf.protocol = name
  }

  service(which: number, argument: number): void {
    const leaf = this.pick(which, each => each.kind === 'stream')
    if (leaf === undefined) return
    const name = SERVICES[argument % SERVICES.length] ?? ''
    const decision = (this.handles.get(leaf) as Stream).setService(name)
    if (this.stale(leaf, decision, leaf.protocol === undefined || leaf.service !== undefined)) return
    if (this.compare(decision, this.moveRefusal(leaf, `service:${name}`), 'setService')) leaf.service = name
  }

  moveRefusal(leaf: Leaf, scope: string): Refusal | undefined {
    const add = { streamsInbound: leaf.inbound ? 1 : 0, streamsOutbound: leaf.inbound ? 0 : 1, memory: this.reference.total(leaf) }
    const peer = leaf.owner?.peer
    const scopes = peer === undefined ? [scope] : [`${scope}.peer:${peer}`, scope]
    return scopes.map(each => this.reference.refusal(each, add)).find(each => each !== undefined)
  }

  reserve(which: number, argument: number, amount: number): void {
    const leaf = this.pick(which, () => true)
    if (leaf === undefined) return
    const priority = PRIORITIES[argument % 4] ?? 'always'
    const decision = this.account(leaf).reserve(amount, priority)
    if (this.stale(leaf, decision, false)) return
    const refusal = this.reference.reserveRefusal(leaf, BigInt(amount), priority)
    if (this.compare(decision, refusal, 'reserve')) leaf.held += BigInt(amount)
  }

  force(which: number, amount: number): void {
    const leaf = this.pick(which, each => each.open)
    if (leaf === undefined) return
    leaf.held += BigInt(amount)
    this.forced = true
    assert.equal(this.account(leaf).force(amount), this.reference.reserveRefusal(leaf, 0n, 'always') === undefined)
  }

  free(which: number, amount: number): void {
    const leaf = this.pick(which, () => true)
    if (leaf === undefined) return
    this.account(leaf).free(amount)
    if (!leaf.open) return
    leaf.held -= BigInt(amount) > leaf.held ? leaf.held : BigInt(amount)
    assert.equal(this.account(leaf).used, Number(leaf.held))
  }

  span(which: number): void {
    const owner = this.pick(which, () => true)
    const handle = owner === undefined ? undefined : this.handles.get(owner)
    if (owner === undefined || handle === undefined) return
    const id = ++this.reference.spanIds
    const decision = handle.openSpan()
    if (this.stale(owner, decision, false) || !decision.allow) return
    const leaf: Leaf = {
      ...{ kind: 'span', id, name: `${owner.name}.span-${id}`, owner, open: true, inbound: false, fileDescriptors: 0 },
      ...{ cost: 0n, held: 0n, prefixes: [], peer: undefined, protocol: undefined, service: undefined },
    }
    this.reference.leaves.push(leaf)
    this.handles.set(leaf, decision.handle)
  }

  release(which: number): void {
    const leaf = this.pick(which, () => true)
    if (leaf === undefined) return
    this.handles.get(leaf)?.release()
    this.reference.close(leaf)
  }

  account(leaf: Leaf): MemoryAccount {
    return (this.handles.get(leaf) as Connection).memory
  }

  /** A released handle admits nothing; nor does one in the wrong state. */
  stale(leaf: Leaf, decision: Decision<unknown>, wrongState: boolean): boolean {
    if (leaf.open && !wrongState) return false
    assert.ok(!decision.allow)
    assert.equal(decision.denial.rule, leaf.open ? 'handle.state' : 'handle.released')
    assert.equal(decision.denial.scope, leaf.name)
    return true
  }

  /** Every scope and every leaf holds what the reference adds up to. */
  check(): void {
    const { reference, governor } = this
    for (const scope of scopeNames()) {
      const expected = reference.usage(scope)
      const view = governor.view(selectorOf(scope))
      if (classOf(scope) === 'prefix' && view === undefined) {
        assert.deepEqual(expected, { ...reference.usage('none:'), memory: 0n }, scope)
        continue
      }
      assert.deepEqual({ ...view?.usage, memory: BigInt(view?.usage.memory ?? -1) }, expected, scope)
      if (!this.forced && classOf(scope) !== 'prefix') this.within(scope, view?.usage)
    }
    for (const [leaf, handle] of this.handles) {
      assert.equal((handle as Handle).open, leaf.open, leaf.name)
      assert.equal(handle.usage.memory, leaf.open ? Number(reference.total(leaf)) : 0, leaf.name)
    }
  }

  /** Property 2: never above the limit in force. */
  within(scope: string, usage: Usage | undefined): void {
    const limits = this.reference.limits(scope)
    assert.ok(usage !== undefined)
    assert.ok(usage.memory <= limits.memory, scope)
    assert.ok(usage.streamsInbound <= limits.streamsInbound && usage.streamsOutbound <= limits.streamsOutbound, scope)
    assert.ok(usage.streamsInbound + usage.streamsOutbound <= limits.streams, scope)
    assert.ok(usage.connectionsInbound <= limits.connectionsInbound && usage.connectionsOutbound <= limits.connectionsOutbound, scope)
    assert.ok(usage.connectionsInbound + usage.connectionsOutbound <= limits.connections, scope)
    assert.ok(usage.fileDescriptors <= limits.fileDescriptors, scope)
  }
}

function scopeNames(): string[] {
  const names = ['system', 'transient', ...ADDRESSES.map(ip => `prefix:${ip}/32`), 'prefix:198.51.100.0/24', 'prefix:203.0.113.0/24']
  for (const peer of PEERS) {
    names.push(`peer:${peer}`)
    for (const protocol of PROTOCOLS) names.push(`protocol:${protocol}.peer:${peer}`)
    for (const service of SERVICES) names.push(`service:${service}.peer:${peer}`)
  }
  return [...names, ...PROTOCOLS.map(name => `protocol:${name}`), ...SERVICES.map(name => `service:${name}`)]
}

function selectorOf(scope: string): ScopeSelector {
  const kind = classOf(scope)
  const rest = scope.slice(scope.indexOf(':') + 1)
  if (kind === 'protocolPeer' || kind === 'servicePeer') {
    const [key = '', peer = ''] = rest.split('.peer:')
    return { scope: kind, key, peer }
  }
  if (kind === 'system' || kind === 'transient') return { scope: kind }
  return { scope: kind as 'peer' | 'protocol' | 'service' | 'prefix', key: rest }
}

describe('the manager', () => {
  it('does what the naive reference does, verb by verb', t => {
    const op: fc.Arbitrary<Op> = fc.tuple(fc.nat(14), fc.nat(40), fc.nat(40), fc.nat(200))
    holds(
      t,
      fc.property(fc.array(op, { minLength: 1, maxLength: 250, size: 'max' }), ops => {
        const pair = new Pair()
        for (const [index, each] of ops.entries()) {
          pair.step(each)
          if (index % 10 === 0) pair.check()
        }
        pair.check()
        for (const [leaf, handle] of pair.handles) {
          handle.release()
          handle.release()
          pair.reference.close(leaf)
        }
        pair.check()
        const { system, transient, counts } = pair.governor.resources()
        assert.deepEqual(Object.values(system.usage).concat(Object.values(transient.usage)), new Array(14).fill(0))
        assert.deepEqual([counts.connections, counts.streams, counts.spans], [0, 0, 0])
      }),
      400,
    )
    assert.deepEqual(
      [...MET].sort(),
      Object.keys(CLASSES)
        .map(name => `limit.${name}`)
        .concat('limit.span', 'limit.prefix of connections', 'limit.prefix of connectionsPending', 'limit.prefix of streamsInbound')
        .sort(),
    )
  })
})
