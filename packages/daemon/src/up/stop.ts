/**
 * Stops the node within a deadline, whoever is connected. libp2p closes connections politely, which a remote that never reads can draw out; so after the
 * polite time what is left is aborted, and after the last deadline we go on without it.
 */

import type { Logger } from 'pino'
import type { ProtectedNode } from '../node/create.ts'

/** Time for connections to end in good order. */
export const DRAIN_MS = 5000
/** Time for libp2p to finish once every connection has been aborted. */
export const ABORT_MS = 3000

/** Rejects when libp2p failed to stop, or had not at the last deadline. */
export async function stopNode(node: ProtectedNode, log: Logger): Promise<void> {
  const stopped = Promise.resolve(node.stop()).then(() => true)
  if (await within(stopped, DRAIN_MS)) return
  const connections = node.getConnections()
  log.warn({ connections: connections.length }, `connections still open after ${DRAIN_MS / 1000} s are cut`)
  for (const connection of connections) connection.abort(new Error('the node is stopping'))
  if (await within(stopped, ABORT_MS)) return
  throw new Error(`libp2p did not stop within ${(DRAIN_MS + ABORT_MS) / 1000} s`)
}

/** The value, or undefined when it takes longer. */
export async function within<T>(value: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}
