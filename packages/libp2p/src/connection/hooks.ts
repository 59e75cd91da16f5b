/**
 * The proofs that the connection part holds on. The upgrade path is proved by driving a probe through the node's own upgrader; the rest by finding our own work where js-libp2p will look for it.
 */

import type { NodeContext } from '../context.ts'
import type { NodeComponents } from './components.ts'
import { unifiesDialErrors } from './dial-errors.ts'
import type { ConnectionGuard } from './install.ts'
import { isLinkedMuxer } from './muxers.ts'
import { overlay } from './overlay.ts'
import type { ProbeStep } from './probe.ts'
import { createProbe, ProbeDone } from './probe.ts'
import { isWrappedTransport } from './transports.ts'

/** Longest a probe may take through the upgrader. */
const PROBE_TIMEOUT_MS = 5_000

export function addConnectionHooks(context: NodeContext, components: NodeComponents, guard: ConnectionGuard): void {
  const { hooks } = context
  for (const direction of ['inbound', 'outbound'] as const) {
    hooks.add({
      name: `upgrader ${direction}`,
      guards: `${direction} connections are not counted, limited or charged`,
      prove: () => proveUpgrade(context, components, direction),
    })
  }
  hooks.add({
    name: 'transport manager',
    guards: 'sockets are upgraded past the admission path',
    prove() {
      const held = (components.transportManager as { components?: { upgrader?: unknown } }).components?.upgrader
      return held === components.upgrader ? undefined : 'it does not hand out the node upgrader we hold'
    },
  })
  hooks.add({
    name: 'transports',
    guards: 'refused dials open their socket all the same',
    prove() {
      const strange = components.transportManager.getTransports().filter(transport => !isWrappedTransport(transport))
      return strange.length === 0 ? undefined : `${strange.map(transport => transport[Symbol.toStringTag]).join(', ')} dial past us`
    },
  })
  hooks.add({
    name: 'connection encrypters',
    guards: 'handshakes are not charged and encrypted streams not traced to their connection',
    prove() {
      const strange = [...components.upgrader.getConnectionEncrypters().values()].filter(encrypter => !guard.encrypters.has(encrypter))
      return strange.length === 0 ? undefined : `${strange.map(encrypter => encrypter.protocol).join(', ')} is used unwrapped`
    },
  })
  hooks.add({
    name: 'stream muxers',
    guards: 'streams are not counted from their first frame',
    prove() {
      const strange = [...components.upgrader.getStreamMuxers().values()].filter(factory => !isLinkedMuxer(factory))
      return strange.length === 0 ? undefined : `${strange.map(factory => factory.protocol).join(', ')} is used unwrapped`
    },
  })
  hooks.add({
    name: 'connection manager',
    guards: 'a refused dial is not reported as one',
    prove: () => (unifiesDialErrors(components.connectionManager) ? undefined : 'openConnection was replaced'),
  })
}

async function proveUpgrade(
  context: NodeContext,
  components: NodeComponents,
  direction: 'inbound' | 'outbound',
): Promise<string | undefined> {
  // An upgrade refuses the node's own id; this one only has to be another's in that one comparison.
  const remotePeer = overlay(components.peerId, { equals: () => false })
  const probe = createProbe(context.logger)
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
  const options = { skipEncryption: true, skipProtection: true, remotePeer, muxerFactory: probe.muxerFactory, signal } as const
  const { upgrader } = components
  try {
    await (direction === 'inbound' ? upgrader.upgradeInbound(probe.raw, options) : upgrader.upgradeOutbound(probe.raw, options))
    return 'it made a connection without asking the muxer it was given'
  } catch (error) {
    if (!(error instanceof ProbeDone)) {
      return `an upgrade ended early: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  const expected: readonly ProbeStep[] = [direction === 'inbound' ? 'upgradeInbound' : 'upgradeOutbound', 'gater', 'muxer']
  const missed = expected.filter(step => !probe.steps.has(step))
  return missed.length === 0 ? undefined : `an upgrade passed by ${missed.join(', ')}`
}
