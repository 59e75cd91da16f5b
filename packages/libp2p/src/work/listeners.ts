/**
 * A listener that throws on what a peer sent must cost that peer its stream, not us our process: Node's `EventTarget` rethrows a listener's error where nothing can catch it
 * (`uncaughtException`), and a rejected async listener becomes an unhandled rejection.
 *
 * Wraps listeners on one stream, as they are added, from the moment it is handed to its handler or its opener. Listeners that js-libp2p added before are its own.
 */

import type { Stream } from '@libp2p/interface'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }

const guarded = new WeakSet<Stream>()

/**
 * @param stream guarded once, further calls do nothing
 * @param onThrow told what was thrown, before the stream is aborted with it
 */
export function guardListeners(stream: Stream, onThrow: (stream: Stream, error: Error) => void): void {
  if (guarded.has(stream)) return
  guarded.add(stream)
  const wrappers = new WeakMap<Listener, (event: Event) => void>()
  const add: (...args: unknown[]) => void = stream.addEventListener.bind(stream) as never
  const remove: (...args: unknown[]) => void = stream.removeEventListener.bind(stream) as never

  const failed = (thrown: unknown): void => {
    const error = thrown instanceof Error ? thrown : new Error(`a listener threw ${typeof thrown}`)
    onThrow(stream, error)
    stream.abort(error)
  }

  const wrap = (listener: Listener): ((event: Event) => void) => {
    let wrapper = wrappers.get(listener)
    if (wrapper === undefined) {
      wrapper = (event: Event): void => {
        try {
          const result = typeof listener === 'function' ? listener.call(stream, event) : listener.handleEvent(event)
          if (result instanceof Promise) result.catch(failed)
        } catch (error) {
          failed(error)
        }
      }
      wrappers.set(listener, wrapper)
    }
    return wrapper
  }

  const overrides = {
    addEventListener(type: string, listener: Listener | null, options?: unknown): void {
      add(type, listener == null ? listener : wrap(listener), options)
    },
    // A listener that was added before the guard is known to the stream by itself, not by a wrapper.
    removeEventListener(type: string, listener?: Listener | null, options?: unknown): void {
      const wrapper = listener == null ? undefined : wrappers.get(listener)
      if (wrapper !== undefined) remove(type, wrapper, options)
      remove(type, listener, options)
    },
  }
  Object.assign(stream, overrides)
}
