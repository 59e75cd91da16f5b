/**
 * A js-libp2p node in a process of its own, plain or protected, told what to do one JSON object per line. It knows the commands of `interop/go/cmd/host` and these:
 *
 *     {"command":"listen","transports":["tcp"],"policy":{…}}   protected when there is a policy (`{}` is the default one), unmodified js-libp2p when there is none
 *     {"command":"exchange","bytes":N}                         N bytes each way at once, not digested; answers {"bytes","seconds"}
 *     {"command":"connections","address":…,"count":N,"concurrency":K}   connect, identify, disconnect, N times, K at once, from 64 identities in turn; answers {"connected","seconds"}
 *     {"command":"cpu"}                                        answers {"cpuSeconds"}: what this process has used so far
 */

import { multiaddr } from '@multiformats/multiaddr'
import { Actions } from './actions.ts'
import { serveLines } from './lines.ts'
import { type InteropNode, type NodeInit, startNode } from './options.ts'
import { RESPONDERS } from './protocols.ts'

/** Inbound streams of one interop protocol on one connection; js-libp2p's own 32 would stand before what is to be checked. */
const STREAMS_MAX = 1024

let actions: Actions | undefined

async function listen(init: NodeInit): Promise<{ peer: string; addresses: string[] }> {
  const node: InteropNode = await startNode(init)
  const limits = { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX }
  for (const [protocol, respond] of Object.entries(RESPONDERS)) await node.handle(protocol, respond, limits)
  actions = new Actions(node, init)
  return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) }
}

await serveLines(async request => {
  const { command, count, bytes } = request as { command: string; count: number; bytes: number }
  if (command === 'listen') return listen(request as unknown as NodeInit)
  if (command === 'cpu') {
    const { user, system } = process.cpuUsage()
    return { cpuSeconds: (user + system) / 1e6 }
  }
  if (actions === undefined) throw new Error('listen comes first')
  switch (command) {
    case 'connect':
      return actions.connect(multiaddr(String(request.address)))
    case 'ping':
      return actions.ping(count)
    case 'identify':
      return actions.identify()
    case 'streams':
      return actions.streams(count, Number(request.concurrency))
    case 'send':
      return actions.send(bytes)
    case 'receive':
      return actions.receive(bytes)
    case 'exchange':
      return actions.exchange(bytes)
    case 'connections':
      return actions.connections(multiaddr(String(request.address)), count, Number(request.concurrency))
    case 'disconnect':
      return actions.disconnect()
    default:
      throw new Error(`unknown command ${command}`)
  }
})
await actions?.stop()
process.exit(0)
