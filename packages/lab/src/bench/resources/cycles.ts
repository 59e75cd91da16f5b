/**
 * Our side of the benchmark `resources`: a governor with live peers, and the operations that are timed. The Go side is `interop/go/cmd/rcmgrbench`.
 *
 * Both sides have the same peers, addresses (parsed before, as a transport hands them over) and visiting order, and limits that are finite at every scope, so that every check is made. New connections are also held
 * to a number and a rate per address (ours: and per /24, and a number per /16), in force and out of reach. Ours runs as it ships, counters on. Rates of opening
 * streams are off, since go's manager has none; what they cost is the case `stream cycle with rates`.
 */

import {
  type Address,
  type Connection,
  createGovernor,
  type Decision,
  type Governor,
  type PolicyInput,
  parseAddress,
  type RateLevel,
  type Stream,
} from '@sluice/core'

export const PROTOCOL = '/sluice/bench/1.0.0'
export const SERVICE = 'bench'
export const RESERVE_BYTES = 4096

/** How many inbound streams a peer scope admits in the case `refusal`. */
const FULL_STREAMS = 8

const PEERS_MAX = 1_000_000

/** From how many addresses the peers of the case `connection cycle` come at least, so that no rate of one address is a million a second. */
const ADDRESSES_MIN = 64

/** The highest rate a policy takes; no address and no /24 of the benchmark reaches it. Go's own has a bucket per address and no wider one; a /16 here would reach it. */
const UNREACHED = { perSecond: 1_000_000, burst: 1_000_000 }

const RATE_LEVELS: readonly RateLevel[] = ['connection', 'peer', 'ip', '/24', '/16', '/56', '/48', '/32', 'node']

export type Operation = 'stream cycle' | 'connection cycle' | 'memory' | 'refusal'

interface LivePeer {
  readonly id: string
  readonly address: Address
  readonly connection: Connection
  /** An attached stream that stays open. */
  readonly stream: Stream
}

function policy(full: boolean, streamRates: boolean): PolicyInput {
  const wide = {
    streams: 2 ** 20,
    streamsInbound: 2 ** 20,
    streamsOutbound: 2 ** 20,
    connections: 2 ** 20,
    connectionsInbound: 2 ** 20,
    connectionsOutbound: 2 ** 20,
    fileDescriptors: 2 ** 20,
    memory: 2 ** 40,
  }
  const perPeer = {
    streams: 4096,
    streamsInbound: 4096,
    streamsOutbound: 4096,
    connections: 1024,
    connectionsInbound: 1024,
    connectionsOutbound: 1024,
    fileDescriptors: 1024,
    memory: 2 ** 32,
  }
  const prefix = { connections: 2 ** 20, pending: 2 ** 20, streams: 2 ** 20, rate: UNREACHED }
  const wider = { ...prefix, rate: 'unlimited' as const }
  const off = Object.fromEntries(RATE_LEVELS.map(level => [level, 'unlimited' as const]))
  const streamOpen = streamRates ? { ...off, connection: UNREACHED, peer: UNREACHED, ip: UNREACHED, '/24': UNREACHED } : off
  return {
    limits: {
      system: wide,
      transient: wide,
      allowlistedSystem: wide,
      allowlistedTransient: wide,
      serviceDefault: wide,
      servicePeerDefault: perPeer,
      protocolDefault: wide,
      protocolPeerDefault: perPeer,
      peerDefault: full ? { ...perPeer, streamsInbound: FULL_STREAMS } : perPeer,
    },
    prefixes: { ipv4: { ip: prefix, '/24': prefix, '/16': wider }, tableMax: 2 ** 20 },
    rates: { 'stream-open': streamOpen },
  }
}

export interface Variant {
  readonly full?: boolean
  readonly streamRates?: boolean
  readonly loopback?: boolean
}

/** A governor with that many live peers, each holding a connection and one attached stream (with `full`: all the streams its scope admits). */
export class ResourceBench {
  readonly governor: Governor
  /** The order in which the peers are visited. */
  readonly order: Uint32Array
  readonly #peers: LivePeer[] = []
  readonly #addresses: readonly Address[]
  #next = 0
  #cycles = 0

  /** @param count live peers, 1 to 1,000,000. @param full for the case `refusal`. @param streamRates whether opening a stream also spends rates, which go has none of. @param loopback addresses without limits of their own. */
  constructor(count: number, { full = false, streamRates = false, loopback = false }: Variant = {}) {
    if (!Number.isInteger(count) || count < 1 || count > PEERS_MAX) throw new RangeError(`peers must be 1 to ${PEERS_MAX}`)
    this.governor = createGovernor({
      policy: policy(full, streamRates),
      clock: { now: () => Date.now() }, // what protect() passes unless told otherwise
      random: Math.random,
      machine: { memoryBytes: 2 ** 40, fileDescriptors: 2 ** 20 },
    })
    this.order = visitingOrder(count)
    this.#addresses = Array.from({ length: Math.max(count, ADDRESSES_MIN) }, (_, index) =>
      parsed(`/ip4/${addressOf(index, loopback)}/tcp/4001`),
    )
    for (let index = 0; index < count; index++) this.#peers.push(this.#addPeer(index, full))
  }

  /** One operation, as often as wanted. Throws when a decision is not the one the case is about. */
  operation(name: Operation): () => void {
    switch (name) {
      case 'stream cycle':
        return () => this.#streamCycle()
      case 'connection cycle':
        return () => this.#connectionCycle()
      case 'memory':
        return () => this.#memory()
      case 'refusal':
        return () => this.#refusal()
    }
  }

  #addPeer(index: number, full: boolean): LivePeer {
    const id = peerId(index)
    const address = this.#addresses[index]!
    const connection = admitted(this.governor.openConnection(address, 'inbound'))
    admitted(connection.setPeer(id))
    const streams = Array.from({ length: full ? FULL_STREAMS : 1 }, () => {
      const stream = admitted(connection.openStream('inbound'))
      admitted(stream.setProtocol(PROTOCOL))
      admitted(stream.setService(SERVICE))
      return stream
    })
    return { id, address, connection, stream: streams[0]! }
  }

  #turn(): LivePeer {
    const peer = this.#peers[this.order[this.#next]!]!
    this.#next = this.#next + 1 === this.order.length ? 0 : this.#next + 1
    return peer
  }

  #streamCycle(): void {
    const stream = admitted(this.#turn().connection.openStream('inbound'))
    admitted(stream.setProtocol(PROTOCOL))
    admitted(stream.setService(SERVICE))
    admitted(stream.memory.reserve(RESERVE_BYTES))
    stream.memory.free(RESERVE_BYTES)
    stream.release()
  }

  #connectionCycle(): void {
    const peer = this.#turn()
    const address = this.#peers.length < ADDRESSES_MIN ? this.#addresses[this.#cycles++ % ADDRESSES_MIN]! : peer.address
    const connection = admitted(this.governor.openConnection(address, 'inbound'))
    admitted(connection.setPeer(peer.id))
    connection.release()
  }

  #memory(): void {
    const { memory } = this.#turn().stream
    admitted(memory.reserve(RESERVE_BYTES))
    memory.free(RESERVE_BYTES)
  }

  #refusal(): void {
    const decision = this.#turn().connection.openStream('inbound')
    if (decision.allow) throw new Error('a stream was admitted where a refusal was expected')
    if (decision.denial.rule !== 'limit.peer') throw new Error(decision.denial.message)
  }
}

function admitted<H>(decision: Decision<H>): H {
  if (!decision.allow) throw new Error(decision.denial.message)
  return decision.handle
}

function parsed(text: string): Address {
  const address = parseAddress(text)
  if (!address.ok) throw new Error(address.reason)
  return address
}

/** Spreads the peers over 16.0.0.0/8, public addresses, or over 127.0.0.0/8, which neither side limits: one each, several to a /24. As on the Go side. */
export function addressOf(index: number, loopback = false): string {
  const value = (loopback ? 0x7f000000 : 0x10000000) + index * 97
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.')
}

/** 52 characters of base58, as an Ed25519 peer id has. */
export function peerId(index: number): string {
  return `12D3KooW${String(index).padStart(44, 'A').replaceAll('0', 'z')}`
}

/** A Fisher-Yates shuffle driven by xorshift32 with a fixed seed. As on the Go side. */
export function visitingOrder(count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  let state = 2_463_534_242
  for (let index = count - 1; index > 0; index--) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const other = (state >>> 0) % (index + 1)
    const kept = order[index]!
    order[index] = order[other]!
    order[other] = kept
  }
  return order
}
