/**
 * Bounds how many strangers the peer store remembers: peers that are not connected and that nothing on our side has tagged. Peer ids cost an attacker nothing, and js-libp2p keeps
 * each for six hours.
 *
 * The least recently written go first. Connected peers and tagged ones (routing table, relays, keep-alive) are never counted and never removed; their number is bounded by whoever
 * holds the connection or set the tag.
 */

/** Share of the node's memory budget that strangers may fill if every one of them is as large as `PEER_BYTES_MAX` allows. */
export const STRANGERS_MEMORY_SHARE: number = 1 / 8

/** However small the budget: enough for the answers of a few DHT queries. */
export const STRANGERS_MIN = 256

/** However large the budget. */
export const STRANGERS_MAX = 8192

/** @param memoryBytes the policy's `memory` @param peerBytesMax upper bound of one entry */
export function strangersMax(memoryBytes: number, peerBytesMax: number): number {
  const fit = Math.floor((memoryBytes * STRANGERS_MEMORY_SHARE) / peerBytesMax)
  return Math.min(STRANGERS_MAX, Math.max(STRANGERS_MIN, fit))
}

export interface StrangersInit<T> {
  /** Read at each write, so that a new policy takes effect. */
  readonly max: () => number
  readonly isConnected: (id: T) => boolean
  /** Removes a peer from the store, unless it turns out to be tagged. */
  readonly forget: (id: T) => Promise<void>
}

/** Peers are keyed by the text of their id. */
export class Strangers<T> {
  readonly #init: StrangersInit<T>
  /** In order of last write, oldest first. At most `max()` and the writes in flight. */
  readonly #strangers = new Map<string, T>()
  /** Stored and connected; at most as many as there are connections. They become strangers when they leave. */
  readonly #guests = new Map<string, T>()

  constructor(init: StrangersInit<T>) {
    this.#init = init
  }

  get size(): number {
    return this.#strangers.size
  }

  /** A peer was written to the store. Resolves when the store is within its bound again. */
  async written(key: string, id: T, tagged: boolean): Promise<void> {
    this.removed(key)
    if (tagged) return
    if (this.#init.isConnected(id)) {
      this.#guests.set(key, id)
      return
    }
    this.#strangers.set(key, id)
    await this.#trim()
  }

  /**
   * A peer was found in the store that this process has not written, untagged. When it was last written nobody knows, so it does not push out those we do know.
   * @returns false when there is no room for it
   */
  found(key: string, id: T): boolean {
    if (this.#strangers.has(key) || this.#guests.has(key)) return true
    if (this.#init.isConnected(id)) this.#guests.set(key, id)
    else if (this.#strangers.size < this.#init.max()) this.#strangers.set(key, id)
    else return false
    return true
  }

  connected(key: string): void {
    const id = this.#strangers.get(key)
    if (id === undefined) return
    this.#strangers.delete(key)
    this.#guests.set(key, id)
  }

  async disconnected(key: string): Promise<void> {
    const id = this.#guests.get(key)
    if (id === undefined) return
    this.#guests.delete(key)
    this.#strangers.set(key, id)
    await this.#trim()
  }

  removed(key: string): void {
    this.#strangers.delete(key)
    this.#guests.delete(key)
  }

  async #trim(): Promise<void> {
    const max = this.#init.max()
    const leaving: Promise<void>[] = []
    for (const [key, id] of this.#strangers) {
      if (this.#strangers.size <= max) break
      this.#strangers.delete(key)
      leaving.push(this.#init.forget(id))
    }
    if (leaving.length > 0) await Promise.all(leaving)
  }
}
