/**
 * Random verbs on a governor, from numbers: what the replay and observe properties drive it with. Covers lists, rates, prefixes, time, policies and limits, besides the handles.
 */

import type { Connection, Decision, Governor, PolicyInput, Span, Stream } from '@sluice/core'
import fc from 'fast-check'
import type { TestClock } from '../helpers.ts'

export type Op = readonly [verb: number, which: number, argument: number, amount: number]

/** A list of verbs; sizes spread over the whole range. */
export function ops(maxLength: number): fc.Arbitrary<Op[]> {
  return fc.array(fc.tuple(fc.nat(99), fc.nat(60), fc.nat(60), fc.nat(400)), { minLength: 1, maxLength, size: 'max' })
}

const ADDRESSES = [
  '/ip4/198.51.100.1/tcp/4001',
  '/ip4/198.51.100.2/udp/4001/quic-v1',
  '/ip4/198.51.100.3/tcp/4001/ws',
  '/ip6/2001:db8:1::1/tcp/4001',
  '/ip6/2001:db8:1:0:1::1/tcp/4001',
  '/ip4/127.0.0.1/tcp/4001',
  '/ip4/203.0.113.1/tcp/4001/p2p/QmRelayRelay/p2p-circuit',
  '/memory/1',
  'not an address',
] as const
const PEERS = ['QmPeerAPeerAPeerA', 'QmPeerBPeerBPeerB', 'QmPeerCPeerCPeerC'] as const

/** Small limits and slow rates, with something of everything. */
export const TIGHT: PolicyInput = {
  limits: {
    transient: { connections: 6, streams: 8, memory: 3000 },
    system: { connections: 10, streams: 16, memory: 6000 },
    allowlistedSystem: { connections: 3, streams: 3, memory: 2000 },
    peerDefault: { connections: 4, streams: 8, memory: 2500 },
    protocolDefault: { streams: 5 },
    services: { x: { streams: 2 } },
  },
  prefixes: {
    ipv4: { ip: { connections: 3, pending: 2, streams: 3, rate: { perSecond: 1, burst: 4 } } },
    networks: [{ network: '198.51.100.3/32', connections: 5 }],
    relay: { connections: 2 },
  },
  rates: {
    'stream-open': { peer: { perSecond: 2, burst: 6 }, ip: { perSecond: 5, burst: 20 } },
    ping: { connection: { perSecond: 1, burst: 3 } },
  },
  gate: { allow: ['/ip4/198.51.100.2/p2p/QmPeerAPeerAPeerA'], deny: ['2001:db8:1:0:1::/80'] },
  costs: { connection: 100, stream: 20 },
}

/** What a verb came to, as plain data. */
export type Outcome = { readonly allow: boolean; readonly denial?: unknown; readonly would?: unknown }

function outcome(decision: Decision<unknown>): Outcome {
  if (!decision.allow) return { allow: false, denial: JSON.parse(JSON.stringify(decision.denial)) }
  return decision.would === undefined ? { allow: true } : { allow: true, would: JSON.parse(JSON.stringify(decision.would)) }
}

export class Driver {
  readonly outcomes: Outcome[] = []
  readonly connections: Connection[] = []
  readonly streams: Stream[] = []
  readonly spans: Span[] = []
  readonly #governor: Governor
  readonly #clock: TestClock
  readonly #changesPolicy: boolean

  constructor(governor: Governor, clock: TestClock, changesPolicy = true) {
    this.#governor = governor
    this.#clock = clock
    this.#changesPolicy = changesPolicy
  }

  run(list: readonly Op[]): this {
    for (const op of list) this.#step(op)
    return this
  }

  #note<H>(decision: Decision<H>, kept?: H[]): void {
    this.outcomes.push(outcome(decision))
    if (decision.allow && kept !== undefined) kept.push(decision.handle)
  }

  #step(op: Op): void {
    const [verb] = op
    if (verb < 30) this.#connect(op)
    else if (verb < 60) this.#stream(op)
    else if (verb < 85) this.#memory(op)
    else if (this.#changesPolicy) this.#operate(op)
    else this.#clock.pass(op[3])
  }

  #connect([verb, which, argument, amount]: Op): void {
    const governor = this.#governor
    if (verb < 14) {
      const address = ADDRESSES[argument % ADDRESSES.length] ?? ''
      this.#note(governor.openConnection(address, amount % 5 === 0 ? 'outbound' : 'inbound'), this.connections)
      return
    }
    const connection = this.connections[which % Math.max(1, this.connections.length)]
    if (connection === undefined) return
    if (verb < 24) this.#note(connection.setPeer(PEERS[argument % PEERS.length] ?? ''))
    else if (verb < 27) connection.release()
    else this.#note(connection.spend(argument % 2 === 0 ? 'ping' : 'unknown-kind', 1 + (amount % 3)))
  }

  #stream([verb, which, argument, amount]: Op): void {
    const connection = this.connections[which % Math.max(1, this.connections.length)]
    if (verb < 42) {
      if (connection !== undefined) this.#note(connection.openStream(amount % 4 === 0 ? 'outbound' : 'inbound'), this.streams)
      return
    }
    const stream = this.streams[which % Math.max(1, this.streams.length)]
    if (stream === undefined) return
    if (verb < 50) this.#note(stream.setProtocol(`/p/${argument % 3}`))
    else if (verb < 55) this.#note(stream.setService(argument % 2 === 0 ? 'x' : 'y'))
    else stream.release()
  }

  #memory([verb, which, argument, amount]: Op): void {
    const holders = [...this.connections, ...this.streams, ...this.spans]
    const holder = holders[which % Math.max(1, holders.length)]
    if (holder === undefined) return
    const priority = (['low', 'medium', 'high', 'always'] as const)[argument % 4] ?? 'always'
    if (verb < 70) this.#note(holder.memory.reserve(amount, priority))
    else if (verb < 75) holder.memory.free(amount)
    else if (verb < 77) this.outcomes.push({ allow: holder.memory.force(amount) })
    else if (verb < 80) this.#note(holder.openSpan(), this.spans)
    else this.spans[which % Math.max(1, this.spans.length)]?.release()
  }

  #operate([verb, which, argument, amount]: Op): void {
    const governor = this.#governor
    const peer = PEERS[argument % PEERS.length] ?? ''
    if (verb < 91) this.#clock.pass(amount * 10)
    else if (verb < 92) governor.advance()
    else if (verb < 93) governor.ban(which % 2 === 0 ? peer : '198.51.100.1', { forMs: 1 + amount })
    else if (verb < 94) governor.unban(peer)
    else if (verb < 95) governor.allow('198.51.100.0/24')
    else if (verb < 96) governor.disallow('198.51.100.0/24')
    else if (verb < 97) this.#note(governor.spend('stream-open', ADDRESSES[argument % ADDRESSES.length] ?? '', 1 + (amount % 4)))
    else if (verb < 98) governor.setPolicy({ ...TIGHT, costs: { connection: amount, stream: 10 } })
    else if (verb < 99) governor.view({ scope: 'peer', key: peer })?.setLimits({ streams: 1 + (amount % 9) })
    else this.#note(governor.view({ scope: 'service', key: 'x' })?.memory.reserve(amount) ?? { allow: true, handle: undefined })
  }
}
