/**
 * From socket chunks to messages, incrementally: a header of 24 bytes (magic 4, command 12, length 4, checksum 4), then the payload as views into the chunks it came in.
 * Nothing of a payload is copied or held; only a header cut by a chunk boundary is, 24 bytes at most.
 *
 * It never searches for the next magic: after a violation the stream has no meaning, and every later `push` returns the same violation.
 * Checksums are not verified here (see `Collector`): a proxy passes payloads on before it has seen their end, and the receiver verifies.
 */

import { payloadBytesMax } from './commands.ts'
import { checksum } from './hash.ts'
import type { Network } from './networks.ts'
import type { Violation } from './violation.ts'

/** Source: https://developer.bitcoin.org/reference/p2p_networking.html#message-headers */
export const HEADER_BYTES = 24

const COMMAND_OFFSET = 4
const COMMAND_BYTES = 12
const LENGTH_OFFSET = 16
const CHECKSUM_OFFSET = 20

export interface FrameHeader {
  readonly command: string
  /** Payload bytes that follow. */
  readonly length: number
  readonly checksum: number
  /** Bytes of the stream before this header. */
  readonly position: number
  /** The 24 bytes themselves; a view, valid during the call unless copied. */
  readonly bytes: Buffer
}

/** Called in stream order: `header`, then `payload` for each piece (none when the length is 0), then `end`. */
export interface FrameHandler {
  header(header: FrameHeader): void
  /** @param slice a view into the chunk that was pushed */
  payload(slice: Buffer, header: FrameHeader): void
  end(header: FrameHeader): void
}

/** Reads the twelve bytes of a command, or -1 - index of the first byte that must not be there. */
function readCommand(bytes: Buffer, offset: number): string | number {
  let length = 0
  while (length < COMMAND_BYTES && bytes[offset + length] !== 0) {
    const code = bytes[offset + length]!
    if (code < 0x20 || code > 0x7e) return -1 - length
    length++
  }
  for (let i = length; i < COMMAND_BYTES; i++) if (bytes[offset + i] !== 0) return -1 - i
  if (length === 0) return -1
  return bytes.toString('latin1', offset, offset + length)
}

/** Reads one header, or says what is wrong with it. @param position bytes of the stream before it */
export function readFrameHeader(network: Network, bytes: Buffer, offset: number, position: number): FrameHeader | Violation {
  const word = bytes.readUInt32LE(offset)
  if (word !== network.magicWord) return { rule: 'magic', position, actual: word, limit: network.magicWord }
  const command = readCommand(bytes, offset + COMMAND_OFFSET)
  if (typeof command === 'number') return { rule: 'command', position: position + COMMAND_OFFSET - command - 1, actual: 0, limit: 0 }
  const length = bytes.readUInt32LE(offset + LENGTH_OFFSET)
  const limit = payloadBytesMax(command)
  if (length > limit) return { rule: 'length', position: position + LENGTH_OFFSET, actual: length, limit, command }
  return {
    command,
    length,
    checksum: bytes.readUInt32LE(offset + CHECKSUM_OFFSET),
    position,
    bytes: bytes.subarray(offset, offset + HEADER_BYTES),
  }
}

export class Framer {
  readonly #network: Network
  readonly #handler: FrameHandler
  readonly #partial = Buffer.alloc(HEADER_BYTES)
  #partialBytes = 0
  #position = 0
  #header: FrameHeader | undefined
  #payloadLeft = 0
  #violation: Violation | undefined

  constructor(network: Network, handler: FrameHandler) {
    this.#network = network
    this.#handler = handler
  }

  /** Whether the stream stands between two messages: the only place where another message may be put in. */
  get atBoundary(): boolean {
    return this.#header === undefined && this.#partialBytes === 0
  }

  /** Bytes understood so far. */
  get position(): number {
    return this.#position
  }

  /** Feeds the next bytes of the stream. Returns what is wrong with it, once and for all, or undefined. */
  push(chunk: Buffer): Violation | undefined {
    let offset = 0
    while (this.#violation === undefined && offset < chunk.length) {
      offset += this.#header === undefined ? this.#pushHeader(chunk, offset) : this.#pushPayload(chunk, offset, this.#header)
    }
    return this.#violation
  }

  #pushHeader(chunk: Buffer, offset: number): number {
    const wanted = HEADER_BYTES - this.#partialBytes
    const taken = Math.min(wanted, chunk.length - offset)
    if (this.#partialBytes === 0 && taken === HEADER_BYTES) {
      this.#open(readFrameHeader(this.#network, chunk, offset, this.#position))
    } else {
      chunk.copy(this.#partial, this.#partialBytes, offset, offset + taken)
      this.#partialBytes += taken
      if (this.#partialBytes < HEADER_BYTES) return taken
      this.#partialBytes = 0
      this.#open(readFrameHeader(this.#network, Buffer.from(this.#partial), 0, this.#position))
    }
    return taken
  }

  #open(header: FrameHeader | Violation): void {
    if ('rule' in header) {
      this.#violation = header
      return
    }
    this.#position += HEADER_BYTES
    this.#header = header
    this.#payloadLeft = header.length
    this.#handler.header(header)
    if (header.length === 0) this.#close(header)
  }

  #pushPayload(chunk: Buffer, offset: number, header: FrameHeader): number {
    const taken = Math.min(this.#payloadLeft, chunk.length - offset)
    this.#payloadLeft -= taken
    this.#position += taken
    this.#handler.payload(offset === 0 && taken === chunk.length ? chunk : chunk.subarray(offset, offset + taken), header)
    if (this.#payloadLeft === 0) this.#close(header)
    return taken
  }

  #close(header: FrameHeader): void {
    this.#header = undefined
    this.#handler.end(header)
  }
}

/** One whole message. @throws RangeError for a command or payload that the framer would refuse */
export function encodeMessage(network: Network, command: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([encodeHeader(network, command, payload.length, checksum(payload)), payload])
}

/** The 24 bytes before a payload that is sent separately. @throws RangeError for a command or length that the framer would refuse */
export function encodeHeader(network: Network, command: string, length: number, payloadChecksum: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  network.magic.copy(bytes)
  const written = bytes.write(command, COMMAND_OFFSET, COMMAND_BYTES, 'latin1')
  bytes.writeUInt32LE(length, LENGTH_OFFSET)
  bytes.writeUInt32LE(payloadChecksum, CHECKSUM_OFFSET)
  const check = readFrameHeader(network, bytes, 0, 0)
  if ('rule' in check || written !== command.length) throw new RangeError(`No message '${command}' of ${length} bytes can be sent.`)
  return bytes
}
