/** The registrar guard on the registrar of a node that is not started, with streams that are bare event targets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, Stream } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { createGovernor } from '@sluice/core'
import { createLibp2p } from 'libp2p'
import type { NodeContext } from '../../src/context.ts'
import { createNodeContext } from '../../src/context.ts'
import type { RegistrarLike } from '../../src/work/components.ts'
import { guardRegistrar } from '../../src/work/registrar.ts'

async function bareRegistrar(): Promise<RegistrarLike> {
  let registrar: RegistrarLike | undefined
  await createLibp2p({
    start: false,
    services: {
      hold: (components: { registrar: RegistrarLike }) => {
        registrar = components.registrar
        return {}
      },
    },
  })
  assert.ok(registrar)
  return registrar
}

function bareContext(): NodeContext {
  const clock = { now: () => 0 }
  return createNodeContext({ governor: createGovernor({ clock, random: () => 0 }), clock, logger: defaultLogger() })
}

function bareStream(): { stream: Stream; aborted: string[] } {
  const aborted: string[] = []
  const stream = Object.assign(new TypedEventEmitter(), { protocol: '/p', abort: (error: Error) => aborted.push(error.message) })
  return { stream: stream as unknown as Stream, aborted }
}

const CONNECTION = {} as Connection

test('handlers that came before and after are wrapped, and what they throw aborts their stream', async () => {
  const registrar = await bareRegistrar()
  await registrar.handle('/before', () => {
    throw new Error('before')
  })
  guardRegistrar(registrar, bareContext(), () => undefined)
  await registrar.handle('/after', () => Promise.reject(new Error('after')))
  await registrar.handle('/odd', () => Promise.reject('text'))
  const one = bareStream()
  await registrar.getHandler('/before').handler(one.stream, CONNECTION)
  await registrar.getHandler('/after').handler(one.stream, CONNECTION)
  await registrar.getHandler('/odd').handler(one.stream, CONNECTION)
  assert.deepEqual(one.aborted, ['before', 'after', 'a handler threw string'])
})

test('handlers are counted while they run', async () => {
  const registrar = await bareRegistrar()
  const guard = guardRegistrar(registrar, bareContext(), () => undefined)
  const { promise, resolve } = Promise.withResolvers<void>()
  await registrar.handle('/slow', () => promise)
  const running = registrar.getHandler('/slow').handler(bareStream().stream, CONNECTION)
  assert.equal(guard.handlersRunning, 1)
  resolve()
  await running
  assert.equal(guard.handlersRunning, 0)
})

test('every stream meets the listener guard before any other middleware', async () => {
  const registrar = await bareRegistrar()
  guardRegistrar(registrar, bareContext(), () => undefined)
  const { stream, aborted } = bareStream()
  const [first] = registrar.getMiddleware('/p')
  assert.ok(first)
  let passed = 0
  first(stream, CONNECTION, () => passed++)
  stream.addEventListener('message', () => {
    throw new Error('from a listener')
  })
  stream.dispatchEvent(new Event('message'))
  assert.deepEqual([passed, aborted], [1, ['from a listener']])
})

test('the self-test finds a registrar that was taken from us', async () => {
  const registrar = await bareRegistrar()
  const context = bareContext()
  guardRegistrar(registrar, context, () => undefined)
  const proofs = async (): Promise<(string | undefined)[]> => Promise.all(context.hooks.all().map(hook => hook.prove()))
  assert.deepEqual(await proofs(), [undefined, undefined])
  await registrar.handle('/p', () => {})
  registrar.getHandler('/p').handler = () => {}
  registrar.getMiddleware = () => []
  assert.deepEqual(await proofs(), ['the handlers of /p are not wrapped', 'getMiddleware gives no list to lead'])
})
