/**
 * A listener that throws on what a peer sent must cost that peer its stream, not us our process: Node's `EventTarget` rethrows a listener's error where nothing can catch it
 * (`uncaughtException`), and a rejected async listener becomes an unhandled rejection.
 *
 * Wraps the listeners of one stream as they are added, from the moment it is handed to its handler or its opener; those that js-libp2p added before are its own. Two shared
 * functions serve all streams and one wrapper serves a listener on all of them, because this runs for every stream.
 */

import type { Stream } from '@libp2p/interface'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }
type Wrapper = (event: Event) => void

/** Told what was thrown, before the stream is aborted with it. */
export type OnThrow = (stream: Stream, error: Error) => void

const ADD = Symbol('sluice.addEventListener')
const REMOVE = Symbol('sluice.removeEventListener')
const ON_THROW = Symbol('sluice.onThrow')

interface Guarded extends Stream {
  [ADD]: (type: string, listener: unknown, options?: unknown) => void
  [REMOVE]: (type: string, listener: unknown, options?: unknown) => void
  [ON_THROW]: OnThrow
}

/** Listeners of @libp2p/utils, which only append to a buffer or resolve a promise. They keep their identity: the stream part knows the byte stream's by its name. */
const HARMLESS = /^(?:byteStream|streamAsyncIterable)/

/** Listener to wrapper; the same listener may listen on many streams, the event says on which. */
const wrappers = new WeakMap<Listener, Wrapper>()

function failed(event: Event, stream: Guarded | null, thrown: unknown): void {
  if (stream === null) return
  const error = thrown instanceof Error ? thrown : new Error(`a listener for "${event.type}" threw ${typeof thrown}`)
  stream[ON_THROW](stream, error)
  stream.abort(error)
}

function wrapperOf(listener: Listener): Wrapper {
  let wrapper = wrappers.get(listener)
  if (wrapper === undefined) {
    wrapper = (event: Event): void => {
      const stream = event.currentTarget as Guarded | null
      try {
        const result = typeof listener === 'function' ? listener(event) : listener.handleEvent(event)
        if (result instanceof Promise) result.catch(error => failed(event, stream, error))
      } catch (error) {
        failed(event, stream, error)
      }
    }
    wrappers.set(listener, wrapper)
  }
  return wrapper
}

function addEventListener(this: Guarded, type: string, listener: Listener | null, options?: unknown): void {
  const bare = listener == null || (typeof listener === 'function' && HARMLESS.test(listener.name))
  this[ADD](type, bare ? listener : wrapperOf(listener), options)
}

function removeEventListener(this: Guarded, type: string, listener?: Listener | null, options?: unknown): void {
  const wrapper = listener == null ? undefined : wrappers.get(listener)
  if (wrapper !== undefined) this[REMOVE](type, wrapper, options)
  // A listener that was added before the guard, or needed none, is known to the stream by itself.
  this[REMOVE](type, listener, options)
}

/** @param stream guarded once, further calls do nothing */
export function guardListeners(stream: Stream, onThrow: OnThrow): void {
  const guarded = stream as Guarded
  if (guarded[ON_THROW] !== undefined) return
  guarded[ON_THROW] = onThrow
  guarded[ADD] = guarded.addEventListener as Guarded[typeof ADD]
  guarded[REMOVE] = guarded.removeEventListener as Guarded[typeof REMOVE]
  Object.assign(guarded, { addEventListener, removeEventListener })
}
