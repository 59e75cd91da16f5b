/**
 * The checks against js-libp2p and go-libp2p: the node under test and an unmodified peer, each in a process of its own, each dialling the other once.
 * Whoever dials pings, reads what identify learned, makes its request/response streams, and moves the bulk bytes out and in.
 */

import type { Answered, Moved } from './actions.ts'
import { type Check, type CheckOptions, type Finding, movedText, step } from './check.ts'
import { goProgram } from './go.ts'
import { nodeCommand, PeerProcess } from './lines.ts'
import type { TransportName } from './options.ts'

const PINGS = 10

/** Streams open at once. js-libp2p admits 32 of a protocol on a connection unless told otherwise. */
const CONCURRENCY = 16

/** Opened streams a go-yamux session lets await their ACK in the check `yamux-ack` (stock: 256), and how many the check opens. */
const ACK_BACKLOG = 8
const HELD_STREAMS = 32

/** How long each incoming stream is paused before anything was sent on it. */
const PAUSE_MS = 100

type Listening = { readonly peer: string; readonly addresses: readonly string[] }

export const NODE_COMMAND: readonly [string, ...string[]] = nodeCommand(new URL('node.ts', import.meta.url))

async function* conversation(
  dialer: PeerProcess,
  address: string,
  who: string,
  { bulkBytes, streams }: CheckOptions,
): AsyncGenerator<Omit<Finding, 'check'>> {
  const connected = await step(`${who}: connect`, async () => {
    await dialer.request({ command: 'connect', address })
    return address.replace(/\/p2p\/.*/, '')
  })
  yield connected
  if (!connected.ok) return
  yield await step(`${who}: ping`, async () => {
    const { count, p50Ms } = await dialer.request<{ count: number; p50Ms: number }>({ command: 'ping', count: PINGS })
    return `${count} answers, p50 ${p50Ms.toFixed(2)} ms`
  })
  yield await step(`${who}: identify`, async () => {
    const { agent, protocols } = await dialer.request<{ agent: string; protocols: string[] }>({ command: 'identify' })
    return `${agent}, ${protocols.length} protocols`
  })
  yield await step(`${who}: ${streams} request/response streams`, async () => {
    const result = await dialer.request<Answered>({ command: 'streams', count: streams, concurrency: CONCURRENCY })
    const text = `${result.answered} answered in ${result.seconds.toFixed(2)} s`
    if (result.answered !== streams) throw new Error(`${text}; first error: ${result.firstError}`)
    return text
  })
  yield await step(`${who}: send`, async () => movedText(await dialer.request<Moved>({ command: 'send', bytes: bulkBytes })))
  yield await step(`${who}: receive`, async () => movedText(await dialer.request<Moved>({ command: 'receive', bytes: bulkBytes })))
  yield await step(`${who}: disconnect`, async () => {
    await dialer.request({ command: 'disconnect' })
    return 'closed'
  })
}

function peerCheck(peer: 'js' | 'go', transport: TransportName): Check {
  const library = peer === 'js' ? 'js-libp2p' : 'go-libp2p'
  return {
    name: `${peer}-${transport}`,
    summary: `an unmodified ${library} over ${transport === 'tcp' ? 'TCP, noise and yamux' : 'QUIC'}, both dialling directions`,
    async *run(options) {
      const host = peer === 'js' ? { path: undefined } : await goProgram('host')
      if ('missing' in host) return host.missing
      await using ours = new PeerProcess(NODE_COMMAND)
      await using theirs = new PeerProcess(host.path === undefined ? NODE_COMMAND : [host.path])
      const listen = { command: 'listen', transports: [transport] }
      const us = await ours.request<Listening>({ ...listen, policy: options.policy })
      const them = await theirs.request<Listening>(listen)
      const name = options.policy === undefined ? 'plain js-libp2p' : 'protected'
      yield* conversation(ours, them.addresses[0]!, `${name} dials ${library}`, options)
      yield* conversation(theirs, us.addresses[0]!, `${library} dials ${name}`, options)
      return undefined
    },
  }
}

/** Pausing a yamux stream before its ACK must not lose the ACK: go-yamux opens no further stream while a backlog of its streams is unacknowledged. */
const yamuxAck: Check = {
  name: 'yamux-ack',
  summary: 'a yamux stream paused before its ACK still gets it (go-yamux opens more streams than may be unacknowledged)',
  async *run({ policy }) {
    const host = await goProgram('host')
    if ('missing' in host) return host.missing
    await using ours = new PeerProcess(NODE_COMMAND)
    await using theirs = new PeerProcess([host.path, '-ack-backlog', String(ACK_BACKLOG)])
    const us = await ours.request<Listening>({ command: 'listen', transports: ['tcp'], policy, pauseBeforeAckMs: PAUSE_MS })
    await theirs.request({ command: 'listen', transports: ['tcp'] })
    await theirs.request({ command: 'connect', address: us.addresses[0] })
    yield await step(
      `go-yamux opens ${HELD_STREAMS} streams, each paused for ${PAUSE_MS} ms on arrival, ${ACK_BACKLOG} may be unacknowledged`,
      async () => {
        type Held = { readonly opened: number; readonly after: number; readonly firstError?: string }
        const held = await theirs.request<Held>({ command: 'hold', count: HELD_STREAMS, holdMs: 500 })
        const text = `${held.opened} opened, ${held.after} still answer after 500 ms`
        if (held.opened !== HELD_STREAMS || held.after !== HELD_STREAMS) throw new Error(`${text}; first error: ${held.firstError}`)
        return text
      },
    )
    return undefined
  },
}

export const PEER_CHECKS: readonly Check[] = [
  peerCheck('js', 'tcp'),
  peerCheck('js', 'quic'),
  peerCheck('go', 'tcp'),
  peerCheck('go', 'quic'),
  yamuxAck,
]
