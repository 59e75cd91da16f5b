/**
 * Takes hold of one node's connections: the factories' products as js-libp2p makes them, then, once they all exist, the upgrader, the gater and the connection manager.
 */

import type { ConnectionEncrypter, ConnectionProtector, StreamMuxerFactory, Transport } from '@libp2p/interface'
import type { OwnedContext } from '../context.ts'
import type { MissingHookError } from '../missing-hook.ts'
import { Claims } from './claims.ts'
import type { NodeComponents } from './components.ts'
import { unifyDialErrors } from './dial-errors.ts'
import { wrapEncrypter, wrapProtector } from './encrypters.ts'
import { composeGater } from './gater.ts'
import { addConnectionHooks } from './hooks.ts'
import { linkMuxer } from './muxers.ts'
import { PendingTable } from './pending.ts'
import { ConnectionRecord } from './record.ts'
import { UpgradeStages } from './stages.ts'
import { overrideTransport } from './transports.ts'
import type { UpgradePath } from './upgrader.ts'
import { overrideUpgrader } from './upgrader.ts'

export interface ConnectionGuard {
  readonly pending: PendingTable
  /** Encrypters that are ours, for the self-test. */
  readonly encrypters: ReadonlySet<ConnectionEncrypter>
  encrypter(encrypter: ConnectionEncrypter): ConnectionEncrypter
  protector(protector: ConnectionProtector): ConnectionProtector
  muxer(factory: StreamMuxerFactory): StreamMuxerFactory
  transport(transport: Transport): Transport
  /** Idempotent. Needs upgrader, connection and transport manager; call before anybody keeps a method of them. */
  install(components: NodeComponents): void
}

export function guardConnections(context: OwnedContext, onMissing: (error: MissingHookError) => void): ConnectionGuard {
  const stages = new UpgradeStages()
  const pending = new PendingTable(context)
  const encrypters = new Set<ConnectionEncrypter>()
  const muxer = (factory: StreamMuxerFactory): StreamMuxerFactory => linkMuxer(factory, context, stages)
  const path: UpgradePath = { context, pending, stages, claims: new Claims(), wrapMuxer: muxer, onMissing }
  let installed = false

  const guard: ConnectionGuard = {
    pending,
    encrypters,
    encrypter(encrypter) {
      const wrapped = wrapEncrypter(encrypter, context, stages)
      encrypters.add(wrapped)
      return wrapped
    },
    protector: protector => wrapProtector(protector, context),
    muxer,
    transport(transport) {
      overrideTransport(transport, path)
      return transport
    },
    install(components) {
      if (installed) {
        return
      }
      installed = true
      overrideUpgrader(components.upgrader, path)
      components.connectionGater = composeGater(components.connectionGater, context)
      unifyDialErrors(components.connectionManager)
      components.events.addEventListener('connection:open', ({ detail: connection }) => {
        const record = context.stateOf(connection.timeline)
        if (record instanceof ConnectionRecord) {
          record.bindConnection(connection)
        }
      })
      addConnectionHooks(context, components, guard)
    },
  }
  return guard
}
