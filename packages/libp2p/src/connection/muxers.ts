/**
 * Tells a connection's record its muxer the moment it is made, outside of what the muxer part wraps.
 */

import type { StreamMuxerFactory } from '@libp2p/interface'
import type { OwnedContext } from '../context.ts'
import { wrapMuxerFactory } from '../muxer/factory.ts'
import { overlay } from './overlay.ts'
import { ConnectionRecord } from './record.ts'
import type { UpgradeStages } from './stages.ts'

const ours = new WeakSet<StreamMuxerFactory>()

export function isLinkedMuxer(factory: StreamMuxerFactory): boolean {
  return ours.has(factory)
}

export function linkMuxer(factory: StreamMuxerFactory, context: OwnedContext, stages: UpgradeStages): StreamMuxerFactory {
  const wrapped = wrapMuxerFactory(factory, context)
  const linked = overlay(factory, {
    createStreamMuxer(stream) {
      const record = context.stateOf(stream)
      if (record instanceof ConnectionRecord) {
        stages.end(record)
      }
      const muxer = wrapped.createStreamMuxer(stream)
      if (record instanceof ConnectionRecord) {
        record.bindMuxer(muxer)
      }
      return muxer
    },
  })
  ours.add(linked)
  return linked
}
