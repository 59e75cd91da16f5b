/**
 * `createLibp2p(protect(options, policy))`: the options as given, with every factory in them wrapped, and one more service.
 */

import type { ServiceMap } from '@libp2p/interface'
import type { Clock, Governor, PolicyInput } from '@sluice/core'
import { MisuseError, validatePolicy } from '@sluice/core'
import type { Libp2pOptions } from 'libp2p'
import type { NodeComponents } from './connection/components.ts'
import { connectionManagerFor, mergePolicies, policyFromConnectionManager } from './connection-manager.ts'
import type { OnMissingHook } from './missing-hook.ts'
import { SluiceNode } from './node.ts'
import type { SluiceService } from './service.ts'
import { Sluice } from './service.ts'
import type { WorkComponents } from './work/index.ts'

/** What this release is tested against; the peer dependency of the package says the same. */
export const SUPPORTED_LIBP2P = '>=3.3.0 <4'

export interface ProtectInit {
  /** Shares a governor between nodes of one process; its policy is the one in force, and `protect`'s policy must be left out. @default a governor of the node's own */
  readonly governor?: Governor
  /** Milliseconds since the epoch. @default the system's */
  readonly clock?: Clock
  /** When a hook into js-libp2p does not hold: refuse to start, or start without it and say so. @default 'refuse' */
  readonly onMissingHook?: OnMissingHook
}

const PROTECTED: unique symbol = Symbol.for('sluice.protected')

const SYSTEM_CLOCK: Clock = { now: () => Date.now() }

/**
 * Wraps the options of a js-libp2p node. Nothing of the given object is changed.
 *
 * @param policy what is absent takes its default; `options.connectionManager` names that mean the same are read too, and give way
 * @throws MisuseError for options that are protected already, hold a service named `sluice`, or a policy beside a governor
 * @throws PolicyError for a policy that cannot be put in force
 */
export function protect<T extends ServiceMap = ServiceMap>(
  options: Libp2pOptions<T> = {},
  policy: PolicyInput = {},
  init: ProtectInit = {},
): Libp2pOptions<T & { sluice: SluiceService }> {
  if (PROTECTED in options) {
    throw new MisuseError('These options are protected already: protect(protect(options)) would charge everything twice. Call it once.')
  }
  if (options.services !== undefined && 'sluice' in options.services) {
    throw new MisuseError('The options have a service named sluice already. Rename it: that is where the node finds its own.')
  }
  if (init.governor !== undefined && Object.keys(policy).length > 0) {
    throw new MisuseError('A shared governor has a policy of its own. Leave out the policy, or call governor.setPolicy.')
  }
  const effective = mergePolicies(policyFromConnectionManager(options.connectionManager), policy)
  const { mode } = init.governor?.policy ?? validatePolicy(effective)
  const nodes = new WeakMap<object, SluiceNode>()
  const nodeOf = (components: object): SluiceNode => {
    let node = nodes.get(components)
    if (node === undefined) {
      node = new SluiceNode(components as NodeComponents & WorkComponents, {
        policy: effective,
        governor: init.governor,
        clock: init.clock ?? SYSTEM_CLOCK,
        onMissingHook: init.onMissingHook ?? 'refuse',
      })
      nodes.set(components, node)
    }
    return node
  }
  return {
    ...wrapFactories(options, nodeOf),
    connectionManager: connectionManagerFor(options.connectionManager, mode),
    services: {
      // First, so that the other services meet what we wrapped.
      sluice: (components: object) => {
        const node = nodeOf(components)
        node.assemble()
        return new Sluice(node)
      },
      ...options.services,
    } as NonNullable<Libp2pOptions<T & { sluice: SluiceService }>['services']>,
    [PROTECTED]: true,
  } as Libp2pOptions<T & { sluice: SluiceService }>
}

function wrapFactories<T extends ServiceMap>(options: Libp2pOptions<T>, nodeOf: (components: object) => SluiceNode): Libp2pOptions<T> {
  const { transports, connectionEncrypters, streamMuxers, connectionProtector } = options
  return {
    ...options,
    ...(transports !== undefined && {
      transports: transports.map(factory => components => {
        const { guard } = nodeOf(components)
        guard.install(components)
        return guard.transport(factory(components))
      }),
    }),
    ...(connectionEncrypters !== undefined && {
      connectionEncrypters: connectionEncrypters.map(factory => components => nodeOf(components).guard.encrypter(factory(components))),
    }),
    ...(streamMuxers !== undefined && {
      streamMuxers: streamMuxers.map(factory => components => nodeOf(components).guard.muxer(factory(components))),
    }),
    ...(connectionProtector !== undefined && {
      connectionProtector: components => nodeOf(components).guard.protector(connectionProtector(components)),
    }),
  }
}
