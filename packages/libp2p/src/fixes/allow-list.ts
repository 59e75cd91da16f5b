/**
 * js-libp2p 3.3.11, two defects of the connection manager's allow list. Allow-listed connections count as pending but skip the check, and the check is `===`: once they carry the
 * count past the cap, it is off for everybody. And with any entry in the list, every address without an IP (relayed, memory) is taken as listed.
 *
 * Source: https://github.com/libp2p/js-libp2p/blob/main/packages/libp2p/src/connection-manager/index.ts (`acceptIncomingConnection`).
 *
 * Mended here in front of the original: an unlisted connection meets the cap as `>=` over unlisted connections' and listed ones' sum, and a connection without an IP is never listed.
 */

import type { MultiaddrConnection } from '@libp2p/interface'

/** The fields behind `private` in js-libp2p's class; `wrongAllowList` says whether they are still there. */
export interface AcceptingManager {
  acceptIncomingConnection(connection: MultiaddrConnection): boolean
  allow: readonly { contains(host: string): boolean }[]
  incomingPendingConnections: number
  readonly maxIncomingPendingConnections: number
}

const IP = /^\/ip[46]\/([^/]+)/

/** @returns the manager with its private fields named, or undefined when a release has moved them */
export function acceptingManager(manager: object): AcceptingManager | undefined {
  const candidate = manager as Partial<AcceptingManager>
  return typeof candidate.acceptIncomingConnection === 'function' &&
    Array.isArray(candidate.allow) &&
    typeof candidate.incomingPendingConnections === 'number' &&
    typeof candidate.maxIncomingPendingConnections === 'number'
    ? (candidate as AcceptingManager)
    : undefined
}

/** True while the defect is there: one pending connection too many lifts the cap. Leaves the manager as it was. */
export function pendingCapIsLifted(manager: AcceptingManager, unlisted: MultiaddrConnection): boolean {
  const { allow, incomingPendingConnections: pending } = manager
  manager.allow = []
  manager.incomingPendingConnections = manager.maxIncomingPendingConnections + 1
  const lifted = manager.acceptIncomingConnection(unlisted)
  manager.allow = allow
  manager.incomingPendingConnections = pending
  return lifted
}

export function mendAllowList(manager: AcceptingManager): void {
  const accept = manager.acceptIncomingConnection.bind(manager)
  manager.acceptIncomingConnection = connection => {
    const host = IP.exec(connection.remoteAddr.toString())?.[1]
    if (host !== undefined && manager.allow.some(net => net.contains(host))) return accept(connection)
    if (manager.incomingPendingConnections > manager.maxIncomingPendingConnections) return false
    const { allow } = manager
    manager.allow = []
    try {
      return accept(connection)
    } finally {
      manager.allow = allow
    }
  }
}
