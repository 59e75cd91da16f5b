/**
 * The net.Server below a listener. Two things happen there that the upgrader never sees:
 *
 * - a WebSocket listener holds a socket through TLS and HTTP before it upgrades it: it is admitted and given its deadline here, at accept;
 * - listeners throw from their `connection` handler (a socket accepted in the very tick the listener closes) and leave WebSockets without an `error` handler,
 *   which a peer's malformed frame then turns into an uncaught exception.
 */

import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Listener } from '@libp2p/interface'
import { ipPortToMultiaddr } from '@libp2p/utils'
import { MissingHookError } from '../missing-hook.ts'
import { admit } from './admit.ts'
import type { UpgradePath } from './upgrader.ts'

/** Largest WebSocket message accepted, where the `ws` module would buffer 100 MiB before anybody sees a byte. libp2p sends one encrypted frame (64 KiB) or one write each. */
export const WEBSOCKET_MESSAGE_BYTES_MAX: number = 4 * 1024 * 1024

interface WebSocketServerLike extends EventEmitter {
  readonly options: { maxPayload?: number }
}

type OnSocket = (socket: Socket) => void

const WEBSOCKETS = '@libp2p/websockets'
/** Transports known to keep a net.Server in `server`; others are left as they are. */
const WITH_SERVER: ReadonlySet<string> = new Set(['@libp2p/tcp', WEBSOCKETS])

export function guardServer(listener: Listener, tag: string, path: UpgradePath): void {
  if (!WITH_SERVER.has(tag)) {
    return
  }
  const { server, wsServer } = listener as unknown as { server?: unknown; wsServer?: unknown }
  const handlers = isEmitter(server) ? (server.listeners('connection') as OnSocket[]) : []
  if (!isEmitter(server) || handlers.length === 0) {
    path.onMissing(
      new MissingHookError([
        { name: `${tag} server`, guards: 'sockets are not counted before their upgrade', found: 'no server that accepts' },
      ]),
    )
    return
  }
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (tag === WEBSOCKETS && !admitSocket(socket, path)) {
      return
    }
    for (const handler of handlers) {
      try {
        handler.call(server, socket)
      } catch (error) {
        path.context.log('the listener did not take a socket - %e', error)
        socket.destroy()
      }
    }
  })
  if (tag === WEBSOCKETS) {
    guardWebSockets(wsServer, path)
  }
}

/** Counts the socket from here; its record is claimed when the WebSocket is upgraded. */
function admitSocket(socket: Socket, path: UpgradePath): boolean {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.destroy()
    return false
  }
  // A socket nobody reads yet has no error handler either.
  socket.on('error', () => {})
  const address = ipPortToMultiaddr(remoteAddress, remotePort).encapsulate('/ws')
  const admission = admit(path.context, address, 'inbound', socket)
  if ('refused' in admission) {
    socket.resetAndDestroy()
    return false
  }
  path.claims.accepted(address.toString(), admission.record)
  path.pending.add(admission.record)
  return true
}

function guardWebSockets(wsServer: unknown, path: UpgradePath): void {
  if (!isEmitter(wsServer) || typeof (wsServer as WebSocketServerLike).options !== 'object') {
    path.onMissing(
      new MissingHookError([
        { name: `${WEBSOCKETS} messages`, guards: 'a WebSocket message may be 100 MiB long', found: 'no WebSocketServer in the listener' },
      ]),
    )
    return
  }
  const { options } = wsServer as WebSocketServerLike
  const theirs = options.maxPayload
  const ours = Math.min(theirs ?? Number.POSITIVE_INFINITY, WEBSOCKET_MESSAGE_BYTES_MAX)
  // Read by the server at each upgrade.
  Object.defineProperty(options, 'maxPayload', { get: () => (path.context.mode() === 'enforce' ? ours : theirs), enumerable: true })
}

function isEmitter(value: unknown): value is EventEmitter {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'removeAllListeners' in value && 'on' in value
}
