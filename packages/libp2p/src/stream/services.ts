/**
 * Which service a protocol belongs to, as go-libp2p names its services, so that limit files with service scopes mean the same here. js-libp2p's registrar does not know.
 * Source: `ServiceName` constants of go-libp2p's p2p/protocol and p2p/host packages (v0.4x). Protocols of no known service get none.
 */

export const PING_SERVICE = 'libp2p.ping'

const SERVICES: readonly (readonly [RegExp, string])[] = [
  [/^\/[^/]+\/id(\/push)?\/1\.0\.0$/, 'libp2p.identify'],
  [/^\/[^/]+\/ping\/1\.0\.0$/, PING_SERVICE],
  [/^\/libp2p\/autonat\/1\./, 'libp2p.autonat'],
  [/^\/libp2p\/autonat\/2\//, 'libp2p.autonat.v2'],
  [/^\/libp2p\/dcutr$/, 'libp2p.holepunch'],
  [/^\/libp2p\/circuit\/relay\/0\.2\./, 'libp2p.relay/v2'],
  [/\/kad\/1\.0\.0$/, 'libp2p.kad'],
  [/^\/(meshsub|floodsub)\//, 'libp2p.pubsub'],
]

/** Protocols remembered with their answer; a node speaks tens. */
const REMEMBERED_MAX = 256
const remembered = new Map<string, string | undefined>()

export function serviceOf(protocol: string): string | undefined {
  if (remembered.has(protocol)) return remembered.get(protocol)
  const service = SERVICES.find(([pattern]) => pattern.test(protocol))?.[1]
  if (remembered.size < REMEMBERED_MAX) remembered.set(protocol, service)
  return service
}
