/**
 * Gives libp2p's components the daemon's log. What libp2p calls an error is mostly a remote that went away, so it is `debug` here; of Sluice's own
 * components it is a warning, the self-test excepted: it provokes errors. At a level that is off nothing is formatted.
 */

import { format } from 'node:util'
import type { Libp2pOptions } from 'libp2p'
import type { Logger } from 'pino'
import type { LogLevel } from './logger.ts'

type ComponentLogger = NonNullable<Libp2pOptions['logger']>
type ComponentLog = ReturnType<ComponentLogger['forComponent']>

/** Longest text of one line; a peer chooses part of what is logged. */
const TEXT_CHARS_MAX = 2000

export function libp2pLogger(log: Logger): ComponentLogger {
  return { forComponent: name => component(log, name) }
}

function component(log: Logger, name: string): ComponentLog {
  const own = /^sluice(?::|$)(?!self-test)/.test(name)
  const write =
    (level: LogLevel) =>
    (formatter: unknown, ...args: unknown[]): void => {
      if (log.isLevelEnabled(level)) log[level]({ component: name }, render(formatter, args))
    }
  const base = write('debug')
  return Object.assign(base, {
    enabled: log.isLevelEnabled('debug'),
    error: write(own ? 'warn' : 'debug'),
    trace: write('trace'),
    newScope: (scope: string) => component(log, `${name}:${scope}`),
  })
}

/** libp2p's formatters: %p peer id, %a multiaddr, %e error, %c CID, %k key, %b %t %m bytes; the rest is `util.format`'s. */
function render(formatter: unknown, args: readonly unknown[]): string {
  if (typeof formatter !== 'string') return format(formatter, ...args).slice(0, TEXT_CHARS_MAX)
  const values = [...args]
  let next = 0
  const pattern = formatter.replace(/%([a-zA-Z%])/g, (whole, kind: string) => {
    if (kind === '%') return whole
    const index = next++
    if (!'paeckbtm'.includes(kind)) return whole
    values[index] = kind === 'e' ? errorText(values[index]) : bytesOrText(values[index])
    return '%s'
  })
  return format(pattern, ...values).slice(0, TEXT_CHARS_MAX)
}

function errorText(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value)
}

function bytesOrText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value.subarray(0, 64)).toString('hex') : String(value)
}
