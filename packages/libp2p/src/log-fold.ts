/**
 * Repeated denials and cuts folded into one line per window: the first of a kind is written at once, the rest are counted and written as
 * "denied 214 more times in 10 s". A flood must not fill a disk with the proof that it was refused.
 *
 * Keyed by rule, scope class and limit, or by the reason of a cut, never by peer or address, so that the number of lines does not grow with the number of attackers.
 * `LogFold` owns no timer; `openLogFold` gives it one, and `foldEvents` a node's logger.
 */

import type { Clock } from '@sluice/core'
import type { NodeContext } from './context.ts'
import type { SluiceEvent } from './events.ts'

/** Kinds told apart in one window; further ones are counted together: one row more for each of denied, cut, and both in `observe`. */
export const FOLDED_KINDS_MAX = 256

/** Length of a window in milliseconds. */
export const FOLD_WINDOW_MS = 10_000

/** What there can be a flood of. */
export type FoldedEvent = Extract<SluiceEvent, { readonly type: 'denial' | 'cut' }>

interface Window {
  readonly done: string
  readonly what: string
  readonly startedMs: number
  /** Events after the first of the window, which was written in full. */
  repeated: number
}

export interface LogFoldInit {
  readonly clock: Clock
  /** Receives one line at a time, without a line end. */
  readonly write: (line: string) => void
  /** @default 10000 */
  readonly windowMs?: number
  /** @default 256 */
  readonly kindsMax?: number
}

export class LogFold {
  readonly #clock: Clock
  readonly #write: (line: string) => void
  readonly #windowMs: number
  readonly #kindsMax: number
  readonly #windows = new Map<string, Window>()

  constructor(init: LogFoldInit) {
    this.#clock = init.clock
    this.#write = init.write
    this.#windowMs = init.windowMs ?? FOLD_WINDOW_MS
    this.#kindsMax = init.kindsMax ?? FOLDED_KINDS_MAX
  }

  /** Kinds with a window open now. */
  get size(): number {
    return this.#windows.size
  }

  add(event: FoldedEvent): void {
    const nowMs = this.#clock.now()
    const { kind, line, what } = textsOf(event)
    const isRoomy = this.#windows.has(kind) || this.#windows.size < this.#kindsMax
    const key = isRoomy ? kind : `${event.mode} other ${event.type}`
    const open = this.#windows.get(key)
    if (open !== undefined && nowMs - open.startedMs < this.#windowMs) {
      open.repeated++
      return
    }
    if (open !== undefined) this.#end(key, open, nowMs)
    const done = event.type === 'cut' ? 'cut' : 'denied'
    this.#windows.set(key, {
      done: event.mode === 'observe' ? `would have ${done}` : done,
      what: isRoomy ? what : event.type === 'cut' ? 'other reasons' : 'other rules',
      startedMs: nowMs,
      repeated: 0,
    })
    this.#write(line)
  }

  /** Writes what the windows that ended have counted. @returns milliseconds until the next window ends, or `undefined` when nothing is held */
  flush(): number | undefined {
    const nowMs = this.#clock.now()
    let nextMs: number | undefined
    for (const [key, open] of this.#windows) {
      const leftMs = open.startedMs + this.#windowMs - nowMs
      if (leftMs <= 0) this.#end(key, open, nowMs)
      else nextMs = Math.min(nextMs ?? leftMs, leftMs)
    }
    return nextMs
  }

  /** Writes everything counted so far. */
  close(): void {
    const nowMs = this.#clock.now()
    for (const [key, open] of this.#windows) this.#end(key, open, nowMs)
  }

  #end(key: string, { done, what, startedMs, repeated }: Window, nowMs: number): void {
    this.#windows.delete(key)
    if (repeated === 0) return
    this.#write(`${done} ${repeated} more times in ${Math.max(1, Math.round((nowMs - startedMs) / 1000))} s: ${what}`)
  }
}

/** What an event is told apart by, its line when it is the first of a window, and what the rest of the window is called. */
function textsOf(event: FoldedEvent): { readonly kind: string; readonly line: string; readonly what: string } {
  const { mode } = event
  const would = mode === 'observe'
  if (event.type === 'cut') {
    const { reason, what, address, message } = event
    return { kind: `${mode} cut ${reason}`, line: `${would ? 'would cut' : 'cut'} ${what} of ${address}: ${message}`, what: reason }
  }
  const { rule, scopeClass, limit, message } = event.denial
  return {
    kind: `${mode} ${rule} ${scopeClass} ${limit}`,
    line: `${would ? 'would deny' : 'denied'}: ${message}`,
    what: `${rule} (limit ${limit})`,
  }
}

export interface OpenLogFold {
  add(event: FoldedEvent): void
  /** Writes what is counted and stops the timer. Idempotent; the fold may be used again afterwards. */
  close(): void
}

/** A fold that writes by itself what its windows have counted, at most a window late. Its timer keeps no process alive. */
export function openLogFold(init: LogFoldInit): OpenLogFold {
  const fold = new LogFold(init)
  let timer: NodeJS.Timeout | undefined
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      if (fold.flush() !== undefined) later()
    }, init.windowMs ?? FOLD_WINDOW_MS).unref()
  }
  return {
    add(event) {
      fold.add(event)
      later()
    },
    close() {
      clearTimeout(timer)
      timer = undefined
      fold.close()
    },
  }
}

/** Writes a node's denials and cuts to its logger, component `sluice:denials`, until the node stops. */
export function foldEvents(context: NodeContext): void {
  const log = context.logger.forComponent('sluice:denials')
  const fold = openLogFold({ clock: context.clock, write: line => log('%s', line) })
  context.onEvent(event => {
    if (event.type === 'denial' || event.type === 'cut') fold.add(event)
  })
  context.onStop(() => fold.close())
}
