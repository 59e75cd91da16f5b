/**
 * Proves at start, on the instance being started, that every hook holds. Types would not tell: most hooks are overrides of runtime members, and a release that moves one
 * leaves a node that looks protected and is not.
 */

import type { NodeContext } from './context.ts'
import type { MissingHook, OnMissingHook } from './missing-hook.ts'
import { MissingHookError } from './missing-hook.ts'

/** @returns the hooks that do not hold, in order of registration */
export async function findMissingHooks(context: NodeContext): Promise<readonly MissingHook[]> {
  const missing: MissingHook[] = []
  for (const { name, guards, prove } of context.hooks.all()) {
    try {
      const found = await prove()
      if (found !== undefined) {
        missing.push({ name, guards, found })
      }
    } catch (error) {
      missing.push({ name, guards, found: `its proof failed: ${error instanceof Error ? error.message : String(error)}` })
    }
  }
  return missing
}

/** Throws under `refuse`; under `degrade` warns through the process and the log, and returns. */
export function announceMissing(context: NodeContext, onMissingHook: OnMissingHook, error: MissingHookError): void {
  if (onMissingHook === 'refuse') {
    throw error
  }
  context.log.error('NOT FULLY PROTECTED: %s', error.message)
  process.emitWarning(error.message, { type: 'SluiceDegraded', code: error.code })
}

export async function selfTest(context: NodeContext, onMissingHook: OnMissingHook): Promise<readonly MissingHook[]> {
  const missing = await findMissingHooks(context)
  if (missing.length > 0) {
    announceMissing(context, onMissingHook, new MissingHookError(missing))
  }
  return missing
}
