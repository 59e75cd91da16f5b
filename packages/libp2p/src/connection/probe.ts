/**
 * A connection that exists only for the self-test: it goes through the node's own upgrader and every hook on that way, charges nobody, and is thrown away before
 * a `Connection` is made of it, so that nobody outside hears of it.
 */

import type { ComponentLogger, Logger, MessageStreamEvents, MultiaddrConnection, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'

export type ProbeStep = 'upgradeInbound' | 'upgradeOutbound' | 'gater' | 'muxer'

const probes = new WeakMap<object, Set<ProbeStep>>()

/** Marks a step as reached. True when the object is a probe, so that the hook lets it pass uncharged. */
export function probed(object: object, step: ProbeStep): boolean {
  const steps = probes.get(object)
  steps?.add(step)
  return steps !== undefined
}

export interface Probe {
  readonly raw: MultiaddrConnection
  readonly muxerFactory: StreamMuxerFactory
  readonly steps: ReadonlySet<ProbeStep>
}

/** Thrown by the probe's muxer to end the upgrade where the proof is complete. */
export class ProbeDone extends Error {}

export function createProbe(logger: ComponentLogger): Probe {
  const raw = new ProbeConnection(logger.forComponent('sluice:self-test')) as unknown as MultiaddrConnection
  const steps = new Set<ProbeStep>()
  probes.set(raw, steps)
  const muxerFactory: StreamMuxerFactory = {
    protocol: '/sluice/self-test',
    createStreamMuxer(stream): StreamMuxer {
      probed(stream, 'muxer')
      throw new ProbeDone('the self-test ends here')
    },
  }
  return { raw, muxerFactory, steps }
}

/** As much of a MultiaddrConnection as an upgrade without encryption looks at. */
class ProbeConnection extends TypedEventEmitter<MessageStreamEvents> {
  readonly status = 'open'
  readonly direction = 'inbound'
  readonly inactivityTimeout = 0
  readonly timeline: { open: number } = { open: 0 }
  readonly remoteAddr: Multiaddr = multiaddr('/memory/sluice-self-test')
  log: Logger

  constructor(log: Logger) {
    super()
    this.log = log
  }

  send(): boolean {
    return true
  }

  abort(): void {}
  pause(): void {}
  resume(): void {}
  async close(): Promise<void> {}
}
