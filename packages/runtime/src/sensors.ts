/**
 * Readings of this process's health: event-loop delay, memory, CPU, open files. Pulled by whoever wants them; nothing here runs on a timer of its own.
 *
 * Event-loop delay comes from Node's own histogram, which samples in the event loop every `resolutionMs`; the resolution is subtracted, so that an idle
 * loop reads near 0. Each `read()` reports what happened since the one before and starts a new window, so give one reader its own `Sensors`.
 * Node starts a window with the first sample in it, so a stall that begins within `resolutionMs` after a reading is not seen.
 */

import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** Sampling interval of the delay histogram: fine enough for a 100 ms target, coarse enough to cost nothing. */
export const LOOP_DELAY_RESOLUTION_MS = 10

const NANOSECONDS_PER_MS = 1e6

export interface SensorReadings {
  /** Milliseconds since the previous reading, or since the sensors were opened. */
  readonly windowMs: number
  readonly loopDelayP50Ms: number
  readonly loopDelayP99Ms: number
  readonly loopDelayMaxMs: number
  readonly rssBytes: number
  readonly heapUsedBytes: number
  /** What V8 may grow the heap to before it gives up. */
  readonly heapLimitBytes: number
  /** Buffers outside the heap. */
  readonly externalBytes: number
  /** CPU time over wall time of the window; 1 is one processor fully used, and threads may take it above. */
  readonly cpuRatio: number
  /** Open descriptors of this process; undefined where /proc is missing. */
  readonly fileDescriptorsOpen: number | undefined
}

export class Sensors {
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>
  #cpu: NodeJS.CpuUsage
  #windowStartMs: number

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS })
    this.#histogram.enable()
    this.#cpu = process.cpuUsage()
    this.#windowStartMs = performance.now()
  }

  /** Reads everything and starts a new window. */
  read(): SensorReadings {
    const nowMs = performance.now()
    const windowMs = nowMs - this.#windowStartMs
    const spent = process.cpuUsage(this.#cpu)
    const memory = process.memoryUsage()
    const readings: SensorReadings = {
      windowMs,
      loopDelayP50Ms: delayMs(this.#histogram.percentile(50)),
      loopDelayP99Ms: delayMs(this.#histogram.percentile(99)),
      loopDelayMaxMs: delayMs(this.#histogram.max),
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      heapLimitBytes: getHeapStatistics().heap_size_limit,
      externalBytes: memory.external,
      cpuRatio: windowMs > 0 ? (spent.user + spent.system) / 1000 / windowMs : 0,
      fileDescriptorsOpen: openFileDescriptors(),
    }
    this.#histogram.reset()
    this.#cpu = process.cpuUsage()
    this.#windowStartMs = nowMs
    return readings
  }

  /** Stops the histogram's timer. Idempotent. */
  close(): void {
    this.#histogram.disable()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** An empty histogram reports 0 or, for percentiles and max, values outside the possible; both read as no delay. */
function delayMs(nanoseconds: number): number {
  if (!Number.isFinite(nanoseconds)) return 0
  return Math.max(0, nanoseconds / NANOSECONDS_PER_MS - LOOP_DELAY_RESOLUTION_MS)
}

function openFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
