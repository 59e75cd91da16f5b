/**
 * Wraps connection encrypters and the connection protector, for two things only: to spend the rate of handshakes before any key is computed,
 * and to know which stream came out of which connection.
 */

import type { ConnectionEncrypter, ConnectionProtector, MessageStream, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface'
import { ADMITTED } from '@sluice/core'
import type { OwnedContext } from '../context.ts'
import { guardNegotiation } from './handshake-bytes.ts'
import { overlay } from './overlay.ts'
import { ConnectionRecord } from './record.ts'
import type { UpgradeStages } from './stages.ts'

type Secure = (connection: MessageStream, options?: SecureConnectionOptions) => Promise<SecuredConnection>

/** @param stages told when a connection's encrypter negotiation is over */
export function wrapEncrypter(encrypter: ConnectionEncrypter, context: OwnedContext, stages: UpgradeStages): ConnectionEncrypter {
  const wrap =
    (secure: Secure): Secure =>
    async (connection, options) => {
      const record = context.stateOf(connection)
      if (!(record instanceof ConnectionRecord)) {
        return secure(connection, options)
      }
      stages.end(record)
      // Those we begin are our own wish, and dials have limits of their own.
      const decision = record.direction === 'inbound' ? record.handle.spend('handshake') : ADMITTED
      if (!decision.allow) {
        throw context.refuse(decision.denial, record)
      }
      const secured = await secure(connection, options)
      record.bindEncrypted(secured.connection)
      if (secured.streamMuxer === undefined && options?.skipStreamMuxerNegotiation !== true) {
        stages.begin(record, guardNegotiation(context, record, secured.connection))
      }
      return secured
    }
  return overlay(encrypter, {
    secureInbound: wrap((connection, options) => encrypter.secureInbound(connection, options)),
    secureOutbound: wrap((connection, options) => encrypter.secureOutbound(connection, options)),
  })
}

/** A private network's protector makes a new stream too; what comes out of it belongs to the same connection. */
export function wrapProtector(protector: ConnectionProtector, context: OwnedContext): ConnectionProtector {
  return overlay(protector, {
    async protect(connection, options) {
      const record = context.stateOf(connection)
      const stream = await protector.protect(connection, options)
      if (record !== undefined) {
        context.link(stream, record)
      }
      return stream
    },
  })
}
