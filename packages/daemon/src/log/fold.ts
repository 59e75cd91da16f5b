/**
 * Logs what the engine and the adapter decide, folded: the first of a kind is written at once, what follows within the window becomes one line with the
 * number. A flood must not fill a disk with the proof that it was refused. Keyed by rule, scope class and limit, or by the reason of a cut, never by peer
 * or address, so that lines do not grow with the number of attackers. The fold owns no timer; `openEventLog` gives it one.
 */

import type { Clock, GovernorEvent, Mode } from '@sluice/core'
import type { CutEvent } from '@sluice/libp2p'
import type { Logger } from 'pino'

/** Length of a window. */
export const FOLD_WINDOW_MS = 10_000
/** Kinds told apart in one window; further ones are counted together. */
export const FOLD_KINDS_MAX = 256

const OTHER_KINDS = 'other rules'

export interface FoldInit {
  readonly clock: Clock
  /** Called with a line for the log. */
  readonly write: (line: string) => void
  /** @default 10000 */
  readonly windowMs?: number
  /** @default 256 */
  readonly kindsMax?: number
}

interface Window {
  readonly startedMs: number
  readonly summary: string
  repeated: number
}

export class Fold {
  readonly #clock: Clock
  readonly #write: (line: string) => void
  readonly #windowMs: number
  readonly #kindsMax: number
  readonly #windows = new Map<string, Window>()

  constructor(init: FoldInit) {
    this.#clock = init.clock
    this.#write = init.write
    this.#windowMs = init.windowMs ?? FOLD_WINDOW_MS
    this.#kindsMax = init.kindsMax ?? FOLD_KINDS_MAX
  }

  /** Kinds with a window open now. */
  get size(): number {
    return this.#windows.size
  }

  /** @param kind what is told apart @param line written for the first of a window @param summary what the rest of the window is called, e.g. `denied: rate.ping` */
  add(kind: string, line: string, summary: string): void {
    const nowMs = this.#clock.now()
    const known = this.#windows.has(kind) || this.#windows.size < this.#kindsMax
    const key = known ? kind : OTHER_KINDS
    const open = this.#windows.get(key)
    if (open !== undefined && nowMs - open.startedMs < this.#windowMs) {
      open.repeated++
      return
    }
    if (open !== undefined) this.#end(key, open, nowMs)
    this.#windows.set(key, { startedMs: nowMs, summary: known ? summary : OTHER_KINDS, repeated: 0 })
    this.#write(line)
  }

  /** Writes what the windows that are over have counted. */
  flush(): void {
    const nowMs = this.#clock.now()
    for (const [key, open] of this.#windows) if (nowMs - open.startedMs >= this.#windowMs) this.#end(key, open, nowMs)
  }

  /** Writes everything counted so far. */
  close(): void {
    const nowMs = this.#clock.now()
    for (const [key, open] of this.#windows) this.#end(key, open, nowMs)
  }

  #end(key: string, open: Window, nowMs: number): void {
    this.#windows.delete(key)
    if (open.repeated === 0) return
    this.#write(`${open.summary}, ${open.repeated} more times in ${Math.max(1, Math.round((nowMs - open.startedMs) / 1000))} s`)
  }
}

export interface EventLog {
  readonly event: (event: GovernorEvent | CutEvent) => void
  /** Writes what is counted and stops the timer. Idempotent. */
  close(): void
}

export function openEventLog(log: Logger, clock: Clock): EventLog {
  const fold = new Fold({ clock, write: line => log.info(line) })
  const timer = setInterval(() => fold.flush(), FOLD_WINDOW_MS).unref()
  return {
    event: event => write(event, fold, log),
    close() {
      clearInterval(timer)
      fold.close()
    },
  }
}

function write(event: GovernorEvent | CutEvent, fold: Fold, log: Logger): void {
  if (event.type === 'denial') {
    const { rule, scopeClass, limit, message } = event.denial
    fold.add(
      `${event.mode} ${rule} ${scopeClass} ${limit}`,
      `${verb('deny', event.mode)}: ${message}`,
      `${verb('deny', event.mode)}: ${rule} (limit ${limit})`,
    )
  } else if (event.type === 'cut') {
    const { reason, what, address, message } = event
    fold.add(
      `${event.mode} cut ${reason}`,
      `${verb('cut', event.mode)} ${what} of ${address}: ${message}`,
      `${verb('cut', event.mode)}: ${reason}`,
    )
  } else if (event.type === 'ban') {
    log.info({ target: event.ban.target, reason: event.ban.reason }, 'banned')
  } else if (event.type === 'unban') {
    log.info({ target: event.target }, event.expired ? 'ban ended' : 'ban lifted')
  } else if (event.type === 'policy') {
    log.info({ mode: event.mode }, 'the policy was changed')
  } else {
    log.error({ failed: event.failed }, 'the recording has ended: an input could not be written')
  }
}

function verb(what: 'deny' | 'cut', mode: Mode): string {
  if (mode === 'observe') return `would ${what}`
  return what === 'deny' ? 'denied' : 'cut'
}
