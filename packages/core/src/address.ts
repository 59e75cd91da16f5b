/**
 * The first step of the admission path: a multiaddr, or `ip`, `ip:port`, `[ip6]:port` text, into the facts that decide who is charged.
 *
 * One pass over character codes; no regular expression, no split, one object allocated. An address that stands for an IPv4 one (mapped, NAT64, 6to4) becomes it, so that nobody gets a second
 * account by spelling. A relayed address is never charged as the relay's IP: it has a scope of its own, by the relay's peer id. What is neither IP nor relayed (`memory`, `onion3`, a DNS name not
 * resolved yet) goes by the kind of its first component.
 *
 * Nothing throws: what does not parse is a value saying where and why. Components not in the multiaddr table are skipped, not refused: new transports come faster than releases of this
 * file, and what they append behind an IP changes nothing about whom to charge.
 */

import { embeddedIp4, formatIp4, formatIp6, type Locality, localityOfIp4, localityOfIp6, parseIp4, parseIp6, WORDS } from './ip.ts'
import { canonicalPeer } from './peer-id.ts'

/** Longest address looked at, in UTF-16 units. The longest real ones (a DNS name of 253, two certificate hashes, two peer ids) are about 600. */
export const ADDRESS_LENGTH_MAX = 1024

export type AddressKind = 'ip4' | 'ip6' | 'relay' | 'other'

/** What carries the connection, as far as the address tells. */
export type AddressTransport = 'tcp' | 'ws' | 'wss' | 'quic' | 'webtransport' | 'webrtc' | 'memory' | 'circuit' | 'other'

/** A parsed address. Words are signed 32-bit; IPv4 has its address in `a`. */
export class Address {
  readonly ok = true
  readonly kind: AddressKind
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  /** `public` for relayed and other addresses. */
  readonly locality: Locality
  readonly transport: AddressTransport
  /** TCP or UDP port; -1 when there is none. Of a relayed address: -1. */
  readonly port: number
  /** The peer at the far end (`/p2p/…` last), in base58btc. */
  readonly peer: string | undefined
  /** For `relay`: the relay's peer id, else its IP text, else `unknown`. For `other`: name of the first component. '' otherwise. */
  readonly scope: string
  /** IPv6 zone (`%eth0`, `/ip6zone/eth0`); '' when there is none. Not part of any key: a zone is a matter of our interfaces. */
  readonly zone: string
  /** The text it was read from: what a recording keeps. */
  readonly source: string

  constructor(
    kind: AddressKind,
    a: number,
    b: number,
    c: number,
    d: number,
    locality: Locality,
    transport: AddressTransport,
    port: number,
    peer: string | undefined,
    scope: string,
    zone: string,
    source: string,
  ) {
    this.kind = kind
    this.a = a
    this.b = b
    this.c = c
    this.d = d
    this.locality = locality
    this.transport = transport
    this.port = port
    this.peer = peer
    this.scope = scope
    this.zone = zone
    this.source = source
  }

  /** Canonical text of what is charged: the IP, `relay:<id>` or `other:<kind>`. Allocates; not for the hot path. */
  get text(): string {
    if (this.kind === 'ip4') return formatIp4(this.a)
    if (this.kind === 'ip6') return formatIp6(this.a, this.b, this.c, this.d)
    return `${this.kind}:${this.scope}`
  }
}

/** Why an address could not be read, and where: `position` counts UTF-16 units from 0. */
export interface AddressProblem {
  readonly ok: false
  readonly position: number
  readonly reason: string
}

function problem(position: number, reason: string): AddressProblem {
  return { ok: false, position, reason }
}

const SLASH = 47

/** Reads an address of any of the forms above. Never throws. @param text at most `ADDRESS_LENGTH_MAX` long */
export function parseAddress(text: string): Address | AddressProblem {
  const length = text.length
  if (length === 0) return problem(0, 'it is empty')
  if (length > ADDRESS_LENGTH_MAX) return problem(ADDRESS_LENGTH_MAX, `it is longer than ${ADDRESS_LENGTH_MAX} characters`)
  return text.charCodeAt(0) === SLASH ? parseMultiaddr(text, length) : parsePlain(text, length)
}

/** The decimal number in `text[start, end)`, at most 65535; -1 when it is not one. */
export function parsePort(text: string, start: number, end: number): number {
  if (end === start || end - start > 5) return -1
  let port = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    port = port * 10 + digit
  }
  return port <= 65535 ? port : -1
}

function ipAddress(
  isIp6: boolean,
  transport: AddressTransport,
  port: number,
  peer: string | undefined,
  zone: string,
  source: string,
): Address {
  const a = WORDS[0] ?? 0
  if (!isIp6) return new Address('ip4', a, 0, 0, 0, localityOfIp4(a), transport, port, peer, '', '', source)
  if (embeddedIp4()) {
    const word = WORDS[0] ?? 0
    return new Address('ip4', word, 0, 0, 0, localityOfIp4(word), transport, port, peer, '', '', source)
  }
  const b = WORDS[1] ?? 0
  const c = WORDS[2] ?? 0
  const d = WORDS[3] ?? 0
  return new Address('ip6', a, b, c, d, localityOfIp6(a, b, c, d), transport, port, peer, '', zone, source)
}

function parsePlain(text: string, length: number): Address | AddressProblem {
  const first = text.charCodeAt(0)
  const firstColon = text.indexOf(':')
  if (first !== 91 && (firstColon < 0 || text.indexOf(':', firstColon + 1) < 0)) {
    const end = firstColon < 0 ? length : firstColon
    const wrong = parseIp4(text, 0, end)
    if (wrong >= 0) return problem(wrong, 'not an IPv4 address, and not a multiaddr (which starts with /)')
    const port = firstColon < 0 ? -1 : parsePort(text, end + 1, length)
    if (firstColon >= 0 && port < 0) return problem(end + 1, 'not a port number (0 to 65535)')
    return ipAddress(false, 'other', port, undefined, '', text)
  }
  const bracketed = first === 91
  const start = bracketed ? 1 : 0
  const close = bracketed ? text.indexOf(']') : length
  if (close < 0) return problem(length, 'the bracket around the IPv6 address is not closed')
  let port = -1
  if (bracketed && close + 1 < length) {
    if (text.charCodeAt(close + 1) !== 58) return problem(close + 1, 'expected : and a port after ]')
    port = parsePort(text, close + 2, length)
    if (port < 0) return problem(close + 2, 'not a port number (0 to 65535)')
  }
  return plainIp6(text, start, close, port)
}

function plainIp6(text: string, start: number, end: number, port: number): Address | AddressProblem {
  const percent = text.indexOf('%', start)
  const ipEnd = percent >= 0 && percent < end ? percent : end
  if (ipEnd !== end && ipEnd + 1 === end) return problem(ipEnd, 'the zone is empty')
  const wrong = parseIp6(text, start, ipEnd)
  if (wrong >= 0) return problem(wrong, 'not an IPv6 address')
  return ipAddress(true, 'other', port, undefined, ipEnd === end ? '' : text.slice(ipEnd + 1, end), text)
}

/** What a component's name tells. Bits of `TRAITS`. */
const HAS_VALUE = 1
const IS_PORT = 2
const IS_PEER = 4

/** The multiaddr protocols (multiformats/multiaddr protocols.csv) that carry a value, and those that name a transport. Others carry none. */
const TRAITS: ReadonlyMap<string, number> = new Map([
  ...['ip4', 'ip6', 'ip6zone', 'ipcidr', 'dns', 'dns4', 'dns6', 'dnsaddr', 'dccp', 'sctp', 'onion', 'onion3', 'garlic64', 'garlic32'].map(
    (name): [string, number] => [name, HAS_VALUE],
  ),
  ...['sni', 'certhash', 'memory', 'unix', 'http-path', 'scion'].map((name): [string, number] => [name, HAS_VALUE]),
  ['tcp', HAS_VALUE | IS_PORT],
  ['udp', HAS_VALUE | IS_PORT],
  ['p2p', HAS_VALUE | IS_PEER],
  ['ipfs', HAS_VALUE | IS_PEER],
])

function nextSlash(text: string, from: number, length: number): number {
  const slash = text.indexOf('/', from)
  return slash < 0 ? length : slash
}

/** State of the walk over components; one shared instance, reset by every parse. */
const walk = {
  transport: 'other' as AddressTransport,
  port: -1,
  peer: undefined as string | undefined,
  relayed: false,
  relayPeer: undefined as string | undefined,
  zone: '',
  tls: false,
}

function parseMultiaddr(text: string, length: number): Address | AddressProblem {
  resetWalk()
  if (text.startsWith('/ip4/')) return parseIp(text, 0, length, false)
  if (text.startsWith('/ip6/')) return parseIp(text, 0, length, true)
  const firstEnd = nextSlash(text, 1, length)
  const wrongName = nameProblem(text, 1, firstEnd)
  if (wrongName !== undefined) return wrongName
  const zoneEnd = text.startsWith('/ip6zone/') ? nextSlash(text, ZONE_START, length) : length
  if (text.startsWith('/ip6/', zoneEnd)) {
    walk.zone = text.slice(ZONE_START, zoneEnd)
    return parseIp(text, zoneEnd, length, true)
  }
  if (firstEnd === 4 && text.startsWith('ip', 1)) return problem(firstEnd, 'an IP component without its value')
  return parseOther(text, firstEnd, length)
}

const ZONE_START = '/ip6zone/'.length

/** From the component `/ip4/…` or `/ip6/…` at `from` on. */
function parseIp(text: string, from: number, length: number, isIp6: boolean): Address | AddressProblem {
  const start = from + 5
  const end = nextSlash(text, start, length)
  let ipEnd = end
  if (isIp6) {
    const percent = text.indexOf('%', start)
    if (percent >= 0 && percent < end) {
      ipEnd = percent
      walk.zone = text.slice(percent + 1, end)
    }
  }
  const wrong = isIp6 ? parseIp6(text, start, ipEnd) : parseIp4(text, start, ipEnd)
  if (wrong >= 0) return problem(wrong, isIp6 ? 'not an IPv6 address' : 'not an IPv4 address')
  const failed = walkComponents(text, end, length)
  if (failed !== undefined) return failed
  const address = ipAddress(isIp6, walk.transport, walk.port, walk.peer, walk.zone, text)
  return walk.relayed ? relayAddress(walk.relayPeer ?? address.text, text) : address
}

function resetWalk(): void {
  walk.transport = 'other'
  walk.port = -1
  walk.peer = undefined
  walk.relayed = false
  walk.relayPeer = undefined
  walk.zone = ''
  walk.tls = false
}

function relayAddress(scope: string, source: string): Address {
  return new Address('relay', 0, 0, 0, 0, 'public', 'circuit', -1, walk.peer, scope, '', source)
}

function parseOther(text: string, firstEnd: number, length: number): Address | AddressProblem {
  const failed = walkComponents(text, 0, length)
  if (failed !== undefined) return failed
  const first = text.slice(1, firstEnd)
  if (walk.relayed) return relayAddress(walk.relayPeer ?? 'unknown', text)
  return new Address('other', 0, 0, 0, 0, 'public', walk.transport, walk.port, walk.peer, first, '', text)
}

/** A component name is 1 to 32 of a-z, 0-9 and -: it becomes part of scope names. */
function nameProblem(text: string, start: number, end: number): AddressProblem | undefined {
  if (end === start) return problem(start, 'a component without a name')
  if (end - start > 32) return problem(start, 'a component name longer than 32 characters')
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (!((code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45)) return problem(i, 'not a component name')
  }
  return undefined
}

function walkComponents(text: string, from: number, length: number): AddressProblem | undefined {
  let i = from
  while (i < length) {
    const nameEnd = nextSlash(text, i + 1, length)
    if (nameEnd === i + 1) return nameEnd === length ? undefined : problem(nameEnd, 'a component without a name')
    if (text.startsWith('/tcp/', i)) {
      const valueEnd = nextSlash(text, i + 5, length)
      const port = parsePort(text, i + 5, valueEnd)
      if (port < 0) return problem(i + 5, 'not a port number (0 to 65535)')
      walk.port = port
      walk.transport = 'tcp'
      i = valueEnd
      continue
    }
    const name = text.slice(i + 1, nameEnd)
    const traits = TRAITS.get(name) ?? 0
    if ((traits & HAS_VALUE) === 0) {
      takeName(name)
      i = nameEnd
      continue
    }
    const valueEnd = name === 'unix' ? length : nextSlash(text, nameEnd + 1, length)
    if (valueEnd <= nameEnd + 1) return problem(Math.min(nameEnd + 1, length), 'a component without its value')
    const failed = takeValue(text, name, traits, nameEnd + 1, valueEnd)
    if (failed !== undefined) return failed
    i = valueEnd
  }
  return undefined
}

function takeName(name: string): void {
  switch (name) {
    case 'ws':
      walk.transport = walk.tls ? 'wss' : 'ws'
      break
    case 'wss':
      walk.transport = 'wss'
      break
    case 'tls':
    case 'https':
      walk.tls = true
      break
    case 'quic':
    case 'quic-v1':
      walk.transport = 'quic'
      break
    case 'webtransport':
      walk.transport = 'webtransport'
      break
    case 'webrtc':
    case 'webrtc-direct':
    case 'p2p-webrtc-star':
    case 'p2p-webrtc-direct':
      walk.transport = 'webrtc'
      break
    case 'p2p-circuit':
      if (!walk.relayed) walk.relayPeer = walk.peer
      walk.relayed = true
      walk.peer = undefined
      walk.transport = 'circuit'
      break
  }
}

function takeValue(text: string, name: string, traits: number, start: number, end: number): AddressProblem | undefined {
  if ((traits & IS_PORT) !== 0) {
    const port = parsePort(text, start, end)
    if (port < 0) return problem(start, 'not a port number (0 to 65535)')
    walk.port = port
  } else if ((traits & IS_PEER) !== 0) {
    const wrong = peerProblem(text, start, end)
    if (wrong >= 0) return problem(wrong, 'not a peer id')
    walk.peer = canonicalPeer(text.slice(start, end))
  } else if (name === 'memory') walk.transport = 'memory'
  else if (name === 'ip6zone') walk.zone = text.slice(start, end)
  return undefined
}

/** Position of the first character that cannot be in a peer id (base58btc, or a CID in base32 or base36), or of an impossible end; -1 when it may be one. */
export function peerProblem(text: string, start: number, end: number): number {
  if (end - start < 2 || end - start > PEER_LENGTH_MAX) return start
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (!((code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122))) return i
  }
  return -1
}

/** Longest peer id taken: an Ed25519 or secp256k1 id is 52 characters, an RSA one 46, as a CID 62; the rest is room. */
export const PEER_LENGTH_MAX = 128
