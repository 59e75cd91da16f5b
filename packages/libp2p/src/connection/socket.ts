/**
 * The operating system's side of a connection. js-libp2p calls a connection closed as soon as the remote has sent its FIN, or when it was aborted;
 * the socket and what is queued in it may live on: a TCP socket until a remote that does not read takes its data or two minutes pass, an aborted WebSocket forever
 * (its transport closes it with a code that WebSocket implementations reject). What still holds memory and a descriptor must stay charged, and must end.
 */

/** How long a closed connection's socket may take to flush before it is destroyed. */
export const LINGER_MS = 5_000

interface NodeSocket {
  readonly destroyed: boolean
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

interface WebSocketLike {
  readonly readyState: number
  close(): void
  terminate?(): void
}

const WEBSOCKET_CLOSING = 2

function isNodeSocket(value: unknown): value is NodeSocket {
  return (
    typeof value === 'object' &&
    value !== null &&
    'destroyed' in value &&
    typeof value.destroyed === 'boolean' &&
    'destroy' in value &&
    typeof value.destroy === 'function' &&
    'once' in value &&
    typeof value.once === 'function'
  )
}

function isWebSocket(value: unknown): value is WebSocketLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'readyState' in value &&
    typeof value.readyState === 'number' &&
    'close' in value &&
    typeof value.close === 'function'
  )
}

/** The Node.js socket below a raw connection, where its transport keeps one in reach. */
export function socketOf(raw: object): NodeSocket | undefined {
  const { socket, websocket } = raw as { socket?: unknown; websocket?: unknown }
  if (isNodeSocket(socket)) {
    return socket
  }
  const inner = typeof websocket === 'object' && websocket !== null ? (websocket as { _socket?: unknown })._socket : undefined
  return isNodeSocket(inner) ? inner : undefined
}

/**
 * Calls back once the socket is gone.
 *
 * @param end when it is destroyed, if it does not go by itself
 */
export function whenSocketGone(
  raw: object | undefined,
  socket: NodeSocket | undefined,
  end: 'now' | 'after LINGER_MS' | 'never',
  gone: () => void,
): void {
  if (raw !== undefined) {
    closeWebSocket(raw, end === 'now')
  }
  if (socket === undefined || socket.destroyed) {
    gone()
    return
  }
  let timer: NodeJS.Timeout | undefined
  socket.once('close', () => {
    clearTimeout(timer)
    gone()
  })
  if (end === 'now') {
    socket.destroy()
    return
  }
  if (end === 'never') {
    return
  }
  timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
}

/** Gives a WebSocket the `error` handler its transport leaves out: without one, a malformed frame is an uncaught exception. Its `close` event follows and ends the connection. */
export function silenceErrors(raw: object): void {
  const { websocket } = raw as { websocket?: unknown }
  if (isWebSocket(websocket) && 'addEventListener' in websocket && typeof websocket.addEventListener === 'function') {
    websocket.addEventListener('error', () => {})
  }
}

function closeWebSocket(raw: object, now: boolean): void {
  const { websocket } = raw as { websocket?: unknown }
  if (!isWebSocket(websocket) || websocket.readyState >= WEBSOCKET_CLOSING + 1) {
    return
  }
  if (now && websocket.terminate !== undefined) {
    websocket.terminate()
  } else if (websocket.readyState < WEBSOCKET_CLOSING) {
    websocket.close()
  }
}
