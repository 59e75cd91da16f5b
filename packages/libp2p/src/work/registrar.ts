/**
 * The registrar, held at two places. `getMiddleware` runs for every stream of either direction just before its handler or its opener gets it: there the stream's listeners are
 * guarded. `handle` is where handlers come in: each is wrapped so that its work is charged first, and so that nothing it throws travels further than its stream.
 *
 * Handlers registered before this runs are wrapped where they lie.
 */

import type { Connection, Stream, StreamHandler } from '@libp2p/interface'
import type { ConnectionState, NodeContext } from '../context.ts'
import { escapeError, escapeText } from '../escape.ts'
import { guardOf } from '../stream/attach.ts'
import type { RegistrarLike } from './components.ts'
import { guardListeners } from './listeners.ts'

/**
 * What happens between a negotiated stream and its handler: call `run` to let it through (once), or abort the stream and return. May replace nothing: the stream is the one the
 * handler gets.
 */
export type HandlerGate = (stream: Stream, state: ConnectionState, run: () => Promise<void>) => Promise<void>

/** Finds the gate of a protocol by its name, or undefined where the handler needs none. */
export type GateOf = (protocol: string) => HandlerGate | undefined

export interface RegistrarGuard {
  /** Handlers running now, of inbound streams; includes those whose stream is closed already. */
  readonly handlersRunning: number
}

const wrapped = new WeakSet<StreamHandler>()

export function guardRegistrar(registrar: RegistrarLike, context: NodeContext, gateOf: GateOf): RegistrarGuard {
  const log = context.logger.forComponent('sluice:registrar')
  let handlersRunning = 0

  const failed = (stream: Stream, error: unknown): void => {
    log('handler of "%s" threw - %s', escapeText(stream.protocol), escapeError(error))
  }

  const wrap = (protocol: string, handler: StreamHandler): StreamHandler => {
    if (wrapped.has(handler)) return handler
    const gate = gateOf(protocol)
    const guardedHandler: StreamHandler = async (stream, connection) => {
      handlersRunning++
      // What a handler holds is not free because its stream is closed.
      const settled = guardOf(stream)?.onHandler()
      try {
        const state = context.stateOf(connection)
        const run = async (): Promise<void> => {
          await handler(stream, connection)
        }
        await (gate === undefined || state === undefined ? run() : gate(stream, state, run))
      } catch (error) {
        failed(stream, error)
        stream.abort(error instanceof Error ? error : new Error(`a handler threw ${typeof error}`))
      } finally {
        handlersRunning--
        settled?.()
      }
    }
    wrapped.add(guardedHandler)
    return guardedHandler
  }

  for (const protocol of registrar.getProtocols()) {
    const record = registrar.getHandler(protocol)
    record.handler = wrap(protocol, record.handler)
  }
  const handle = registrar.handle.bind(registrar)
  registrar.handle = (protocol, handler, options) => handle(protocol, wrap(protocol, handler), options)

  const guard = (stream: Stream, connection: Connection, next: (stream: Stream, connection: Connection) => void): void => {
    guardListeners(stream, failed)
    next(stream, connection)
  }
  const getMiddleware = registrar.getMiddleware.bind(registrar)
  registrar.getMiddleware = protocol => [guard, ...getMiddleware(protocol)]

  addHooks(registrar, context)
  return {
    get handlersRunning() {
      return handlersRunning
    },
  }
}

function addHooks(registrar: RegistrarLike, context: NodeContext): void {
  context.hooks.add({
    name: 'registrar.handle',
    guards: 'the work of identify, ping and relay streams is not charged, and handlers that throw rely on js-libp2p alone',
    prove() {
      const bare = registrar.getProtocols().filter(protocol => !wrapped.has(registrar.getHandler(protocol).handler))
      return bare.length === 0
        ? undefined
        : `the handlers of ${bare
            .slice(0, 4)
            .map(name => escapeText(name))
            .join(', ')} are not wrapped`
    },
  })
  context.hooks.add({
    name: 'registrar.getMiddleware',
    guards: 'a listener that throws on what a peer sent ends the process',
    prove() {
      const protocol = '/sluice/self-test'
      const first = registrar.getMiddleware(protocol)
      if (!Array.isArray(first) || first.length === 0) return 'getMiddleware gives no list to lead'
      return registrar.getMiddleware(protocol) === first ? 'getMiddleware hands out its own list' : undefined
    },
  })
}
