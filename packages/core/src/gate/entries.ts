/**
 * What an operator writes to name somebody: an IP, a network, a multiaddr prefix, a relay or a peer id, turned into one canonical entry.
 *
 * Forms: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.7:4001`, `[2001:db8::1]:4001`, `/ip4/192.0.2.7`, `/ip4/52.55` (whole octets left out: 52.55.0.0/16), `/ip4/10.0.0.0/ipcidr/8`,
 * any of these with `/tcp/4001` or `/udp/4001` (a port counts whatever the transport) and `/p2p/ID`; `/p2p/ID` or the bare id (that peer anywhere); `/p2p/ID/p2p-circuit` (whoever comes through that relay).
 *
 * Networks inside the mapped, NAT64 and 6to4 ranges become the IPv4 network they stand for, as addresses do. Bits behind the prefix length are cleared.
 */

import { type Address, type AddressProblem, parseAddress, parsePort, peerProblem } from '../address.ts'
import { embeddedIp4, formatIp4, formatIp6, parseIp4, parseIp6, WORDS } from '../ip.ts'
import { canonicalPeer } from '../peer-id.ts'
import { maskWord, type NetworkKey } from './prefixes.ts'

/** `version` 4 or 6: a network of `length` bits; 0: no network, only `peer` or `relay`. Words as in `Address`, masked to `length`. */
export interface GateEntry {
  readonly ok: true
  readonly version: 0 | 4 | 6
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly length: number
  /** -1: any. */
  readonly port: number
  readonly peer: string | undefined
  /** Peer id of the relay. */
  readonly relay: string | undefined
  /** Canonical text; equal texts are equal entries. */
  readonly text: string
}

/** Longest entry read, in UTF-16 units. */
export const ENTRY_LENGTH_MAX = 512

function problem(position: number, reason: string): AddressProblem {
  return { ok: false, position, reason }
}

/** The network of the address in `WORDS`, canonical. */
function network(isIp6: boolean, length: number): NetworkKey {
  if (!isIp6) return { version: 4, a: maskWord(WORDS[0] ?? 0, length), b: 0, c: 0, d: 0, length }
  const [a = 0, b = 0, c = 0, d = 0] = WORDS
  const isSixToFour = a >>> 16 === 0x2002
  const embeddedBits = isSixToFour ? length - 16 : length - 96
  if (embeddedBits > 0 && embeddedIp4()) {
    const bits = Math.min(32, embeddedBits)
    return { version: 4, a: maskWord(WORDS[0] ?? 0, bits), b: 0, c: 0, d: 0, length: bits }
  }
  return {
    version: 6,
    a: maskWord(a, length),
    b: maskWord(b, length - 32),
    c: maskWord(c, length - 64),
    d: maskWord(d, length - 96),
    length,
  }
}

function entry(net: NetworkKey | undefined, port: number, peer: string | undefined, relay: string | undefined): GateEntry {
  const { version, a, b, c, d, length } = net ?? { version: 0 as const, a: 0, b: 0, c: 0, d: 0, length: 0 }
  let text = ''
  if (version === 4) text = `/ip4/${formatIp4(a)}${length === 32 ? '' : `/ipcidr/${length}`}`
  if (version === 6) text = `/ip6/${formatIp6(a, b, c, d)}${length === 128 ? '' : `/ipcidr/${length}`}`
  if (port >= 0) text += `/tcp/${port}`
  if (relay !== undefined) text += `/p2p/${relay}/p2p-circuit`
  if (peer !== undefined) text += `/p2p/${peer}`
  return { ok: true, version, a, b, c, d, length, port, peer, relay, text }
}

/** Reads an entry of any of the forms above. Never throws. */
export function parseEntry(text: string): GateEntry | AddressProblem {
  if (text.length === 0) return problem(0, 'it is empty')
  if (text.length > ENTRY_LENGTH_MAX) return problem(ENTRY_LENGTH_MAX, `it is longer than ${ENTRY_LENGTH_MAX} characters`)
  if (text.startsWith('/')) return parseMultiaddrEntry(text)
  if (text.includes('/')) {
    const net = parseNetwork(text)
    return net.ok ? entry(net, -1, undefined, undefined) : net
  }
  if (text.includes('.') || text.includes(':')) {
    const address = parseAddress(text)
    return address.ok ? addressEntry(address) : address
  }
  const wrong = text.length < PEER_LENGTH_MIN ? 0 : peerProblem(text, 0, text.length)
  if (wrong >= 0) return problem(wrong, 'neither an IP, a network, a multiaddr prefix nor a peer id')
  return entry(undefined, -1, canonicalPeer(text), undefined)
}

/** Shortest text taken for a bare peer id, so that a slip of the pen is not one. An identity multihash of an empty key would be shorter; nobody has one. */
const PEER_LENGTH_MIN = 16

function addressEntry(address: Address): GateEntry {
  const isIp4 = address.kind === 'ip4'
  const { a, b, c, d } = address
  return entry({ version: isIp4 ? 4 : 6, a, b, c, d, length: isIp4 ? 32 : 128 }, address.port, undefined, undefined)
}

/** A network as plain text: `192.0.2.0/24`, `2001:db8::/32`, or an IP alone (the whole length). */
export function parseNetwork(text: string): ({ readonly ok: true } & NetworkKey) | AddressProblem {
  if (text.length > ENTRY_LENGTH_MAX) return problem(ENTRY_LENGTH_MAX, `it is longer than ${ENTRY_LENGTH_MAX} characters`)
  const slash = text.indexOf('/')
  const end = slash < 0 ? text.length : slash
  const isIp6 = text.includes(':')
  const wrong = isIp6 ? parseIp6(text, 0, end) : parseIp4(text, 0, end)
  if (wrong >= 0) return problem(wrong, isIp6 ? 'not an IPv6 address' : 'not an IPv4 address')
  const bits = slash < 0 ? (isIp6 ? 128 : 32) : parsePort(text, slash + 1, text.length)
  if (bits < 0 || bits > (isIp6 ? 128 : 32)) return problem(slash + 1, `not a prefix length (0 to ${isIp6 ? 128 : 32})`)
  return { ok: true, ...network(isIp6, bits) }
}

/** Text of a network without its leading kind: `192.0.2.0/24`. */
export function formatNetwork(net: Pick<NetworkKey, 'version' | 'a' | 'b' | 'c' | 'd' | 'length'>): string {
  return `${net.version === 4 ? formatIp4(net.a) : formatIp6(net.a, net.b, net.c, net.d)}/${net.length}`
}

interface Cursor {
  readonly parts: readonly string[]
  /** Position in the text of each part. */
  readonly positions: readonly number[]
}

function split(text: string): Cursor {
  const parts = text.slice(1).split('/')
  const positions: number[] = []
  let position = 1
  for (const part of parts) {
    positions.push(position)
    position += part.length + 1
  }
  if (parts.at(-1) === '') parts.pop()
  return { parts, positions }
}

function parseMultiaddrEntry(text: string): GateEntry | AddressProblem {
  const { parts, positions } = split(text)
  let at = 0
  let net: NetworkKey | undefined
  let port = -1
  if (parts[0] === 'ip4' || parts[0] === 'ip6') {
    const parsed = parseIpPart(parts[0] === 'ip6', parts[1] ?? '', parts[2] === 'ipcidr' ? (parts[3] ?? '') : undefined)
    if (!parsed.ok) return problem((positions[1] ?? text.length) + parsed.position, parsed.reason)
    net = parsed
    at = parts[2] === 'ipcidr' ? 4 : 2
    if (parts[at] === 'tcp' || parts[at] === 'udp') {
      const value = parts[at + 1] ?? ''
      port = parsePort(value, 0, value.length)
      if (port < 0) return problem(positions[at + 1] ?? text.length, 'not a port number (0 to 65535)')
      at += 2
    }
  }
  return parsePeerPart(text, { parts, positions }, at, net, port)
}

function parsePeerPart(
  text: string,
  { parts, positions }: Cursor,
  from: number,
  net: NetworkKey | undefined,
  port: number,
): GateEntry | AddressProblem {
  let at = from
  let peer: string | undefined
  let relay: string | undefined
  while (parts[at] === 'p2p' || parts[at] === 'ipfs') {
    const written = parts[at + 1] ?? ''
    const wrong = peerProblem(written, 0, written.length)
    if (wrong >= 0) return problem((positions[at + 1] ?? text.length) + wrong, 'not a peer id')
    const id = canonicalPeer(written)
    at += 2
    if (parts[at] === 'p2p-circuit' && relay === undefined && net === undefined) {
      relay = id
      at++
    } else if (peer === undefined) peer = id
    else return problem(positions[at - 1] ?? text.length, 'a second peer id')
  }
  if (at < parts.length) return problem(positions[at] ?? text.length, 'not understood here: expected ipcidr, tcp, udp, p2p or the end')
  if (net === undefined && peer === undefined && relay === undefined) return problem(1, 'it names nobody: expected ip4, ip6 or p2p')
  return entry(net, port, peer, relay)
}

function parseIpPart(isIp6: boolean, ip: string, cidr: string | undefined): ({ readonly ok: true } & NetworkKey) | AddressProblem {
  let bits = isIp6 ? 128 : 32
  let full = ip
  if (!isIp6 && cidr === undefined) {
    const octets = ip.split('.').length
    if (octets < 4) {
      full = ip + '.0'.repeat(4 - octets)
      bits = octets * 8
    }
  }
  const wrong = isIp6 ? parseIp6(full, 0, full.length) : parseIp4(full, 0, full.length)
  if (wrong >= 0)
    return problem(Math.min(wrong, ip.length), isIp6 ? 'not an IPv6 address' : 'not an IPv4 address or the first octets of one')
  if (cidr !== undefined) {
    bits = parsePort(cidr, 0, cidr.length)
    if (bits < 0 || bits > (isIp6 ? 128 : 32))
      return problem(ip.length + '/ipcidr/'.length, `not a prefix length (0 to ${isIp6 ? 128 : 32})`)
  }
  return { ok: true, ...network(isIp6, bits) }
}
