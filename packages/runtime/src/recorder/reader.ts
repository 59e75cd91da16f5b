/**
 * Reads a recording back, part by part, oldest first, in bounded memory. A bad line is a value with its file and line number, not an exception: the
 * reader decides whether to stop. What cannot be read at all throws.
 */

import { createReadStream } from 'node:fs'
import type { RecordedInput } from '@sluice/core'
import { SluiceError } from '@sluice/core'
import { stateError } from '../system-error.ts'
import type { RecordingHeader } from './format.ts'
import { LINE_BYTES_MAX, parseInput, recordingHeader } from './format.ts'
import { RECORDING_FILES_MAX } from './writer.ts'

export type RecordedLine =
  | { readonly file: string /** From 1, the header included. */; readonly line: number; readonly input: RecordedInput }
  | { readonly file: string; readonly line: number; readonly problem: string }

export interface ReadRecordingOptions {
  /** How many rotated parts to look for. @default 8 */
  readonly filesMax?: number
}

/** @param path the newest part. Throws `SluiceError` when it is missing, unreadable, not a recording, or of a newer format. */
export async function* readRecording(path: string, options: ReadRecordingOptions = {}): AsyncGenerator<RecordedLine, void, undefined> {
  const parts = findParts(path, options.filesMax ?? RECORDING_FILES_MAX)
  const first = parts[0]
  if (first !== undefined && first.header.part > 1) {
    yield {
      file: first.file,
      line: 1,
      problem: `the recording begins with part ${first.header.part}; earlier parts were rotated away, so it cannot be replayed from the start`,
    }
  }
  for (const part of parts) yield* readPart(part.file)
}

interface Part {
  readonly file: string
  readonly header: RecordingHeader
}

/** The parts of the newest run, oldest first. */
function findParts(path: string, filesMax: number): Part[] {
  const newest = recordingHeader(path)
  if (newest === undefined)
    throw new SluiceError('ERR_SLUICE_STATE', `Cannot read the recording ${path}: its first line is not a recording's header.`, { path })
  const parts: Part[] = [{ file: path, header: newest }]
  for (let age = 1; age < filesMax; age++) {
    const file = `${path}.${age}`
    const header = recordingHeader(file, true)
    if (header === undefined || header.run !== newest.run || header.part !== newest.part - age) break
    parts.unshift({ file, header })
  }
  return parts
}

async function* readPart(file: string): AsyncGenerator<RecordedLine, void, undefined> {
  let line = 0
  for await (const text of lines(file)) {
    line++
    if (line === 1) continue
    if (text.tooLong) {
      yield { file, line, problem: `longer than ${LINE_BYTES_MAX} bytes` }
      continue
    }
    const input = parseInput(text.value)
    if (!('problem' in input)) yield { file, line, input }
    else yield { file, line, problem: text.ended ? input.problem : `the file ends in the middle of a line (${input.problem})` }
  }
}

interface TextLine {
  readonly value: string
  /** Closed by a newline. */
  readonly ended: boolean
  readonly tooLong: boolean
}

/** Splits at newlines, holding at most one line and one chunk; of a longer line only its being too long is kept. */
async function* lines(file: string): AsyncGenerator<TextLine, void, undefined> {
  let held: Buffer[] = []
  let heldBytes = 0
  let tooLong = false
  const hold = (piece: Buffer): void => {
    tooLong ||= heldBytes + piece.length > LINE_BYTES_MAX
    if (tooLong) held = []
    else held.push(piece)
    heldBytes += piece.length
  }
  const take = (ended: boolean): TextLine => {
    const line = { value: Buffer.concat(held).toString('utf8'), ended, tooLong }
    held = []
    heldBytes = 0
    tooLong = false
    return line
  }
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        hold(chunk.subarray(start, end))
        yield take(true)
        start = end + 1
      }
      if (start < chunk.length) hold(chunk.subarray(start))
    }
  } catch (error) {
    throw stateError('Cannot read the recording', file, error)
  }
  if (heldBytes > 0) yield take(false)
}
