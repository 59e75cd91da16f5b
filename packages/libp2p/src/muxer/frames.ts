/**
 * What a scanner of muxer frames reports: how often each costly kind occurred in the bytes it was shown, and the first fault.
 */

import type { CutReason } from '../refused.ts'

/** Frames since the counts were last cleared; inbound stream opens are not here, they are charged when the stream is admitted. */
export interface FrameCounts {
  pings: number
  resets: number
  /** Window updates, and empty frames that ask for as little work. */
  updates: number
  control: number
  /** Most streams opened one right after the other without a word on any of them. */
  silentOpens: number
  /** How many of them were the last frames seen. */
  silentRun: number
}

export interface FrameFault {
  readonly reason: CutReason
  /** One clause with the numbers. */
  readonly message: string
}

export interface FrameScanner {
  readonly counts: FrameCounts
  /** @param frameBytesMax longest payload accepted. After a fault the scanner must not be used again. */
  scan(chunk: Uint8Array, frameBytesMax: number): FrameFault | undefined
}
