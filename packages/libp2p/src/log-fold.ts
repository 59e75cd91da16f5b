/**
 * Repeated denials folded into one line per window: the first of a kind is written at once, the rest are counted and written as
 * "denied 214 times in 10 s". A flood must not fill a disk with the proof that it was refused.
 *
 * Keyed by rule, scope class and limit, never by peer or address, so that the number of lines does not grow with the number of attackers. `LogFold` owns no timer;
 * `foldDenials` gives it one.
 */

import type { Clock, Denial, Mode } from '@sluice/core'
import type { NodeContext } from './context.ts'

/** Kinds of denial told apart in one window; further ones are counted together as `other rules`. */
export const FOLDED_KEYS_MAX = 256

/** Length of a window in milliseconds. */
export const FOLD_WINDOW_MS = 10_000

interface Fold {
  readonly rule: string
  readonly limit: number
  readonly mode: Mode
  readonly startedMs: number
  /** Denials after the first of the window, which was written in full. */
  repeated: number
}

export interface LogFoldInit {
  readonly clock: Clock
  /** Receives one line at a time, without a line end. */
  readonly write: (line: string) => void
  /** @default 10000 */
  readonly windowMs?: number
  /** @default 256 */
  readonly keysMax?: number
}

export class LogFold {
  readonly #clock: Clock
  readonly #write: (line: string) => void
  readonly #windowMs: number
  readonly #keysMax: number
  readonly #folds = new Map<string, Fold>()

  constructor(init: LogFoldInit) {
    this.#clock = init.clock
    this.#write = init.write
    this.#windowMs = init.windowMs ?? FOLD_WINDOW_MS
    this.#keysMax = init.keysMax ?? FOLDED_KEYS_MAX
  }

  /** Kinds of denial held now. */
  get size(): number {
    return this.#folds.size
  }

  add(denial: Denial, mode: Mode): void {
    const nowMs = this.#clock.now()
    const own = `${mode} ${denial.rule} ${denial.scopeClass} ${denial.limit}`
    const roomy = this.#folds.has(own) || this.#folds.size < this.#keysMax
    const key = roomy ? own : 'other'
    const fold = this.#folds.get(key)
    if (fold !== undefined && nowMs - fold.startedMs < this.#windowMs) {
      fold.repeated++
      return
    }
    if (fold !== undefined) this.#finish(key, fold, nowMs)
    const rule = roomy ? denial.rule : 'other rules'
    this.#folds.set(key, { rule, limit: denial.limit, mode, startedMs: nowMs, repeated: 0 })
    this.#write(mode === 'observe' ? `would deny: ${denial.message}` : `denied: ${denial.message}`)
  }

  /** Writes what the windows that ended have counted. @returns milliseconds until the next window ends, or `undefined` when nothing is held */
  flush(): number | undefined {
    const nowMs = this.#clock.now()
    let nextMs: number | undefined
    for (const [key, fold] of this.#folds) {
      const leftMs = fold.startedMs + this.#windowMs - nowMs
      if (leftMs <= 0) this.#finish(key, fold, nowMs)
      else nextMs = Math.min(nextMs ?? leftMs, leftMs)
    }
    return nextMs
  }

  /** Writes everything counted so far, at the end of a node. */
  close(): void {
    const nowMs = this.#clock.now()
    for (const [key, fold] of this.#folds) this.#finish(key, fold, nowMs)
  }

  #finish(key: string, fold: Fold, nowMs: number): void {
    this.#folds.delete(key)
    if (fold.repeated === 0) return
    const seconds = Math.max(1, Math.round((nowMs - fold.startedMs) / 1000))
    const verb = fold.mode === 'observe' ? 'would have denied' : 'denied'
    const limit = fold.rule === 'other rules' ? '' : ` (limit ${fold.limit})`
    this.#write(`${verb} ${fold.repeated} more times in ${seconds} s: ${fold.rule}${limit}`)
  }
}

/** Writes a node's denials to its logger, component `sluice:denials`, until the node stops. */
export function foldDenials(context: NodeContext): LogFold {
  const log = context.logger.forComponent('sluice:denials')
  const fold = new LogFold({ clock: context.clock, write: line => log('%s', line) })
  let timer: NodeJS.Timeout | undefined
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      if (fold.flush() !== undefined) later()
    }, FOLD_WINDOW_MS).unref()
  }
  context.onEvent(event => {
    if (event.type !== 'denial') return
    fold.add(event.denial, event.mode)
    later()
  })
  context.onStop(() => {
    clearTimeout(timer)
    timer = undefined
    fold.close()
  })
  return fold
}
