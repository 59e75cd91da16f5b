/**
 * js-libp2p 3.3.11: a connection pushes each inbound stream's handler into the very array that `registrar.use` stored, so the array grows by one handler a stream, every
 * handler in it runs for every later stream, and outbound streams run inbound handlers.
 *
 * Source: https://github.com/libp2p/js-libp2p/blob/main/packages/libp2p/src/connection.ts (`middleware.push` in `onIncomingStream`)
 * and https://github.com/libp2p/js-libp2p/blob/main/packages/libp2p/src/registrar.ts (`getMiddleware` returns the stored array).
 *
 * Mended here by handing out a copy.
 */

import type { RegistrarLike } from '../work/components.ts'

/** True while js-libp2p hands out its own array; false once upstream copies, when this file can go. */
export function middlewareIsShared(
  registrar: RegistrarLike & { use(protocol: string, middleware: []): void; unuse(protocol: string): void },
): boolean {
  const probe = '/sluice/fix/middleware'
  registrar.use(probe, [])
  registrar.getMiddleware(probe).push((stream, connection, next) => next(stream, connection))
  const shared = registrar.getMiddleware(probe).length > 0
  registrar.unuse(probe)
  return shared
}

export function copyMiddleware(registrar: RegistrarLike): void {
  const getMiddleware = registrar.getMiddleware.bind(registrar)
  registrar.getMiddleware = protocol => [...getMiddleware(protocol)]
}
