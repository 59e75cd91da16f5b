/**
 * Proves the hooks into a muxer on a muxer made by the very factory the node uses: that streams pass us before js-libp2p's connection hears of them, that frames pass us before they
 * are decoded, and that a withheld window is really withheld.
 */

import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { NodeContext } from '../context.ts'
import { createMemoryBudget } from '../memory/budget.ts'
import { guardOf } from '../stream/attach.ts'
import { WITHHELD } from '../stream/guard.ts'
import { decoderBytes } from './buffers.ts'
import { MuxerGuard } from './guard.ts'
import { guardMplex, isMplex } from './mplex.ts'
import type { MuxerProbe } from './probe.ts'
import { createMuxerProbe } from './probe.ts'
import { guardYamux, isYamux } from './yamux.ts'

export const YAMUX_PROTOCOL = '/yamux/1.0.0'
export const MPLEX_PROTOCOL = '/mplex/6.7.0'

/** A window update that opens stream 1; one that grants it a byte; DATA of one byte on it; the header of a DATA frame of 4 GB. Source: yamux specification. */
const YAMUX_OPEN = Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0)
const YAMUX_GRANT = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1)
const YAMUX_DATA = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 120)
const YAMUX_HUGE = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255)
/** NEW_STREAM 0 without a name; a message for it of 2^35 bytes. Source: mplex specification. */
const MPLEX_OPEN = Uint8Array.of(0, 0)
const MPLEX_HUGE = Uint8Array.of(2, 128, 128, 128, 128, 128, 1)

/** Registers the proof for the muxers we know; others get the generic hooks, which the capability table says. */
export function addMuxerHook(factory: StreamMuxerFactory, context: NodeContext): void {
  if (factory.protocol !== YAMUX_PROTOCOL && factory.protocol !== MPLEX_PROTOCOL) return
  const create = factory.createStreamMuxer.bind(factory)
  context.hooks.add({
    name: `muxer ${factory.protocol}`,
    guards: `streams, frames and buffers of ${factory.protocol} connections are not limited`,
    prove: () => (factory.protocol === YAMUX_PROTOCOL ? proveYamux(create, context) : proveMplex(create, context)),
  })
}

function guardProbe(probe: MuxerProbe): MuxerGuard {
  return new MuxerGuard(probe.muxer, probe.state, probe.context, createMemoryBudget(probe.context), true)
}

function proveYamux(create: (stream: MessageStream) => StreamMuxer, context: NodeContext): string | undefined {
  const probe = createMuxerProbe(create, context)
  try {
    const { muxer } = probe
    if (!isYamux(muxer)) return 'the muxer lacks a method we override'
    if (decoderBytes(muxer) === undefined) return "the decoder's buffer cannot be read"
    guardYamux(muxer, guardProbe(probe))
    probe.receive(YAMUX_OPEN)
    if (probe.admitted() !== 1) return 'a stream was opened without being admitted'
    if (muxer.streams.length > 0) return 'a stream was made of a SYN that says nothing'
    probe.receive(YAMUX_GRANT)
    const [stream] = muxer.streams
    const guard = stream === undefined ? undefined : guardOf(stream)
    if (stream === undefined || guard?.grant === undefined) return 'an admitted stream is not guarded'
    // Accepts the stream, which nothing may hold back.
    stream.pause()
    stream.resume()
    if (probe.takeSent().byteLength < 12) return 'a paused stream was not accepted'
    guard.withhold(WITHHELD.budget)
    probe.receive(YAMUX_DATA)
    if (probe.takeSent().byteLength > 0 || !guard.windowOwed) return 'a window was granted that we withheld'
    guard.release(WITHHELD.budget)
    if (probe.takeSent().byteLength < 12) return 'a window that was withheld is not granted later'
    probe.receive(YAMUX_HUGE)
    return probe.cuts.includes('frame-length') ? undefined : 'a frame of 4 GB was not noticed at its header'
  } finally {
    probe.end()
  }
}

function proveMplex(create: (stream: MessageStream) => StreamMuxer, context: NodeContext): string | undefined {
  const probe = createMuxerProbe(create, context)
  try {
    const { muxer } = probe
    if (!isMplex(muxer)) return 'the muxer lacks a method we override'
    if (decoderBytes(muxer) === undefined) return "the decoder's buffer cannot be read"
    guardMplex(muxer, guardProbe(probe))
    probe.receive(MPLEX_OPEN)
    if (probe.admitted() !== 1) return 'a stream was opened without being admitted'
    const [stream] = muxer.streams
    if (stream === undefined || guardOf(stream) === undefined) return 'an admitted stream is not guarded'
    probe.receive(MPLEX_HUGE)
    return probe.cuts.includes('frame-length') ? undefined : 'a message of 32 GB was not noticed at its header'
  } finally {
    probe.end()
  }
}
