/**
 * Who a v1 peer is. The protocol has no identity, and a port is none: so a peer is its IP and the lowest free place among that IP's open connections. A reconnect gets the place it left,
 * and with it the same account; fifty connections of one IP are fifty peers of one IP.
 */

export interface Place {
  readonly ip: string
  /** 0 and up; free again after `release`. */
  readonly number: number
  /** Idempotent. */
  release(): void
}

/** Open connections of all IPs together; the listener's own maximum is far below. */
export const PLACES_MAX = 65_536

export class Places {
  /** Taken places of each IP with at least one open connection. */
  readonly #taken = new Map<string, Set<number>>()
  readonly #perIpMax: number
  #open = 0

  /** @param perIpMax places of one IP, 1 or more */
  constructor(perIpMax: number) {
    if (!Number.isInteger(perIpMax) || perIpMax < 1) throw new RangeError(`An IP needs at least one place, not ${perIpMax}.`)
    this.#perIpMax = perIpMax
  }

  get open(): number {
    return this.#open
  }

  /** @param ip canonical text, the same for every connection of the IP. Undefined when the IP, or the table, is full. */
  take(ip: string): Place | undefined {
    const taken = this.#taken.get(ip) ?? new Set()
    if (taken.size >= this.#perIpMax || this.#open >= PLACES_MAX) return undefined
    let number = 0
    while (taken.has(number)) number++
    taken.add(number)
    this.#taken.set(ip, taken)
    this.#open++
    let held = true
    return {
      ip,
      number,
      release: () => {
        if (!held) return
        held = false
        this.#open--
        taken.delete(number)
        if (taken.size === 0) this.#taken.delete(ip)
      },
    }
  }
}
