/** Which recent blocks one client has had without waiting: each passes once in each form. */

/** Entries of one client: the recent blocks (`RECENT_BLOCKS_MAX`) in both forms. The oldest goes. */
export const RELAYED_MAX = 2016

export class RelayedOnce {
  readonly #seen = new Set<string>()

  /** True the first time. */
  first(form: 'block' | 'blocktxn', hash: Buffer): boolean {
    const key = form + hash.toString('latin1')
    if (this.#seen.has(key)) return false
    if (this.#seen.size >= RELAYED_MAX) this.#seen.delete(this.#seen.keys().next().value!)
    this.#seen.add(key)
    return true
  }
}
