/**
 * What a js-libp2p node does to the peer it is connected to, and how it checks the outcome. The counterpart of `interop/go/cmd/host/checks.go`.
 */

import type { PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { median } from '../bench/statistics.ts'
import { type InteropNode, type NodeInit, startNode } from './options.ts'
import { countBytes, DISCARD, DOWNLOAD, ECHO, pattern, patternDigest, readAll, receiveAll, sendAll, UPLOAD } from './protocols.ts'

/** Every step of a check ends by then. */
const STEP_TIMEOUT_MS = 60_000

/** Bounds an echo's answer. */
const ECHO_BYTES_MAX = 2 ** 20

const CONCURRENCY_MAX = 1024

/** How many identities dial in turn in `connections`: honest peers are many, and each connects seldom. */
const DIALERS = 64

/** An identify exchange on loopback takes milliseconds. */
const IDENTIFY_TIMEOUT_MS = 10_000

const IDENTIFY_AGAIN_MS = 1_000

export interface Moved {
  readonly bytes: number
  readonly seconds: number
}

export interface Answered {
  readonly answered: number
  readonly seconds: number
  readonly firstError?: string
}

export class Actions {
  readonly #node: InteropNode
  readonly #init: NodeInit
  readonly #dialers: InteropNode[] = []
  #remote: PeerId | undefined

  constructor(node: InteropNode, init: NodeInit) {
    this.#node = node
    this.#init = init
  }

  async connect(address: Multiaddr): Promise<{ peer: string }> {
    const connection = await this.#node.dial(address, { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) })
    this.#remote = connection.remotePeer
    return { peer: this.#remote.toString() }
  }

  async disconnect(): Promise<object> {
    await this.#node.hangUp(this.#peer)
    return {}
  }

  async stop(): Promise<void> {
    for (const node of [this.#node, ...this.#dialers]) await node.stop()
  }

  async ping(count: number): Promise<{ count: number; p50Ms: number }> {
    const times: number[] = []
    for (let index = 0; index < count; index++) times.push(await this.#node.services.ping.ping(this.#peer))
    return { count, p50Ms: median(times) }
  }

  /**
   * What the stock identify exchange, which ran when the connection opened, left in the peer store. Over QUIC js-libp2p now and then loses the answer
   * (2 of 60 exchanges between two unprotected nodes): it is asked again every second.
   */
  async identify(): Promise<{ agent: string; protocols: readonly string[] }> {
    const deadlineMs = performance.now() + STEP_TIMEOUT_MS
    let againMs = performance.now() + IDENTIFY_AGAIN_MS
    while (performance.now() < deadlineMs) {
      if (performance.now() > againMs) {
        againMs += IDENTIFY_AGAIN_MS
        for (const connection of this.#node.getConnections(this.#peer))
          await this.#node.services.identify.identify(connection).catch(() => undefined)
      }
      const known = await this.#node.peerStore.get(this.#peer)
      const agent = known.metadata.get('AgentVersion')
      if (agent !== undefined && known.protocols.length > 0) return { agent: new TextDecoder().decode(agent), protocols: known.protocols }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error('identify did not finish')
  }

  /** Opens `count` streams, at most `concurrency` at once; on each one request and its answer. */
  async streams(count: number, concurrency: number): Promise<Answered> {
    return repeated(count, concurrency, async index => {
      const message = Buffer.from(`request ${index} of ${count}`)
      const stream = await this.#open(ECHO)
      await sendAll(stream, [message])
      const [answer] = await Promise.all([readAll(stream, ECHO_BYTES_MAX), stream.close()])
      if (!message.equals(answer)) throw new Error(`echo answered ${answer.length} bytes that differ from the ${message.length} sent`)
    })
  }

  async send(bytes: number): Promise<Moved> {
    const started = performance.now()
    const answer = await this.#upload(UPLOAD, bytes, 40)
    if (!Buffer.concat([countBytes(bytes), patternDigest(bytes)]).equals(answer))
      throw new Error("the receiver's count or SHA-256 differs from what was sent")
    return moved(bytes, started)
  }

  async receive(bytes: number): Promise<Moved> {
    const started = performance.now()
    const received = await this.#download(bytes, true)
    if (!patternDigest(bytes).equals(received)) throw new Error('other bytes than the pattern')
    return moved(bytes, started)
  }

  /** Both ways at once, on two streams; nothing is digested. */
  async exchange(bytes: number): Promise<Moved> {
    const started = performance.now()
    const [answer] = await Promise.all([this.#upload(DISCARD, bytes, 8), this.#download(bytes, false)])
    if (!Buffer.from(countBytes(bytes)).equals(answer)) throw new Error("the receiver's count differs from what was sent")
    return moved(2 * bytes, started)
  }

  /** Connect, identify, disconnect, from 64 identities in turn, at most `concurrency` (up to 64) at once. */
  async connections(address: Multiaddr, count: number, concurrency: number): Promise<Answered> {
    if (concurrency > DIALERS) throw new RangeError(`concurrency must be at most ${DIALERS}`)
    while (this.#dialers.length < DIALERS) this.#dialers.push(await startNode(this.#init))
    const free = [...this.#dialers]
    return repeated(count, concurrency, async () => {
      const dialer = free.shift()!
      try {
        const identified = nextIdentified(dialer)
        const connection = await dialer.dial(address, { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) })
        await identified
        await connection.close()
      } finally {
        free.push(dialer)
      }
    })
  }

  get #peer(): PeerId {
    if (this.#remote === undefined) throw new Error('connect comes first')
    return this.#remote
  }

  #open(protocol: string): Promise<Stream> {
    return this.#node.dialProtocol(this.#peer, protocol, {
      signal: AbortSignal.timeout(STEP_TIMEOUT_MS),
      maxOutboundStreams: CONCURRENCY_MAX,
    })
  }

  async #upload(protocol: string, bytes: number, answerBytes: number): Promise<Uint8Array> {
    const stream = await this.#open(protocol)
    const answer = readAll(stream, answerBytes)
    answer.catch(() => {})
    await sendAll(stream, pattern(bytes))
    await stream.close()
    return answer
  }

  async #download(bytes: number, digest: boolean): Promise<Buffer> {
    const stream = await this.#open(DOWNLOAD)
    const received = receiveAll(stream, digest)
    received.catch(() => {})
    await sendAll(stream, [countBytes(bytes)])
    await stream.close()
    const outcome = await received
    if (outcome.bytes !== bytes) throw new Error(`received ${outcome.bytes} of ${bytes} bytes`)
    return outcome.digest
  }
}

/** Resolves when the node has identified the peer of its next connection; rejects when that fails. */
function nextIdentified(node: InteropNode): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('not identified')), IDENTIFY_TIMEOUT_MS)
  node.addEventListener(
    'peer:identify',
    () => {
      clearTimeout(timer)
      resolve()
    },
    { once: true },
  )
  promise.catch(() => {})
  return promise
}

/** Runs `work` `count` times, at most `concurrency` at once; failures are counted, the first one named. */
async function repeated(count: number, concurrency: number, work: (index: number) => Promise<void>): Promise<Answered> {
  if (!(concurrency >= 1 && concurrency <= CONCURRENCY_MAX)) throw new RangeError(`concurrency must be 1 to ${CONCURRENCY_MAX}`)
  const started = performance.now()
  let next = 0
  let answered = 0
  let firstError: string | undefined
  async function worker(): Promise<void> {
    while (next < count) {
      try {
        await work(next++)
        answered++
      } catch (error) {
        firstError ??= errorText(error)
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { answered, seconds: (performance.now() - started) / 1000, ...(firstError === undefined ? {} : { firstError }) }
}

/** js-libp2p also rejects with the event that ended a stream. */
function errorText(error: unknown): string {
  const cause = error instanceof Event && 'error' in error ? (error.error ?? error.type) : error
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
}

function moved(bytes: number, startedMs: number): Moved {
  return { bytes, seconds: (performance.now() - startedMs) / 1000 }
}
