/**
 * Logs what the engine and the adapter decide. Denials and cuts, of which there can be floods, go through the adapter's fold; what an operator did is a line each.
 */

import type { Clock } from '@sluice/core'
import type { SluiceEvent } from '@sluice/libp2p'
import { openLogFold } from '@sluice/libp2p'
import type { Logger } from 'pino'

export interface EventLog {
  readonly event: (event: SluiceEvent) => void
  /** Writes what is counted and stops the timer. Idempotent. */
  close(): void
}

export function openEventLog(log: Logger, clock: Clock): EventLog {
  const fold = openLogFold({ clock, write: line => log.info(line) })
  return {
    event(event) {
      if (event.type === 'denial' || event.type === 'cut') fold.add(event)
      else write(event, log)
    },
    close: () => fold.close(),
  }
}

function write(event: Exclude<SluiceEvent, { readonly type: 'denial' | 'cut' }>, log: Logger): void {
  if (event.type === 'ban') {
    log.info({ target: event.ban.target, reason: event.ban.reason }, 'banned')
  } else if (event.type === 'unban') {
    log.info({ target: event.target }, event.expired ? 'ban ended' : 'ban lifted')
  } else if (event.type === 'policy') {
    log.info({ mode: event.mode }, 'the policy was changed')
  } else {
    log.error({ failed: event.failed }, 'the recording has ended: an input could not be written')
  }
}
