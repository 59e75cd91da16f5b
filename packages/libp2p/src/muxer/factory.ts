/**
 * Wraps a muxer factory so that every muxer it makes is guarded before its first byte. The muxer stays js-libp2p's own; what is overridden are members of the instance.
 */

import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { muxerCapabilities } from '../capabilities.ts'
import type { ConnectionState, NodeContext } from '../context.ts'
import { repairOnDrain } from '../fixes/on-drain.ts'
import { createMemoryBudget } from '../memory/budget.ts'
import { guardGeneric } from './generic.ts'
import { MuxerGuard } from './guard.ts'
import { addMuxerHook, MPLEX_PROTOCOL, YAMUX_PROTOCOL } from './hooks.ts'
import { guardMplex, isMplex } from './mplex.ts'
import { quieten } from './quiet-log.ts'
import { guardYamux, isYamux } from './yamux.ts'

/** Idempotent per factory and node is the caller's business: each wrapping guards once more. */
export function wrapMuxerFactory(factory: StreamMuxerFactory, context: NodeContext): StreamMuxerFactory {
  addMuxerHook(factory, context)
  const create = factory.createStreamMuxer.bind(factory)
  return {
    protocol: factory.protocol,
    createStreamMuxer(stream: MessageStream): StreamMuxer {
      const muxer = create(stream)
      const state = context.stateOf(stream)
      if (state === undefined) {
        context.log.error('a %s muxer without a connection is not guarded', factory.protocol)
        return muxer
      }
      repairOnDrain(stream)
      guardMuxer(muxer, state, context)
      return muxer
    },
  }
}

export function guardMuxer(muxer: StreamMuxer, state: ConnectionState, context: NodeContext): MuxerGuard {
  quieten(muxer)
  const { flow } = muxerCapabilities(muxer.protocol)
  const guard = new MuxerGuard(
    muxer,
    state,
    context,
    createMemoryBudget(context),
    flow === 'backpressure' && state.capabilities.flow === 'backpressure',
  )
  if (muxer.protocol === YAMUX_PROTOCOL && isYamux(muxer)) guardYamux(muxer, guard)
  else if (muxer.protocol === MPLEX_PROTOCOL && isMplex(muxer)) guardMplex(muxer, guard)
  else guardGeneric(muxer, guard)
  context.link(muxer, state)
  return guard
}
