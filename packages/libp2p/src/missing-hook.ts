/**
 * A place where the adapter holds on to js-libp2p is not where it was: what the self-test throws, or announces when the user chose to degrade.
 */

import { SluiceError } from '@sluice/core'

export interface MissingHook {
  readonly name: string
  /** What is not enforced without it. */
  readonly guards: string
  /** What was found instead. */
  readonly found: string
}

/** `onMissingHook: 'refuse'` stops the node from starting; `'degrade'` starts it without what the hook guards, and says so. */
export type OnMissingHook = 'refuse' | 'degrade'

export class MissingHookError extends SluiceError {
  readonly hooks: readonly MissingHook[]

  constructor(hooks: readonly MissingHook[]) {
    const list = hooks.map(hook => `${hook.name}: ${hook.found}; without it ${hook.guards}`).join('. ')
    super(
      'ERR_SLUICE_MISSING_HOOK',
      `This release of libp2p, or of one of its modules, is not one the adapter can hold on to. ${list}. ` +
        "Use the supported versions, or set onMissingHook to 'degrade'.",
      { hooks },
    )
    this.hooks = hooks
  }
}
