/**
 * Resident memory of a child as the kernel sees it, sampled from outside so that a server too busy to answer is still measured.
 */

import { readFileSync } from 'node:fs'

/** Bytes, or undefined when the process is gone. Source: proc(5), VmRSS in kB of 1024 bytes. */
export function residentBytes(pid: number): number | undefined {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return line?.[1] === undefined ? undefined : Number(line[1]) * 1024
  } catch {
    return undefined
  }
}

/** Keeps the highest reading since the last `restart()`. */
export class MemoryWatch {
  readonly #pid: number
  readonly #ceilingBytes: number
  readonly #onCeiling: (bytes: number) => void
  readonly #timer: NodeJS.Timeout
  #peakBytes = 0

  /** @param onCeiling called once, when a reading passes the ceiling */
  constructor(pid: number, ceilingBytes: number, onCeiling: (bytes: number) => void) {
    this.#pid = pid
    this.#ceilingBytes = ceilingBytes
    this.#onCeiling = onCeiling
    this.#timer = setInterval(() => this.#sample(), 100)
    this.#sample()
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  restart(): void {
    this.#peakBytes = 0
    this.#sample()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const bytes = residentBytes(this.#pid)
    if (bytes === undefined) return
    this.#peakBytes = Math.max(this.#peakBytes, bytes)
    if (bytes > this.#ceilingBytes) {
      this.stop()
      this.#onCeiling(bytes)
    }
  }
}
