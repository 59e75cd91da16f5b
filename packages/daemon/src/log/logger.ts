/**
 * The daemon's log, on stderr: JSON lines for machines, one short line each on a terminal. Written without waiting; when nobody reads, lines are dropped past
 * a bound rather than held or waited for, so that a stuck log reader cannot stop the node.
 */

import { styleText } from 'node:util'
import type { Logger, LoggerOptions } from 'pino'
import { destination, pino } from 'pino'
import { escapeControls } from '../cli/output.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Bytes of log that may wait for a slow reader. */
export const LOG_WAITING_BYTES_MAX: number = 1024 * 1024

export interface DaemonLog {
  readonly log: Logger
  /** Writes out what waits; before the process ends. */
  flush(): void
}

/** @param stream stderr; pretty when it is a terminal */
export function openLog(level: LogLevel, stream: NodeJS.WriteStream & { readonly fd: number }): DaemonLog {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (stream.isTTY)
    return { log: pino(options, { write: line => void stream.write(`${prettyLine(line, stream)}\n`) }), flush: () => undefined }
  const target = destination({ fd: stream.fd, sync: false, maxLength: LOG_WAITING_BYTES_MAX })
  // A closed pipe must not end the node; there is nobody left to tell.
  target.on('error', () => undefined)
  return {
    log: pino(options, target),
    flush() {
      try {
        target.flushSync()
      } catch {
        // The pipe is closed or was never ready.
      }
    },
  }
}

const STYLES = { trace: 'gray', debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red', fatal: 'red' } as const

/** `12:00:01 info  listening  address=…` */
export function prettyLine(line: string, stream: NodeJS.WriteStream): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const name = String(level)
  const style = name in STYLES ? STYLES[name as keyof typeof STYLES] : 'gray'
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${escapeControls(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  const clock = String(time).slice(11, 19)
  return [clock, styleText(style, name.padEnd(5), { stream, validateStream: true }), escapeControls(String(msg ?? '')), ...rest].join(' ')
}
