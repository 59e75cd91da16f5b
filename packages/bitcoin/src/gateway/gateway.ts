/**
 * The listener in front of a Bitcoin node. Per connection: a place, the opening (24 bytes, in v1 or silently closed), then a connection to the upstream of its own, and a link between the two.
 * No upstream connection is spent on a stranger who has not spoken v1.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { classifyOpening, NETWORKS, type NetworkName } from '../wire/index.ts'
import type { BulkDesk } from './desk.ts'
import { HeldBytes } from './held-requests.ts'
import { Link, type LinkEnd } from './link.ts'
import { type Place, Places } from './places.ts'
import { RecentBlocks } from './recent-blocks.ts'

export interface GatewayInit {
  readonly network: NetworkName
  readonly upstream: { readonly host: string; readonly port: number }
  readonly desk: BulkDesk
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** @default 125, Core's -maxconnections */
  readonly connectionsMax?: number
  /** @default 8 */
  readonly connectionsPerIpMax?: number
  /** For the client's `version` and `verack`, and for the upstream to take the connection. @default 60,000, Core's -peertimeout */
  readonly handshakeTimeoutMs?: number
  /** Without a byte to or from the client. @default 1,200,000, Core's TIMEOUT_INTERVAL */
  readonly idleTimeoutMs?: number
  /** Requests held over all clients, in bytes. @default 33,554,432 (32 MiB) */
  readonly heldBytesMax?: number
  /** Blocks younger than this are relay. @default 86,400,000 (a day) */
  readonly recentAgeMs?: number
  /** Milliseconds since 1970. @default the system's clock */
  readonly now?: () => number
  /** Told how each connection ended; `refused` when no place was free, `opening` when it did not open in v1 for this network. */
  readonly onEnd?: (end: GatewayEnd, ip: string) => void
}

export type GatewayEnd = LinkEnd | 'refused' | 'opening'

export interface Gateway {
  readonly host: string
  readonly port: number
  readonly connections: number
  /** Bytes of requests held now. */
  readonly heldBytes: number
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>
}

const CONNECTIONS_MAX_DEFAULT = 125
const CONNECTIONS_PER_IP_MAX_DEFAULT = 8
const HANDSHAKE_TIMEOUT_MS_DEFAULT = 60_000
const IDLE_TIMEOUT_MS_DEFAULT = 1_200_000
const HELD_BYTES_MAX_DEFAULT = 32 * 1024 * 1024
const RECENT_AGE_MS_DEFAULT = 86_400_000

/** IPv4 in IPv6 clothes is the IPv4 address it is. */
function plainIp(socket: Socket): string {
  const ip = socket.remoteAddress ?? ''
  return ip.startsWith('::ffff:') ? ip.slice('::ffff:'.length) : ip
}

/** Listens. Rejects with what the port says. */
export async function openGateway(init: GatewayInit): Promise<Gateway> {
  const held = new HeldBytes(init.heldBytesMax ?? HELD_BYTES_MAX_DEFAULT)
  const recent = new RecentBlocks(init.recentAgeMs ?? RECENT_AGE_MS_DEFAULT, init.now ?? Date.now)
  const places = new Places(init.connectionsPerIpMax ?? CONNECTIONS_PER_IP_MAX_DEFAULT)
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, client => {
    client.on('error', () => {})
    const ip = plainIp(client)
    const place = ip === '' ? undefined : places.take(ip)
    if (place === undefined) {
      client.destroy()
      init.onEnd?.('refused', ip)
      return
    }
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    admit(init, client, place, recent, held)
  })
  server.maxConnections = init.connectionsMax ?? CONNECTIONS_MAX_DEFAULT
  const { address, port } = await listen(server, init.host ?? '127.0.0.1', init.port ?? 0)
  return {
    host: address,
    port,
    get connections() {
      return sockets.size
    },
    get heldBytes() {
      return held.used
    },
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

/** Waits for 24 bytes and judges them; every way out gives the place back. */
function admit(init: GatewayInit, client: Socket, place: Place, recent: RecentBlocks, held: HeldBytes): void {
  const network = NETWORKS[init.network]
  let opening = Buffer.alloc(0)
  let link: Link | undefined
  const handshake = setTimeout(() => {
    if (link === undefined) refuse('handshake')
    else if (!link.isGreeted) link.end('handshake')
  }, init.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS_DEFAULT)
  const leave = (end: GatewayEnd): void => {
    clearTimeout(handshake)
    place.release()
    init.onEnd?.(end, place.ip)
  }
  const onClose = (): void => leave('client')
  const refuse = (end: GatewayEnd): void => {
    client.off('close', onClose)
    client.destroy()
    leave(end)
  }
  const onData = (chunk: Buffer): void => {
    opening = Buffer.concat([opening, chunk])
    const kind = classifyOpening(network, opening)
    if (kind === 'waiting') return
    client.off('data', onData)
    if (kind !== 'v1') {
      refuse('opening')
      return
    }
    client.off('close', onClose)
    const upstream = connect({ ...init.upstream, noDelay: true })
    upstream.on('error', () => {})
    client.setTimeout(init.idleTimeoutMs ?? IDLE_TIMEOUT_MS_DEFAULT, () => client.destroy())
    link = new Link({ network, client, upstream, place, desk: init.desk, recent, held, opening, onEnd: leave })
  }
  client.on('data', onData)
  client.once('close', onClose)
}
