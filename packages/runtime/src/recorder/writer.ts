/**
 * Writes the engine's inputs to a file for replay. Bounded three ways: bytes a file, files kept (the oldest is deleted), bytes waiting to be written.
 *
 * Opening is synchronous and fails with the reason, so that nobody believes in a recording that is not there. Writing is asynchronous, so that a slow disk
 * does not stall the event loop; when the queue is full, inputs are dropped, counted, and the gap is written into the file where it belongs.
 * A recording that is already there is rotated, never overwritten; any other file of that name is left alone and opening fails.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fchmodSync, fstatSync, openSync, renameSync, rmSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Clock, RecordedInput } from '@sluice/core'
import { MisuseError, SluiceError } from '@sluice/core'
import { stateError, systemErrorCode } from '../system-error.ts'
import type { RecordingGap, RecordingHeader } from './format.ts'
import { LINE_BYTES_MAX, RECORDING_FORMAT, recordingHeader } from './format.ts'

export const RECORDING_FILE_BYTES_MAX: number = 64 * 1024 * 1024
export const RECORDING_FILES_MAX = 8
export const RECORDING_QUEUE_BYTES_MAX: number = 4 * 1024 * 1024

/** A file must hold its header and at least one line of ordinary length. */
const FILE_BYTES_MIN = 4096
/** One write to the system; also how much is copied at once. */
const BATCH_BYTES = 256 * 1024

/** How the line of a gap begins; inputs have verbs of their own. */
const GAP_START = '{"v":"gap"'

const writeAsync = promisify(write)

export interface RecorderInit {
  /** Newest part; older ones get `.1`, `.2`, … appended. Created with mode 0600. */
  readonly path: string
  readonly clock: Clock
  /** Rotates before a file would exceed this. At least 4096. @default 64 MiB */
  readonly fileBytesMax?: number
  /** Files kept, the one being written included. At least 2. @default 8 */
  readonly filesMax?: number
  /** Bytes that may wait for the disk. @default 4 MiB */
  readonly queueBytesMax?: number
  /** Called once when writing fails later (disk full): the recording has ended. */
  readonly onFailure?: (error: SluiceError) => void
}

export interface RecorderStats {
  readonly written: number
  /** Inputs lost because the queue was full, the line too long, or the recording had ended. */
  readonly dropped: number
  readonly rotations: number
}

/** Opens a recording. Throws `SluiceError` `ERR_SLUICE_STATE` saying why when it cannot. */
export function openRecorder(init: RecorderInit): Recorder {
  return new Recorder(init)
}

export class Recorder {
  readonly path: string
  readonly #clock: Clock
  readonly #fileBytesMax: number
  readonly #filesMax: number
  readonly #queueBytesMax: number
  readonly #onFailure: ((error: SluiceError) => void) | undefined
  readonly #run = randomBytes(8).toString('hex')
  #fd: number
  #fileBytes = 0
  #part = 0
  #queue: string[] = []
  #queueBytes = 0
  #gap = 0
  #flushing: Promise<void> | undefined
  #ended = false
  #written = 0
  #dropped = 0
  #rotations = 0

  constructor(init: RecorderInit) {
    this.path = init.path
    this.#clock = init.clock
    this.#fileBytesMax = atLeast('fileBytesMax', init.fileBytesMax ?? RECORDING_FILE_BYTES_MAX, FILE_BYTES_MIN)
    this.#filesMax = atLeast('filesMax', init.filesMax ?? RECORDING_FILES_MAX, 2)
    this.#queueBytesMax = atLeast('queueBytesMax', init.queueBytesMax ?? RECORDING_QUEUE_BYTES_MAX, 1)
    this.#onFailure = init.onFailure
    if (existsSync(this.path) && recordingHeader(this.path) === undefined) throw notOurs(this.path)
    this.#fd = this.#openNext()
  }

  /** Queues one input. Never throws, never blocks. */
  write(input: RecordedInput): void {
    const line = `${JSON.stringify(input)}\n`
    const bytes = Buffer.byteLength(line)
    if (this.#ended || this.#queueBytes + bytes > this.#queueBytesMax || bytes > this.#lineBytesMax()) {
      this.#dropped++
      this.#gap++
      return
    }
    if (this.#gap > 0) this.#push(gapLine(this.#gap))
    this.#gap = 0
    this.#push(line)
    this.#flushing ??= this.#flush()
  }

  get stats(): RecorderStats {
    return { written: this.#written, dropped: this.#dropped, rotations: this.#rotations }
  }

  /** Writes what is queued and closes the file. Idempotent. */
  async close(): Promise<void> {
    await this.#flushing
    if (this.#ended) return
    this.#ended = true
    try {
      if (this.#gap > 0) writeSync(this.#fd, gapLine(this.#gap))
    } finally {
      closeSync(this.#fd)
    }
  }

  #push(line: string): void {
    this.#queue.push(line)
    this.#queueBytes += Buffer.byteLength(line)
  }

  async #flush(): Promise<void> {
    try {
      // Leaves the caller's turn of the event loop, so that a burst is written as one batch.
      await new Promise(resolve => setImmediate(resolve))
      while (this.#queue.length > 0) {
        const batch = this.#takeBatch()
        if (batch === undefined) {
          closeSync(this.#fd)
          this.#rotations++
          this.#fd = this.#openNext()
          continue
        }
        await writeAll(this.#fd, batch.data)
        this.#fileBytes += batch.data.length
        this.#written += batch.inputs
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#flushing = undefined
    }
  }

  /** The next lines that still fit the file, or undefined when the file is full. */
  #takeBatch(): { data: Buffer; inputs: number } | undefined {
    let bytes = 0
    let lines = 0
    let inputs = 0
    for (const line of this.#queue) {
      const lineBytes = Buffer.byteLength(line)
      if (this.#fileBytes + bytes + lineBytes > this.#fileBytesMax || (lines > 0 && bytes + lineBytes > BATCH_BYTES)) break
      bytes += lineBytes
      lines++
      if (!line.startsWith(GAP_START)) inputs++
    }
    if (lines === 0) return undefined
    const data = Buffer.from(this.#queue.splice(0, lines).join(''))
    this.#queueBytes -= data.length
    return { data, inputs }
  }

  #fail(error: unknown): void {
    this.#ended = true
    this.#dropped += this.#queue.length
    this.#queue = []
    this.#queueBytes = 0
    try {
      closeSync(this.#fd)
    } catch {
      // Closed already by the rotation that failed; the first error is the one to report.
    }
    this.#onFailure?.(stateError('Stopped writing the recording', this.path, error))
  }

  #openNext(): number {
    try {
      rotate(this.path, this.#filesMax)
      // `wx`: what rotation left in place is not ours to write into.
      const fd = openSync(this.path, 'wx', 0o600)
      fchmodSync(fd, 0o600)
      this.#part++
      const header: RecordingHeader = {
        v: 'recording',
        format: RECORDING_FORMAT,
        run: this.#run,
        part: this.#part,
        startedMs: this.#clock.now(),
      }
      writeSync(fd, `${JSON.stringify(header)}\n`)
      this.#fileBytes = fstatSync(fd).size
      return fd
    } catch (error) {
      throw stateError('Cannot open the recording', this.path, error)
    }
  }

  #lineBytesMax(): number {
    return Math.min(LINE_BYTES_MAX, this.#fileBytesMax - 512)
  }
}

async function writeAll(fd: number, data: Buffer): Promise<void> {
  for (let offset = 0; offset < data.length; ) offset += (await writeAsync(fd, data, offset)).bytesWritten
}

function notOurs(path: string): SluiceError {
  return new SluiceError('ERR_SLUICE_STATE', `Cannot open the recording ${path}: a file that is not a recording has that name.`, { path })
}

function gapLine(dropped: number): string {
  const gap: RecordingGap = { v: 'gap', dropped }
  return `${JSON.stringify(gap)}\n`
}

/** Makes room at `path`: `.N-1` becomes `.N`, …, `path` becomes `.1`; what would be number `filesMax` is deleted. */
function rotate(path: string, filesMax: number): void {
  const name = (part: number): string => (part === 0 ? path : `${path}.${part}`)
  rmSync(name(filesMax - 1), { force: true })
  for (let part = filesMax - 2; part >= 0; part--) {
    try {
      renameSync(name(part), name(part + 1))
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error
    }
  }
}

function atLeast(name: string, value: number, min: number): number {
  if (!Number.isSafeInteger(value) || value < min)
    throw new MisuseError(`${name} must be an integer of at least ${min}, not ${value}`, { [name]: value })
  return value
}
