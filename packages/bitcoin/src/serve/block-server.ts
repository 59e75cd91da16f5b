/**
 * A peer that serves blocks from files and does nothing else: for tests, the lab, and whoever keeps an archive. It has no budgets and no queue of its own; a gateway in front of it has.
 * Loopback unless another address is named.
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { NETWORKS, type NetworkName } from '../wire/index.ts'
import { BlockFiles, type UnreadTail } from './block-files.ts'
import { BlockIndex, type IndexedBlock } from './block-index.ts'
import { BlockPeer, type BlockSource, type PeerEnd } from './block-peer.ts'

export interface BlockServerInit {
  readonly network: NetworkName
  /** A `blocks` directory with `blk*.dat` (and `xor.dat`), or one chain file. */
  readonly path: string
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** More are closed as they come. @default 125, Core's -maxconnections */
  readonly connectionsMax?: number
  /** For a `version` to arrive. @default 60,000, Core's -peertimeout */
  readonly handshakeTimeoutMs?: number
  /** Without a byte in either direction. @default 1,200,000, Core's TIMEOUT_INTERVAL */
  readonly idleTimeoutMs?: number
  /** @default '/sluice-blocks:0.1.0/' */
  readonly userAgent?: string
  /** Told how each connection ended. */
  readonly onEnd?: (end: PeerEnd | Error, blocksServed: number) => void
}

export interface BlockServer {
  readonly host: string
  readonly port: number
  readonly tip: IndexedBlock
  /** Blocks known, stale ones and orphans included. */
  readonly blocks: number
  readonly orphans: number
  /** Parts of files that were not understood. */
  readonly unread: readonly UnreadTail[]
  readonly connections: number
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>
}

const CONNECTIONS_MAX_DEFAULT = 125
const HANDSHAKE_TIMEOUT_MS_DEFAULT = 60_000
const IDLE_TIMEOUT_MS_DEFAULT = 1_200_000

/** Indexes the files and listens. Rejects with what the file system or the port says; with RangeError for a path that holds no blocks. */
export async function serveBlocks(init: BlockServerInit): Promise<BlockServer> {
  const network = NETWORKS[init.network]
  const files = await BlockFiles.open(network, init.path)
  const index = await BlockIndex.build(network, files.scan())
  const source: BlockSource = { network, files, index, userAgent: init.userAgent ?? '/sluice-blocks:0.1.0/' }
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void attend(source, socket, init)
  })
  server.maxConnections = init.connectionsMax ?? CONNECTIONS_MAX_DEFAULT
  const { address, port } = await listen(server, init.host ?? '127.0.0.1', init.port ?? 0)
  return {
    host: address,
    port,
    tip: index.tip,
    blocks: index.size,
    orphans: index.orphans,
    unread: files.unread,
    get connections() {
      return sockets.size
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

/** Runs one connection to its end; never rejects. */
async function attend(source: BlockSource, socket: Socket, init: BlockServerInit): Promise<void> {
  const handshake = setTimeout(() => socket.destroy(), init.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS_DEFAULT)
  socket.setTimeout(init.idleTimeoutMs ?? IDLE_TIMEOUT_MS_DEFAULT, () => socket.destroy())
  // `run` reports errors; this keeps one that comes after its end from being thrown.
  socket.on('error', () => {})
  const peer = new BlockPeer(source, socket, () => clearTimeout(handshake))
  const end = await peer.run().catch((error: Error) => error)
  clearTimeout(handshake)
  socket.destroy()
  init.onEnd?.(end, peer.blocksServed)
}
