/**
 * Where a session stands in the hierarchy of turns: prefix > IP > peer. IPv4: /24 and /32; IPv6: /56 and /64, as everywhere in the project. A relay and a kind of other address are one prefix and one IP: many strangers
 * behind one door share its turn.
 */

import type { Address } from '../address.ts'
import { formatPlace, keyHigh, keyLow, V4_24, V4_IP, V6_56, V6_IP } from '../principals/levels.ts'

export interface Place {
  /** /24, /56, `relay:…` or `other:…`. */
  readonly prefix: string
  /** /32, /64, or as `prefix` where there is no IP. */
  readonly ip: string
  /** Who it is: a peer id, or what stands for one (Bitcoin v1: the lowest free place among the IP's connections). */
  readonly peer: string
  /** Declared LAN by listener or CIDR, never guessed from the address: loopback and container bridges carry strangers too. @default false */
  readonly isLan?: boolean
}

/** The place of an address. @param peer identity on it; @param isLan @default false */
export function placeOf(address: Address, peer: string, isLan = false): Place {
  if (address.kind === 'ip4') {
    const ip = formatPlace(V4_IP, keyHigh(V4_IP, address.a), 0)
    return { prefix: formatPlace(V4_24, keyHigh(V4_24, address.a), 0), ip, peer, isLan }
  }
  if (address.kind === 'ip6') {
    const ip = formatPlace(V6_IP, keyHigh(V6_IP, address.a), keyLow(V6_IP, address.b))
    return { prefix: formatPlace(V6_56, keyHigh(V6_56, address.a), keyLow(V6_56, address.b)), ip, peer, isLan }
  }
  return { prefix: address.text, ip: address.text, peer, isLan }
}
