/**
 * Defects of js-libp2p mended from outside, one file each, with the place upstream it concerns and a check that says when it is mended there. This applies those that belong to a
 * node; those that belong to each stream are applied by the stream part.
 */

import type { NodeContext } from '../context.ts'
import type { RegistrarLike } from '../work/components.ts'
import { acceptingManager, mendAllowList } from './allow-list.ts'
import { boundPingAnswers } from './ping-reply.ts'
import { copyMiddleware } from './registrar-middleware.ts'

export interface FixComponents {
  readonly registrar: RegistrarLike
  readonly connectionManager: object
}

/** Call before `protectWork`, from the same factory. */
export function applyFixes(components: FixComponents, context: NodeContext): void {
  copyMiddleware(components.registrar)
  boundPingAnswers(components.registrar)
  const manager = acceptingManager(components.connectionManager)
  if (manager !== undefined) mendAllowList(manager)
  context.hooks.add({
    name: 'connectionManager.acceptIncomingConnection',
    guards: 'an allow list of js-libp2p lifts its cap of pending connections for everybody',
    prove: () => (manager === undefined ? 'the connection manager keeps its allow list elsewhere' : undefined),
  })
}
