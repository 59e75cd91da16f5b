/**
 * A logger for the handshake and the streams of a connection whose own logger is switched off. @libp2p/logger makes three named loggers for every scope (8 microseconds and several kilobytes each time, three scopes
 * and more per stream) also where nobody reads them; this one is its own scope. What has a log that is read keeps it.
 */

import type { Logger } from '@libp2p/interface'

function nothing(): void {}

const quiet: Logger = Object.assign(nothing, {
  enabled: false,
  error: Object.assign(() => {}, { enabled: false }),
  trace: Object.assign(() => {}, { enabled: false }),
  newScope: (): Logger => quiet,
})

interface Switchable {
  readonly enabled?: boolean
  readonly namespace?: string
}

/** Switched off, and of the making we know: another logger may leave `enabled` out and still write. */
function off(log: Switchable | undefined): boolean {
  return typeof log?.namespace === 'string' && !log.enabled
}

/**
 * Nothing at all is logged by name: `enable()` of @libp2p/logger writes there too. A pattern may name an inner scope alone (`*:noise*`), which the outer logger's state does not tell.
 */
function unread(): boolean {
  return (process.env.DEBUG ?? '') === ''
}

/** @param target a raw connection or a muxer, whose `log` is replaced when nobody reads it */
export function quieten(target: object): void {
  const owner = target as { log?: Logger }
  const { log } = owner
  if (log !== undefined && off(log as Switchable) && off(log.error as Switchable) && off(log.trace as Switchable) && unread())
    owner.log = quiet
}
