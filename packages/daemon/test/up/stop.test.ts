import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { ProtectedNode } from '../../src/node/create.ts'
import { ABORT_MS, DRAIN_MS, stopNode, within } from '../../src/up/stop.ts'

const log = pino({ level: 'silent' })

/** Only what stopping touches. */
function fakeNode(stop: () => Promise<void>, aborted: string[] = []): ProtectedNode {
  const getConnections = () => ['a', 'b'].map(name => ({ abort: () => aborted.push(name) }))
  return { stop, getConnections } as unknown as ProtectedNode
}

test('a node that stops in order is well, one that fails to is told', async () => {
  await stopNode(
    fakeNode(async () => undefined),
    log,
  )
  await assert.rejects(
    stopNode(
      fakeNode(() => Promise.reject(new Error('stuck'))),
      log,
    ),
    /stuck/,
  )
})

test('connections still open at the end of the polite time are aborted, which lets the stop end', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const aborted: string[] = []
  let finish = (): void => undefined
  const stopping = stopNode(
    fakeNode(() => new Promise<void>(resolve => (finish = resolve)), aborted),
    log,
  )
  t.mock.timers.tick(DRAIN_MS - 1)
  await turn()
  assert.deepEqual(aborted, [])
  t.mock.timers.tick(1)
  await turn()
  assert.deepEqual(aborted, ['a', 'b'])
  finish()
  await stopping
})

test('a node that never stops is left behind at the last deadline', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const stopping = stopNode(
    fakeNode(() => new Promise<void>(() => undefined)),
    log,
  )
  t.mock.timers.tick(DRAIN_MS)
  await turn()
  t.mock.timers.tick(ABORT_MS)
  await assert.rejects(stopping, /did not stop within 8 s/)
})

test('within gives the value, or undefined when it is late, and passes a failure on', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  assert.equal(await within(Promise.resolve(7), 10), 7)
  const late = within(new Promise<number>(() => undefined), 10)
  t.mock.timers.tick(10)
  assert.equal(await late, undefined)
  await assert.rejects(within(Promise.reject(new Error('x')), 10), /x/)
})

/** Lets promises that are settled run their continuations. */
async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}
