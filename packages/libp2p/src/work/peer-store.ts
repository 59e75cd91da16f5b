/**
 * The peer store, held at its methods: what is written about others is bounded in size, charged to the peer it is about when that peer is connected, and bounded in number.
 *
 * A write that is refused is dropped and the caller gets the peer as it is stored: every caller in js-libp2p writes what it could learn again later, and none of them can use an error
 * (one thrown here would reset the stream that happened to cause the write). Writes that set tags are our own decisions and are never refused; neither is anything about ourselves.
 *
 * Under `observe` nothing is cut, dropped or removed.
 *
 * It also saves work: js-libp2p rewrites a peer's record at every stream it opens or accepts, to add a protocol that is almost always there already. Those repetitions are answered
 * from memory.
 */

import type { Peer, PeerData, PeerId, PeerStore } from '@libp2p/interface'
import type { ConnectionState, NodeContext } from '../context.ts'
import {
  ADDRESSES_MAX,
  boundAddresses,
  boundMetadata,
  boundPeerData,
  boundProtocols,
  METADATA_ENTRIES_MAX,
  PEER_BYTES_MAX,
  PROTOCOLS_MAX,
  SIGNED_RECORD_BYTES_MAX,
} from './bounds.ts'
import type { WorkComponents } from './components.ts'
import { Strangers, strangersMax } from './strangers.ts'

/**
 * Milliseconds for which the last written record of a connected peer answers repeated protocol writes, before the store is written again, which also
 * renews the peer's age there. One record per connection is kept, and goes with it.
 */
export const REMEMBERED_WRITE_MS = 60_000

export interface PeerStoreGuard {
  /** Unconnected and untagged peers in the store, as far as this process has seen them. */
  readonly strangers: number
  /** Writes dropped for their rate. */
  readonly refusedWrites: number
}

interface Remembered {
  readonly peer: Peer
  readonly protocols: ReadonlySet<string>
  readonly writtenMs: number
}

type Write = PeerStore['merge']

class Guard implements PeerStoreGuard {
  readonly #components: WorkComponents
  readonly #context: NodeContext
  readonly #store: PeerStore
  /** The store's own methods, under the overrides. */
  readonly #get: PeerStore['get']
  readonly #delete: PeerStore['delete']
  readonly #patch: Write
  readonly #remembered = new WeakMap<ConnectionState, Remembered>()
  readonly #strangers: Strangers<PeerId>
  #refusedWrites = 0
  #seeded: Promise<void> | undefined

  constructor(components: WorkComponents, context: NodeContext) {
    this.#components = components
    this.#context = context
    this.#store = components.peerStore
    this.#get = this.#store.get.bind(this.#store)
    this.#delete = this.#store.delete.bind(this.#store)
    this.#patch = this.#store.patch.bind(this.#store)
    this.#strangers = new Strangers<PeerId>({
      max: () => (this.#enforcing() ? strangersMax(context.policy().memory, PEER_BYTES_MAX) : Number.POSITIVE_INFINITY),
      isConnected: id => components.connectionManager.getConnections(id).length > 0,
      forget: id => this.#forget(id),
    })
    this.#override()
  }

  get strangers(): number {
    return this.#strangers.size
  }

  get refusedWrites(): number {
    return this.#refusedWrites
  }

  #override(): void {
    const store = this.#store
    const { events } = this.#components
    const merge = store.merge.bind(store)
    const consume = store.consumePeerRecord.bind(store)
    const overrides: Pick<PeerStore, 'save' | 'patch' | 'merge' | 'delete'> = {
      save: this.#guarded(store.save.bind(store), false),
      patch: this.#guarded(this.#patch, false),
      merge: this.#guarded(merge, true),
      delete: async (id, options) => {
        this.#strangers.removed(id.toString())
        const state = this.#stateOf(id)
        if (state !== undefined) this.#remembered.delete(state)
        await this.#delete(id, options)
      },
    }
    Object.assign(store, overrides, {
      consumePeerRecord: async (buffer: Uint8Array, ...rest: Parameters<typeof consume> extends [unknown, ...infer R] ? R : never) =>
        (buffer.byteLength <= SIGNED_RECORD_BYTES_MAX || !this.#enforcing()) && (await consume(buffer, ...rest)),
    })
    const connected = (event: CustomEvent<PeerId>): void => this.#strangers.connected(event.detail.toString())
    const disconnected = (event: CustomEvent<PeerId>): void => this.#left(event.detail)
    events.addEventListener('peer:connect', connected)
    events.addEventListener('peer:disconnect', disconnected)
    this.#context.hooks.add({
      name: 'peerStore writes',
      guards: 'peers may fill the peer store',
      prove: () =>
        store.merge === overrides.merge && store.patch === overrides.patch && store.save === overrides.save
          ? undefined
          : 'another override replaced ours',
    })
  }

  #guarded(write: Write, merges: boolean): Write {
    return async (id, data, options) => {
      if (this.#components.peerId.equals(id)) return write(id, data, options)
      this.#seeded ??= this.#seed()
      const state = this.#stateOf(id)
      if (merges && state !== undefined) {
        const known = this.#known(state, data)
        if (known !== undefined) return known
      }
      if (state !== undefined && data.tags == null && this.#refused(state)) return this.#stored(id)
      const enforcing = this.#enforcing()
      let written = await write(id, enforcing ? boundPeerData(data) : data, options)
      if (enforcing) written = await this.#bound(id, written)
      if (state !== undefined) this.#remember(state, written)
      const key = id.toString()
      await this.#strangers.written(key, id, written.tags.size > 0)
      return written
    }
  }

  #enforcing(): boolean {
    return this.#context.mode() === 'enforce'
  }

  /** The answer to a merge that would only add protocols the store has, if one is remembered. */
  #known(state: ConnectionState, data: PeerData): Peer | undefined {
    const remembered = this.#remembered.get(state)
    if (remembered === undefined || data.protocols == null) return undefined
    for (const field in data) {
      if (field !== 'protocols') return undefined
    }
    const nowMs = this.#context.clock.now()
    if (nowMs - remembered.writtenMs > REMEMBERED_WRITE_MS || nowMs < remembered.writtenMs) return undefined
    for (const protocol of data.protocols) {
      if (!remembered.protocols.has(protocol)) return undefined
    }
    return { ...remembered.peer }
  }

  #remember(state: ConnectionState, peer: Peer): void {
    this.#remembered.set(state, { peer, protocols: new Set(peer.protocols), writtenMs: this.#context.clock.now() })
  }

  /** Charged to the peer the write is about, and only while it is connected: who caused a write about somebody else cannot be told here. */
  #refused(state: ConnectionState): boolean {
    if (state.handle.spend('peer-store-write').allow) return false
    this.#refusedWrites++
    return true
  }

  async #stored(id: PeerId): Promise<Peer> {
    try {
      return await this.#get(id)
    } catch (error) {
      if ((error as Error).name !== 'NotFoundError') throw error
      return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
    }
  }

  /** A merge joins two lists that are each within bounds; what is over goes at once. */
  async #bound(id: PeerId, peer: Peer): Promise<Peer> {
    if (peer.addresses.length <= ADDRESSES_MAX && peer.protocols.length <= PROTOCOLS_MAX && peer.metadata.size <= METADATA_ENTRIES_MAX) {
      return peer
    }
    return this.#patch(id, {
      addresses: boundAddresses(peer.addresses),
      protocols: boundProtocols(peer.protocols),
      metadata: boundMetadata(peer.metadata),
    })
  }

  #stateOf(id: PeerId): ConnectionState | undefined {
    for (const connection of this.#components.connectionManager.getConnections(id)) {
      const state = this.#context.stateOf(connection)
      if (state !== undefined) return state
    }
    return undefined
  }

  #left(id: PeerId): void {
    this.#strangers.disconnected(id.toString()).catch(error => {
      this.#context.log.error('could not trim the peer store - %e', error)
    })
  }

  async #forget(id: PeerId): Promise<void> {
    const peer = await this.#stored(id)
    if (peer.tags.size === 0) await this.#delete(id)
  }

  /** Counts what an earlier run left in a persistent store, once, at the first write. */
  async #seed(): Promise<void> {
    try {
      const surplus: PeerId[] = []
      await this.#store.forEach(({ id, tags }) => {
        if (tags.size === 0 && !this.#strangers.found(id.toString(), id)) surplus.push(id)
      })
      for (const id of surplus) {
        // It may have come back, or others gone, while the ones before it were removed.
        if (!this.#strangers.found(id.toString(), id)) await this.#forget(id)
      }
    } catch (error) {
      this.#context.log.error('could not count the peers already stored - %e', error)
    }
  }
}

export function guardPeerStore(components: WorkComponents, context: NodeContext): PeerStoreGuard {
  return new Guard(components, context)
}
