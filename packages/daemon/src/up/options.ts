/**
 * The flags of `sluice up` and what they make: the daemon's options. Each flag has an environment variable.
 */

import { resolve } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Mode, PolicyInput } from '@sluice/core'
import { usageError } from '../cli/exit-codes.ts'
import type { Flag, Values } from '../cli/flags.ts'
import { oneOf, onOff, text, wholeNumber } from '../cli/flags.ts'
import type { LogLevel } from '../log/logger.ts'
import { LOG_LEVELS } from '../log/logger.ts'
import type { ListenAddress } from '../node/listen.ts'
import { listenAddresses } from '../node/listen.ts'

/** Listen addresses and bootstrap peers a node may be given; far above any use, below what could hurt. */
const LIST_MAX = 64
/** More than any machine's descriptors. */
const CONNECTIONS_MAX = 1_000_000

const list = (given: readonly string[], name: string): readonly string[] => {
  if (given.length > LIST_MAX) throw usageError(`${name} may be given at most ${LIST_MAX} times.`)
  return given
}

export const LISTEN: Flag<readonly string[]> = {
  name: 'listen',
  value: '<multiaddr>',
  env: 'SLUICE_LISTEN',
  many: true,
  text: 'listen here instead of the default addresses; repeatable',
  parse: list,
  fallback: [],
}
export const PUBLIC: Flag<boolean> = {
  name: 'public',
  env: 'SLUICE_PUBLIC',
  text: 'listen on all interfaces and announce; without it, loopback only',
  parse: onOff,
  fallback: false,
}
export const MEMORY: Flag<string | undefined> = {
  name: 'memory',
  value: '<size>',
  env: 'SLUICE_MEMORY',
  text: 'budget of accounted bytes, e.g. 512MB or 2GiB',
  defaultText: 'from the memory of the machine',
  parse: text,
  fallback: undefined,
}
export const CONNECTIONS: Flag<number | undefined> = {
  name: 'connections',
  value: '<n>',
  env: 'SLUICE_CONNECTIONS',
  text: 'inbound connections the node is meant for',
  defaultText: 'from the memory of the machine',
  parse: wholeNumber(1, CONNECTIONS_MAX),
  fallback: undefined,
}
export const MODE: Flag<Mode | undefined> = {
  name: 'mode',
  value: '<mode>',
  env: 'SLUICE_MODE',
  text: 'enforce, or observe: decide and count, never refuse',
  defaultText: 'enforce',
  parse: oneOf<Mode>(['enforce', 'observe']),
  fallback: undefined,
}
export const BOOTSTRAP: Flag<readonly string[]> = {
  name: 'bootstrap',
  value: '<multiaddr>',
  env: 'SLUICE_BOOTSTRAP',
  many: true,
  text: 'peer to find others through, ending in /p2p/ID; repeatable',
  parse: (given, name) => list(given, name).map(address => checkBootstrap(address, name)),
  fallback: [],
}
export const QUIC: Flag<boolean> = { name: 'quic', negated: true, env: 'SLUICE_QUIC', text: 'no QUIC', parse: onOff, fallback: true }
export const WEBSOCKETS: Flag<boolean> = {
  name: 'websockets',
  negated: true,
  env: 'SLUICE_WEBSOCKETS',
  text: 'no WebSockets',
  parse: onOff,
  fallback: true,
}
export const RECORD: Flag<string | undefined> = {
  name: 'record',
  value: '<file>',
  env: 'SLUICE_RECORD',
  text: 'record every input of the engine for replay',
  parse: text,
  fallback: undefined,
}
export const RECOVER: Flag<boolean> = {
  name: 'recover',
  env: 'SLUICE_RECOVER',
  text: 'set a corrupt database or datastore aside and start with an empty one',
  parse: onOff,
  fallback: false,
}
export const LOG_LEVEL: Flag<LogLevel> = {
  name: 'log-level',
  value: '<level>',
  env: 'SLUICE_LOG_LEVEL',
  text: LOG_LEVELS.join(', '),
  defaultText: 'info',
  parse: oneOf(LOG_LEVELS),
  fallback: 'info',
}

export const UP_FLAGS: readonly Flag<unknown>[] = [
  LISTEN,
  PUBLIC,
  MEMORY,
  CONNECTIONS,
  MODE,
  BOOTSTRAP,
  QUIC,
  WEBSOCKETS,
  RECORD,
  RECOVER,
  LOG_LEVEL,
]

/** What a daemon is started with, beside its state directory and log. */
export interface UpOptions {
  readonly listen: readonly ListenAddress[]
  readonly public: boolean
  readonly quic: boolean
  readonly webSockets: boolean
  readonly bootstrap: readonly string[]
  readonly policy: PolicyInput
  readonly record: string | undefined
  readonly recover: boolean
}

export function upOptions(values: Values): UpOptions {
  const shared = { public: values.get(PUBLIC), quic: values.get(QUIC), webSockets: values.get(WEBSOCKETS) }
  const memory = values.get(MEMORY)
  const connections = values.get(CONNECTIONS)
  const mode = values.get(MODE)
  const record = values.get(RECORD)
  return {
    ...shared,
    listen: listenAddresses({ listen: values.get(LISTEN), ...shared }),
    bootstrap: values.get(BOOTSTRAP),
    policy: {
      ...(memory === undefined ? {} : { memory }),
      ...(connections === undefined ? {} : { connections }),
      ...(mode === undefined ? {} : { mode }),
    },
    record: record === undefined ? undefined : resolve(record),
    recover: values.get(RECOVER),
  }
}

function checkBootstrap(address: string, name: string): string {
  const [, id] = /^\/(?:ip4|ip6|dns|dns4|dns6|dnsaddr)\/[^\s]+\/p2p\/([^/\s]+)$/.exec(address) ?? []
  try {
    if (id === undefined) throw new Error('no /p2p/ID at its end')
    peerIdFromString(id)
    return address
  } catch {
    throw usageError(`${name} ${JSON.stringify(address)} is not understood. Use for example /dnsaddr/bootstrap.example.org/p2p/12D3KooW….`)
  }
}
