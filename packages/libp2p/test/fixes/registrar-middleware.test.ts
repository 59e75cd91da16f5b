/** `registrar.use` on plain js-libp2p and mended, over loopback. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { copyMiddleware, middlewareIsShared } from '../../src/fixes/registrar-middleware.ts'
import type { RegistrarLike } from '../../src/work/components.ts'

type UsableRegistrar = RegistrarLike & { use(protocol: string, middleware: []): void; unuse(protocol: string): void }

const PROTOCOL = '/test/middleware/1'

function node(mended: boolean, out: { registrar?: UsableRegistrar }): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      hold: (components: { registrar: UsableRegistrar }) => {
        out.registrar = components.registrar
        if (mended) copyMiddleware(components.registrar)
        return {}
      },
    },
  })
}

/** How often the handler ran in total after each of `streams` streams. */
async function handlerRuns(mended: boolean, streams: number): Promise<number[]> {
  const server = await node(mended, {})
  const client = await node(false, {})
  try {
    let runs = 0
    const totals: number[] = []
    await server.handle(PROTOCOL, async stream => {
      runs++
      await stream.close()
    })
    server.use(PROTOCOL, (stream, connection, next) => next(stream, connection))
    for (let i = 0; i < streams; i++) {
      const stream = await client.dialProtocol(server.getMultiaddrs(), PROTOCOL)
      const ended = new Promise(resolve => stream.addEventListener('close', resolve))
      await stream.close()
      await ended
      totals.push(runs)
    }
    return totals
  } finally {
    await Promise.all([client.stop(), server.stop()])
  }
}

test('plain js-libp2p runs the handler of every earlier stream again', async () => {
  const totals = await handlerRuns(false, 3)
  assert.equal(totals[0], 1)
  assert.ok((totals[2] ?? 0) > 3, `the defect is gone upstream (${totals}): remove fixes/registrar-middleware.ts`)
})

test('mended, each stream runs its handler once', async () => {
  assert.deepEqual(await handlerRuns(true, 3), [1, 2, 3])
})

test('the check tells a shared list from a copied one', async () => {
  for (const mended of [false, true]) {
    const out: { registrar?: UsableRegistrar } = {}
    const held = await node(mended, out)
    assert.ok(out.registrar)
    assert.equal(middlewareIsShared(out.registrar), !mended)
    await held.stop()
  }
})
