/**
 * Where the node listens: the default addresses, the check of those given, and the translation of a failed listen into a sentence with the port, the
 * reason and the flag that helps. Loopback only, unless `--public` says otherwise.
 */

import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { CommandFailure, EXIT, usageError } from '../cli/exit-codes.ts'

export const TCP_PORT_DEFAULT = 4001
export const QUIC_PORT_DEFAULT = 4001
export const WEBSOCKET_PORT_DEFAULT = 4002

export interface ListenOptions {
  /** Multiaddrs from `--listen`; empty for the defaults. */
  readonly listen: readonly string[]
  readonly public: boolean
  readonly quic: boolean
  readonly webSockets: boolean
}

/** One listen address, taken apart. */
export interface ListenAddress {
  readonly text: string
  readonly host: string
  readonly port: number
  readonly transport: 'tcp' | 'ws' | 'quic'
}

/** Throws a usage error for an address that is not understood, or not loopback without `--public`. */
export function listenAddresses(options: ListenOptions): ListenAddress[] {
  const texts = options.listen.length > 0 ? options.listen : defaults(options)
  return texts.map(text => {
    const address = parseListen(text)
    if (!options.public && !isLoopback(address.host)) {
      throw usageError(`--listen ${text} can be reached from outside this machine. Add --public if that is meant.`)
    }
    if (address.transport === 'quic' && !options.quic) throw usageError(`--listen ${text} needs QUIC, which --no-quic turned off.`)
    if (address.transport === 'ws' && !options.webSockets)
      throw usageError(`--listen ${text} needs WebSockets, which --no-websockets turned off.`)
    return address
  })
}

function defaults(options: ListenOptions): string[] {
  const hosts = options.public ? ['/ip4/0.0.0.0', ...(hasIPv6() ? ['/ip6/::'] : [])] : ['/ip4/127.0.0.1']
  return hosts.flatMap(host => [
    `${host}/tcp/${TCP_PORT_DEFAULT}`,
    ...(options.webSockets ? [`${host}/tcp/${WEBSOCKET_PORT_DEFAULT}/ws`] : []),
    ...(options.quic ? [`${host}/udp/${QUIC_PORT_DEFAULT}/quic-v1`] : []),
  ])
}

/** `/ip4|ip6/HOST/tcp/PORT`, `…/tcp/PORT/ws`, `…/udp/PORT/quic-v1`; other multiaddrs are none this node can listen on. */
export function parseListen(text: string): ListenAddress {
  const [, family, host, kind, portText, rest] = /^\/(ip4|ip6)\/([^/]+)\/(tcp|udp)\/(\d{1,5})((?:\/[^/]+)*)$/.exec(text) ?? []
  const port = Number(portText)
  const transport = kind === 'tcp' ? (rest === '' ? 'tcp' : rest === '/ws' ? 'ws' : undefined) : rest === '/quic-v1' ? 'quic' : undefined
  const hostIsGood = host !== undefined && (family === 'ip4' ? isIPv4(host) : isIPv6(host))
  if (transport === undefined || !hostIsGood || port > 65_535) {
    throw usageError(
      `--listen ${JSON.stringify(text)} is not understood. Use /ip4/127.0.0.1/tcp/4001, /ip4/127.0.0.1/tcp/4002/ws or /ip4/127.0.0.1/udp/4001/quic-v1, with /ip6 for IPv6.`,
    )
  }
  return { text, host, port, transport }
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some(list => list?.some(address => address.family === 'IPv6' && !address.internal))
}

/** What a failed bind means, by what the TCP stack and the QUIC library say. */
const BIND_FAILURES: readonly (readonly [RegExp, string])[] = [
  [/EADDRINUSE|address (?:is )?already in use/i, 'is taken by another program'],
  [/EACCES|permission denied/i, 'needs more rights than this process has'],
  [/EADDRNOTAVAIL|cannot assign requested address|address not available/i, 'belongs to an address this machine does not have'],
]

/** Turns libp2p's failure to listen into one sentence; anything else is passed through. */
export function explainListenFailure(error: unknown, addresses: readonly ListenAddress[]): unknown {
  if (!(error instanceof Error) || error.name !== 'UnsupportedListenAddressesError') return error
  const failures = addresses.flatMap(address => {
    const reason = failureOf(error.message, address)
    return reason === undefined ? [] : [`${portName(address)} (${address.text}) ${reason}`]
  })
  const what = failures.length > 0 ? failures.join('; ') : error.message.split('\n', 1)[0]
  return new CommandFailure(
    EXIT.failure,
    `Cannot listen: ${what}. Choose other addresses with --listen, for example --listen /ip4/127.0.0.1/tcp/0 for any free port.`,
    error,
  )
}

/** libp2p lists each failed address on a line of its own, with the error and its stack below. */
function failureOf(message: string, address: ListenAddress): string | undefined {
  const start = message.indexOf(`\n  ${address.text}: `)
  if (start === -1) return undefined
  const rest = message.slice(start + address.text.length + 5)
  const own = rest.split(/\n {2}\/ip/, 1)[0] ?? ''
  return BIND_FAILURES.find(([pattern]) => pattern.test(own))?.[1] ?? `failed: ${own.split('\n', 1)[0]}`
}

function portName(address: ListenAddress): string {
  const names = { tcp: 'TCP port', ws: 'WebSocket port', quic: 'QUIC port' } as const
  return `${names[address.transport]} ${address.port}`
}
