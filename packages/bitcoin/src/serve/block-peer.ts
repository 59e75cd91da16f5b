/**
 * One connection to the block-serving peer, from its `version` to its end. Strictly one request after another: the next message is looked at when the answer to the last one is in the
 * socket's buffer, and nothing more is read from the socket until then. So one connection holds at most one chunk of requests (a request of 50,000 items is 1.8 MB) and one block.
 *
 * Answers: `version`, `ping`, `getheaders`, `getblocks`, `getdata` of blocks in every form (plain, filtered, compact, with or without witness: the whole block, as Core answers for deep ones).
 * What is not a block it has, is `notfound`. Transactions, filters, mempool and gossip are not its business and are passed over in silence.
 */

import { once } from 'node:events'
import type { Socket } from 'node:net'
import {
  Collector,
  checksum,
  decodeInventory,
  decodeLocator,
  decodeNonce,
  decodeVersion,
  encodeHeader,
  encodeHeaders,
  encodeInventory,
  encodeMessage,
  encodeNonce,
  encodeVersion,
  type FrameHeader,
  Framer,
  GETBLOCKS_RESULTS_MAX,
  HEADERS_MAX,
  type InventoryItem,
  MSG_BLOCK,
  type Network,
  NODE_NETWORK,
  NODE_WITNESS,
  namesBlock,
  noAddress,
  type Violation,
  verifyChecksum,
} from '../wire/index.ts'
import type { BlockFiles } from './block-files.ts'
import type { BlockIndex } from './block-index.ts'

/** sendheaders, no compact blocks pushed, no fee filters. Source: Core `src/node/protocol_version.h`. */
const PROTOCOL_VERSION = 70016
/** Commands whose payload is read; of all others only the header is. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['version', 'ping', 'getheaders', 'getblocks', 'getdata'])
/** Items of one `notfound` held before it is sent. */
const NOT_FOUND_ITEMS_MAX = 1000

export interface BlockSource {
  readonly network: Network
  readonly index: BlockIndex
  readonly files: BlockFiles
  readonly userAgent: string
}

interface Message {
  readonly header: FrameHeader
  readonly payload: Buffer
}

/** Why a connection ended: a fault of the peer, or `end` when the peer went away. */
export type PeerEnd = Violation | 'handshake' | 'end'

export class BlockPeer {
  readonly #source: BlockSource
  readonly #socket: Socket
  readonly #messages: Message[] = []
  readonly #framer: Framer
  readonly #onReady: () => void
  #versionSeen = false
  /** Last hash of a full `getblocks` answer: asking for that block asks for the tip's announcement too. */
  #continueAt: Buffer | undefined
  #blocksServed = 0

  /** @param onReady called once, when the peer's `version` was good */
  constructor(source: BlockSource, socket: Socket, onReady: () => void) {
    this.#source = source
    this.#socket = socket
    this.#onReady = onReady
    const collector = new Collector()
    this.#framer = new Framer(source.network, {
      header: () => {},
      payload: (slice, header) => {
        if (UNDERSTOOD.has(header.command)) collector.add(slice)
      },
      end: header => {
        if (UNDERSTOOD.has(header.command)) this.#messages.push({ header, payload: collector.take() })
      },
    })
  }

  get blocksServed(): number {
    return this.#blocksServed
  }

  /** Serves until the peer leaves or breaks the protocol. Rejects only for what the socket or the file system reports. */
  async run(): Promise<PeerEnd> {
    for await (const chunk of this.#socket) {
      const violation = this.#framer.push(chunk as Buffer)
      for (const message of this.#messages.splice(0)) {
        const end = verifyChecksum(message.header, message.payload) ?? (await this.#answer(message))
        if (end !== undefined) return end
      }
      if (violation !== undefined) return violation
    }
    return 'end'
  }

  async #answer({ header, payload }: Message): Promise<PeerEnd | undefined> {
    if (header.command === 'version') return await this.#greet(payload)
    if (!this.#versionSeen) return 'handshake'
    if (header.command === 'ping') {
      const nonce = decodeNonce(payload)
      return nonce.ok ? await this.#send('pong', encodeNonce(nonce.value)) : nonce.violation
    }
    if (header.command === 'getdata') return await this.#sendData(payload)
    return await this.#sendAfter(header.command, payload)
  }

  async #greet(payload: Buffer): Promise<PeerEnd | undefined> {
    const version = decodeVersion(payload)
    if (!version.ok) return version.violation
    if (this.#versionSeen) return 'handshake'
    this.#versionSeen = true
    const own = encodeVersion({
      protocol: PROTOCOL_VERSION,
      services: NODE_NETWORK | NODE_WITNESS,
      // A peer that takes our clock for a sample gets its own back.
      time: version.value.time,
      receiver: noAddress(),
      sender: noAddress(),
      // Zero: we never dial, so there is no connection to ourselves to detect.
      nonce: 0n,
      userAgent: this.#source.userAgent,
      startHeight: this.#source.index.tip.height,
      relay: false,
    })
    await this.#send('version', own)
    this.#onReady()
    return await this.#send('verack', Buffer.alloc(0))
  }

  async #sendAfter(command: string, payload: Buffer): Promise<PeerEnd | undefined> {
    const locator = decodeLocator(payload)
    if (!locator.ok) return locator.violation
    const { index } = this.#source
    const { hashes, stop } = locator.value
    if (command === 'getheaders') {
      const one = hashes.length === 0 ? index.find(stop) : undefined
      const blocks = hashes.length === 0 ? (one === undefined ? [] : [one]) : index.after(hashes, stop, HEADERS_MAX)
      return await this.#send('headers', encodeHeaders(blocks.map(block => block.header)))
    }
    const blocks = index.after(hashes, stop, GETBLOCKS_RESULTS_MAX)
    if (blocks.length === GETBLOCKS_RESULTS_MAX) this.#continueAt = blocks.at(-1)!.hash
    if (blocks.length === 0) return undefined
    return await this.#send('inv', encodeInventory(blocks.map(block => ({ type: MSG_BLOCK, hash: block.hash }))))
  }

  async #sendData(payload: Buffer): Promise<PeerEnd | undefined> {
    const items = decodeInventory(payload)
    if (!items.ok) return items.violation
    const missing: InventoryItem[] = []
    for (const item of items.value) {
      const stored = namesBlock(item.type) ? this.#source.index.find(item.hash)?.stored : undefined
      if (stored === undefined) {
        missing.push(item)
        if (missing.length === NOT_FOUND_ITEMS_MAX) await this.#send('notfound', encodeInventory(missing.splice(0)))
        continue
      }
      await this.#sendBlock(await this.#source.files.read(stored))
      if (this.#socket.destroyed) return 'end'
      if (this.#continueAt?.equals(item.hash)) {
        this.#continueAt = undefined
        await this.#send('inv', encodeInventory([{ type: MSG_BLOCK, hash: this.#source.index.tip.hash }]))
      }
    }
    if (missing.length > 0) await this.#send('notfound', encodeInventory(missing))
    return undefined
  }

  async #sendBlock(block: Buffer): Promise<void> {
    this.#blocksServed++
    this.#socket.write(encodeHeader(this.#source.network, 'block', block.length, checksum(block)))
    await this.#write(block)
  }

  async #send(command: string, payload: Buffer): Promise<undefined> {
    await this.#write(encodeMessage(this.#source.network, command, payload))
  }

  /** Waits while the peer takes its time; the socket's own timeout ends it for one that takes nothing. */
  async #write(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    this.#socket.once('close', leave)
    try {
      await once(this.#socket, 'drain', { signal: gone.signal })
    } catch (error) {
      if (!gone.signal.aborted) throw error
    } finally {
      this.#socket.off('close', leave)
    }
  }
}
