/**
 * The places where the adapter holds on to js-libp2p, each with a proof that it holds. Most are method overrides on objects whose types call them private,
 * so a new release can move them without a type error: the self-test runs every proof on the instance being started.
 */

export interface Hook {
  /** Short and stable: `upgrader`, `muxer yamux`, `registrar.getMiddleware`. Unique within a node. */
  readonly name: string
  /** What is not enforced while the hook is missing; completes the sentence "without it …". */
  readonly guards: string
  /** Exercises the hook. Resolves to undefined when it holds, else to one clause saying what was found instead. A throw counts as not holding. */
  prove(): string | undefined | Promise<string | undefined>
}

/** Most hooks a node may register: transports, muxers and encrypters have one each, the rest are fixed. */
export const HOOKS_MAX = 128

export interface HookRegistry {
  /** Replaces an earlier hook of the same name. Throws `RangeError` past `HOOKS_MAX`. */
  add(hook: Hook): void
  all(): readonly Hook[]
}

export function createHookRegistry(): HookRegistry {
  const hooks = new Map<string, Hook>()
  return {
    add(hook) {
      if (!hooks.has(hook.name) && hooks.size >= HOOKS_MAX) {
        throw new RangeError(`more than ${HOOKS_MAX} hooks`)
      }
      hooks.set(hook.name, hook)
    },
    all: () => [...hooks.values()],
  }
}
