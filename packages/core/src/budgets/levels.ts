/**
 * Budgets as they are configured, by level and window, and made ready for use: for each level of principal the windows that hold there, with their limits.
 */

import { MisuseError } from '../errors.ts'
import { RATE_LEVEL_OF } from '../principals/levels.ts'
import { type BudgetWindow, checkWindow, DAY, HOUR, month } from './window.ts'

/** Whom a budget is for. `/24` is also that of a relay and of a kind of other address, as for rates. */
export type BudgetLevel = 'peer' | 'ip' | '/24' | '/16' | '/56' | '/48' | '/32' | 'node'

const LEVELS: ReadonlySet<string> = new Set(['peer', 'ip', '/24', '/16', '/56', '/48', '/32', 'node'] satisfies BudgetLevel[])

/** Bytes by level and name of the window; a whole number from 0 to 2^53-1, or `unlimited`, which counts and never refuses. A window that is not named at a level is not kept there. */
export type Budgets = Readonly<Partial<Record<BudgetLevel, Readonly<Record<string, number | 'unlimited'>>>>>

export const WINDOWS_DEFAULT: readonly BudgetWindow[] = [HOUR, DAY, month()]

/** Windows that may be defined. */
export const WINDOWS_MAX = 8

export interface LevelBudgets {
  readonly windows: readonly BudgetWindow[]
  /** Bytes, in the order of the windows; `Infinity` for unlimited. */
  readonly limits: readonly number[]
}

/** By level code; undefined where no budget holds. Throws `MisuseError` for what cannot be kept. */
export function compileBudgets(budgets: Budgets, windows: readonly BudgetWindow[]): readonly (LevelBudgets | undefined)[] {
  if (windows.length > WINDOWS_MAX) throw new MisuseError(`At most ${WINDOWS_MAX} windows can be defined.`, { windows: windows.length })
  const known = new Set<string>()
  for (const window of windows) {
    checkWindow(window)
    if (known.has(window.name)) throw new MisuseError('Two windows have the same name.', { window: window.name })
    known.add(window.name)
  }
  for (const [level, limits] of Object.entries(budgets)) {
    if (!LEVELS.has(level)) throw new MisuseError('There is no such level of principals.', { level })
    for (const [name, limit] of Object.entries(limits)) {
      if (!known.has(name)) throw new MisuseError('A budget names a window that is not defined.', { level, window: name })
      if (limit !== 'unlimited' && (!Number.isSafeInteger(limit) || limit < 0)) {
        throw new MisuseError('A budget is a whole number of bytes from 0 to 2^53-1, or unlimited.', { level, window: name, limit })
      }
    }
  }
  return RATE_LEVEL_OF.map(level => {
    const limits = level === undefined || level === 'connection' ? undefined : budgets[level]
    if (limits === undefined) return undefined
    const kept = windows.filter(window => Object.hasOwn(limits, window.name))
    if (kept.length === 0) return undefined
    return {
      windows: kept,
      limits: kept.map(({ name }) => (limits[name] === 'unlimited' ? Number.POSITIVE_INFINITY : (limits[name] as number))),
    }
  })
}
