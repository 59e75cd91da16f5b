/**
 * The peer is known once the handshake is done; js-libp2p then asks the gater, on every transport. The user's gater is asked first, then the peer scope.
 */

import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { OwnedContext } from '../context.ts'
import { admitPeer } from './admit.ts'
import { overlay } from './overlay.ts'
import { probed } from './probe.ts'
import { ConnectionRecord } from './record.ts'

type DenyEncrypted = (peer: PeerId, raw: MultiaddrConnection) => Promise<boolean> | boolean

export function composeGater(user: ConnectionGater, context: OwnedContext): ConnectionGater {
  const composed =
    (theirs: DenyEncrypted | undefined): DenyEncrypted =>
    async (peer, raw) => {
      if (probed(raw, 'gater')) {
        return false
      }
      if ((await theirs?.call(user, peer, raw)) === true) {
        return true
      }
      const record = context.stateOf(raw)
      return record instanceof ConnectionRecord && admitPeer(context, record, peer.toString()) !== undefined
    }
  return overlay(user, {
    // A user's gater is not shown the self-test's probe.
    denyInboundConnection: raw => (probed(raw, 'gater') ? false : (user.denyInboundConnection?.(raw) ?? false)),
    denyInboundEncryptedConnection: composed(user.denyInboundEncryptedConnection),
    denyOutboundEncryptedConnection: composed(user.denyOutboundEncryptedConnection),
  })
}
