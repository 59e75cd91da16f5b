/**
 * What an interop check is, and how it says what it found: one `ok` or `not ok` line with figures for each thing checked.
 */

import type { PolicyInput } from '@sluice/core'

export interface Finding {
  /** The check it belongs to, e.g. `go-tcp`. */
  readonly check: string
  /** What was tried, e.g. `protected dials: 1,000 streams`. */
  readonly step: string
  readonly ok: boolean
  /** What was measured, or the error. */
  readonly detail: string
}

export interface CheckOptions {
  /** Policy of the node under test; `undefined` leaves it unprotected, for control. */
  readonly policy: PolicyInput | undefined
  /** Bytes moved each way. */
  readonly bulkBytes: number
  readonly streams: number
}

export interface Check {
  readonly name: string
  readonly summary: string
  /** Yields findings as they come. Returns why it could not run at all, or nothing. */
  run(options: CheckOptions): AsyncGenerator<Omit<Finding, 'check'>, string | undefined>
}

/** Runs one step: its text when it passes, the error's when it throws. */
export async function step(name: string, work: () => Promise<string>): Promise<Omit<Finding, 'check'>> {
  try {
    return { step: name, ok: true, detail: await work() }
  } catch (error) {
    return { step: name, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}

/** `256 MiB in 1.25 s, 205 MiB/s`. */
export function movedText({ bytes, seconds }: { readonly bytes: number; readonly seconds: number }): string {
  const mebibytes = bytes / 2 ** 20
  return `${mebibytes} MiB in ${seconds.toFixed(2)} s, ${Math.round(mebibytes / seconds)} MiB/s`
}
