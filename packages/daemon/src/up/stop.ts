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

/** @returns false when libp2p had not finished at the last deadline */
export async function stopNode(node: ProtectedNode, log: Logger): Promise<boolean> {
  const stopped = Promise.resolve(node.stop()).then(
    () => true,
    (error: unknown) => {
      log.error({ error: error instanceof Error ? error.message : String(error) }, 'libp2p did not stop in order')
      return false
    },
  )
  const polite = await within(stopped, DRAIN_MS)
  if (polite !== undefined) return polite
  const connections = node.getConnections()
  log.warn({ connections: connections.length }, `connections still open after ${DRAIN_MS / 1000} s are cut`)
  for (const connection of connections) connection.abort(new Error('the node is stopping'))
  const forced = await within(stopped, ABORT_MS)
  if (forced === undefined) log.error(`libp2p did not stop within ${(DRAIN_MS + ABORT_MS) / 1000} s`)
  return forced ?? false
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
