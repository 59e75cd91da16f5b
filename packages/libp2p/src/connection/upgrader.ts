/**
 * The way every connection of every transport passes: `upgradeInbound` runs right after accept, `upgradeOutbound` right after the socket opened. Both are overridden on the
 * node's own upgrader, so that whoever holds it (transports, relay, encrypters) meets the same path however they came by it.
 *
 * Order inbound: admit (or abort the socket before a byte is read), deadline, then js-libp2p's upgrade with the pieces we wrapped; whatever goes wrong ends in one abort.
 */

import type { Connection, MultiaddrConnection, StreamMuxerFactory, Upgrader, UpgraderOptions } from '@libp2p/interface'
import type { OwnedContext } from '../context.ts'
import type { MissingHookError } from '../missing-hook.ts'
import { quieten } from '../muxer/quiet-log.ts'
import { admit } from './admit.ts'
import type { Claims } from './claims.ts'
import { guardNegotiation } from './handshake-bytes.ts'
import type { PendingTable } from './pending.ts'
import { probed } from './probe.ts'
import type { ConnectionRecord } from './record.ts'
import { silenceErrors, socketOf, whenSocketGone } from './socket.ts'
import type { UpgradeStages } from './stages.ts'

export interface UpgradePath {
  readonly context: OwnedContext
  readonly pending: PendingTable
  readonly stages: UpgradeStages
  readonly claims: Claims
  wrapMuxer(factory: StreamMuxerFactory): StreamMuxerFactory
  /** Throws or announces, as `onMissingHook` says. */
  onMissing(error: MissingHookError): void
}

export function overrideUpgrader(upgrader: Upgrader, path: UpgradePath): void {
  const inbound = upgrader.upgradeInbound.bind(upgrader)
  const outbound = upgrader.upgradeOutbound.bind(upgrader)

  upgrader.upgradeInbound = async (raw: MultiaddrConnection, options: UpgraderOptions): Promise<void> => {
    const own = withMuxer(path, options)
    if (probed(raw, 'upgradeInbound')) {
      return inbound(raw, own)
    }
    const record = recordOf(path, raw, 'inbound')
    path.pending.add(record)
    await guarded(path, record, raw, options, () => inbound(raw, own))
  }

  upgrader.upgradeOutbound = async (raw: MultiaddrConnection, options: UpgraderOptions): Promise<Connection> => {
    const own = withMuxer(path, options)
    if (probed(raw, 'upgradeOutbound')) {
      return outbound(raw, own)
    }
    const record = recordOf(path, raw, 'outbound')
    const connection = await guarded(path, record, raw, options, () => outbound(raw, own))
    record.bindConnection(connection)
    return connection
  }
}

/** The record made at accept or dial, else a new one. Throws `RefusedError`, the raw connection aborted. */
function recordOf(path: UpgradePath, raw: MultiaddrConnection, direction: 'inbound' | 'outbound'): ConnectionRecord {
  silenceErrors(raw)
  const claimed = path.claims.take(raw)
  const admission = claimed === undefined ? admit(path.context, raw.remoteAddr, direction) : { record: claimed }
  if ('refused' in admission) {
    raw.abort(admission.refused)
    whenSocketGone(raw, socketOf(raw), 'now', () => {})
    throw admission.refused
  }
  // Before the upgrade makes scopes of it: five for each connection, a twentieth of what an upgrade costs.
  quieten(raw)
  admission.record.bindRaw(raw)
  return admission.record
}

/** Runs an upgrade so that its record ends with it when it fails, and its caller sees our reason when it was ours. */
async function guarded<T>(
  path: UpgradePath,
  record: ConnectionRecord,
  raw: MultiaddrConnection,
  options: UpgraderOptions,
  upgrade: () => Promise<T>,
): Promise<T> {
  if (!isEncryptionSkipped(options)) {
    path.stages.begin(record, guardNegotiation(path.context, record, raw))
  }
  try {
    return await upgrade()
  } catch (error) {
    record.abort(error instanceof Error ? error : new Error(String(error)))
    throw record.refusal ?? error
  } finally {
    path.stages.end(record)
    path.pending.delete(record)
  }
}

function withMuxer(path: UpgradePath, options: UpgraderOptions): UpgraderOptions {
  return options.muxerFactory === undefined ? options : { ...options, muxerFactory: path.wrapMuxer(options.muxerFactory) }
}

function isEncryptionSkipped(options: UpgraderOptions): boolean {
  return 'skipEncryption' in options && options.skipEncryption === true
}
