/**
 * Hooks for muxers whose frames we cannot see: QUIC's, where the native part decodes them, and unknown ones. Streams are admitted as the muxer announces them; frames, decoder buffers
 * and windows stay the muxer's own.
 */

import type { Stream, StreamMuxer } from '@libp2p/interface'
import type { MuxerGuard } from './guard.ts'
import { guardCreateStream } from './outbound.ts'

/** Streams announced while nobody listens yet, kept for who comes. Upstream they are lost, where the muxer does not keep them itself. */
export const EARLY_STREAMS_MAX = 10

interface RuntimeMuxer {
  onRemoteStream?(stream: Stream): void
  dispatchEvent(event: Event): boolean
  listenerCount?(type: string): number
  addEventListener(...args: unknown[]): void
}

export function guardGeneric(muxer: StreamMuxer, guard: MuxerGuard): void {
  const runtime = muxer as unknown as RuntimeMuxer
  if (typeof runtime.onRemoteStream === 'function') guardOnRemoteStream(runtime, guard)
  else guardDispatch(runtime, guard)
  guardCreateStream(muxer, guard)
}

function admitted(stream: Stream, guard: MuxerGuard): boolean {
  const handle = guard.admit()
  if (handle === undefined) {
    stream.abort(new Error('stream refused'))
    return false
  }
  try {
    guard.guard(stream, handle)
    return true
  } catch {
    // Its protocol came with it and was refused: the stream is reset already.
    return false
  }
}

function guardOnRemoteStream(muxer: RuntimeMuxer, guard: MuxerGuard): void {
  const onRemoteStream = muxer.onRemoteStream!.bind(muxer)
  muxer.onRemoteStream = stream => {
    if (admitted(stream, guard)) onRemoteStream(stream)
  }
}

function guardDispatch(muxer: RuntimeMuxer, guard: MuxerGuard): void {
  const dispatch = muxer.dispatchEvent.bind(muxer)
  const addEventListener = muxer.addEventListener.bind(muxer)
  let early: Stream[] = []
  muxer.dispatchEvent = event => {
    if (event.type !== 'stream' || !(event instanceof CustomEvent)) return dispatch(event)
    const stream = event.detail as Stream
    if (!admitted(stream, guard)) return true
    if (muxer.listenerCount?.('stream') !== 0) return dispatch(event)
    if (early.length < EARLY_STREAMS_MAX) early.push(stream)
    else stream.abort(new Error(`more than ${EARLY_STREAMS_MAX} streams before the connection was ready`))
    return true
  }
  muxer.addEventListener = (...args) => {
    addEventListener(...args)
    if (args[0] !== 'stream' || early.length === 0) return
    const waiting = early
    early = []
    queueMicrotask(() => {
      for (const stream of waiting) dispatch(new CustomEvent('stream', { detail: stream }))
    })
  }
}
