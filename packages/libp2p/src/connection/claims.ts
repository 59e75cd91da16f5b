/**
 * Connections admitted before their transport made them: dials before their socket, WebSocket sockets before their HTTP upgrade. The upgrader claims each when it arrives.
 *
 * A claim is found by the raw connection (the transport used the upgrader we gave it), by the very address object that was dialled (relayed connections),
 * or by the text of the address (accepted sockets).
 */

import type { MultiaddrConnection, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { overlay } from './overlay.ts'
import type { ConnectionRecord } from './record.ts'

export class Claims {
  readonly #byObject = new WeakMap<object, ConnectionRecord>()
  /** Live sockets only: entries go with their record. */
  readonly #byAddress = new Map<string, ConnectionRecord>()

  dialled(address: Multiaddr, record: ConnectionRecord): void {
    this.#byObject.set(address, record)
  }

  accepted(address: string, record: ConnectionRecord): void {
    this.#byAddress.set(address, record)
    record.onClose(() => {
      if (this.#byAddress.get(address) === record) {
        this.#byAddress.delete(address)
      }
    })
  }

  /** An upgrader for one dial, which knows whose connection it is given. */
  upgraderFor(upgrader: Upgrader, record: ConnectionRecord): Upgrader {
    return overlay(upgrader, {
      upgradeOutbound: (raw: MultiaddrConnection, options: Parameters<Upgrader['upgradeOutbound']>[1]) => {
        this.#byObject.set(raw, record)
        return upgrader.upgradeOutbound(raw, options)
      },
    })
  }

  take(raw: MultiaddrConnection): ConnectionRecord | undefined {
    const record =
      this.#byObject.get(raw) ??
      this.#byObject.get(raw.remoteAddr) ??
      (raw.direction === 'inbound' ? this.#byAddress.get(raw.remoteAddr.toString()) : undefined)
    if (record === undefined || record.raw !== undefined || !record.open) {
      return undefined
    }
    return record
  }
}
