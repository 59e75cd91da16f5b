/**
 * A TCP proxy on loopback between an honest peer and a node, which resets the connection, or turns what follows into noise, once so many bytes have passed:
 * walks through every step of an upgrade without knowing one.
 */

import net from 'node:net'
import type { TestContext } from 'node:test'

export interface CuttingProxy {
  readonly port: number
  /** Bytes that went the watched way before the cut. */
  readonly passed: number
}

export interface CuttingProxyInit {
  readonly to: number
  /** Which direction is counted and cut. */
  readonly watch: 'to-node' | 'from-node'
  readonly afterBytes: number
  /** `deaf`: reads nothing more from the node, and ends its own side. */
  readonly ending: 'reset' | 'end' | 'garbage' | 'deaf'
  /** Seed of the garbage. */
  readonly seed?: number
}

export async function cuttingProxy(t: TestContext, init: CuttingProxyInit): Promise<CuttingProxy> {
  const { to, watch, afterBytes, ending, seed = 1 } = init
  const sockets = new Set<net.Socket>()
  let passed = 0
  let noise = seed
  const scramble = (chunk: Buffer): Buffer =>
    Buffer.from(
      chunk.map(() => {
        noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0
        return noise >>> 16
      }),
    )

  const server = net.createServer(peer => {
    const node = net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: ending === 'deaf' })
    const end = (): void => {
      if (ending === 'end') {
        peer.destroySoon()
        node.destroySoon()
      } else {
        peer.resetAndDestroy()
        node.resetAndDestroy()
      }
    }
    for (const socket of [peer, node]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        peer.destroy()
        node.destroy()
      })
    }
    const pipe = (from: net.Socket, into: net.Socket, watched: boolean): void => {
      from.on('data', chunk => {
        if (!watched || passed + chunk.length <= afterBytes) {
          passed += watched ? chunk.length : 0
          into.write(chunk)
          return
        }
        const honest = Math.max(0, afterBytes - passed)
        passed += chunk.length
        into.write(chunk.subarray(0, honest))
        if (ending === 'garbage') {
          into.write(scramble(chunk.subarray(honest)))
        } else if (ending === 'deaf') {
          // Nothing more to write to a side that is ended; and the node gets time to fill the buffers in between.
          into.pause()
          from.pause()
          setTimeout(() => from.end(), 500)
        } else {
          end()
        }
      })
    }
    pipe(peer, node, watch === 'to-node')
    pipe(node, peer, watch === 'from-node')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) {
      socket.destroy()
    }
    server.close()
  })
  return {
    port: (server.address() as net.AddressInfo).port,
    get passed() {
      return passed
    },
  }
}
