/**
 * Transports, overridden on their instances: `dial` is admitted before a socket is opened, `createListener` gets its sockets guarded.
 */

import type { Connection, CreateListenerOptions, DialTransportOptions, Listener, Transport } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { guardServer } from './accept.ts'
import { admit } from './admit.ts'
import type { UpgradePath } from './upgrader.ts'

/** Dials of this adapter, for the self-test to recognise. */
const ours = new WeakSet<Transport['dial']>()

export function isWrappedTransport(transport: Transport): boolean {
  return ours.has(transport.dial)
}

export function overrideTransport(transport: Transport, path: UpgradePath): void {
  const original = transport.dial.bind(transport)
  const createListener = transport.createListener.bind(transport)

  const dial = async (address: Multiaddr, options: DialTransportOptions): Promise<Connection> => {
    const admission = admit(path.context, address, 'outbound')
    if ('refused' in admission) {
      throw admission.refused
    }
    const { record } = admission
    path.claims.dialled(address, record)
    try {
      return await original(address, { ...options, upgrader: path.claims.upgraderFor(options.upgrader, record) })
    } catch (error) {
      record.abort(error instanceof Error ? error : new Error(String(error)))
      throw record.refusal ?? error
    } finally {
      if (record.raw === undefined) {
        // The transport upgraded some other connection, or none: that one has a record of its own.
        record.abort(new Error('the dial ended without this connection'))
      }
    }
  }
  ours.add(dial)
  transport.dial = dial
  transport.createListener = (options: CreateListenerOptions): Listener => {
    const listener = createListener(options)
    guardServer(listener, transport[Symbol.toStringTag], path)
    return listener
  }
}
