/**
 * A logger for the streams of a muxer whose own logger is switched off. @libp2p/logger makes three named loggers for every scope (8 microseconds and several kilobytes each time, three scopes
 * and more per stream) also where nobody reads them; this one is its own scope. A muxer whose log is read keeps the logger it has.
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

/** @param muxer its `log` is replaced while nobody reads it */
export function quieten(muxer: object): void {
  const owner = muxer as { log?: Logger }
  const { log } = owner
  if (log !== undefined && off(log as Switchable) && off(log.error as Switchable) && off(log.trace as Switchable)) owner.log = quiet
}
