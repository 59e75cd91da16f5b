/** The listener guard on a bare event target that can be aborted, which is all of a stream it uses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import { guardListeners } from '../../src/work/listeners.ts'

function guarded(): { stream: Stream; thrown: string[]; aborted: string[] } {
  const thrown: string[] = []
  const aborted: string[] = []
  const target = Object.assign(new TypedEventEmitter(), { abort: (error: Error) => aborted.push(error.message) })
  const stream = target as unknown as Stream
  guardListeners(stream, (_, error) => thrown.push(error.message))
  return { stream, thrown, aborted }
}

const message = (): Event => new Event('message')

test('what a listener throws aborts its stream and goes no further', () => {
  const { stream, thrown, aborted } = guarded()
  stream.addEventListener('message', () => {
    throw new Error('bad message')
  })
  stream.dispatchEvent(message())
  assert.deepEqual([thrown, aborted], [['bad message'], ['bad message']])
})

test('a rejected listener does the same, and something that is no error is described', async () => {
  const { stream, aborted } = guarded()
  stream.addEventListener('message', async () => {
    await Promise.resolve()
    throw 7
  })
  stream.dispatchEvent(message())
  await new Promise(setImmediate)
  assert.deepEqual(aborted, ['a listener for "message" threw number'])
})

test('listeners can be removed, objects and functions, also those added before the guard', () => {
  let calls = 0
  const count = (): void => {
    calls++
  }
  const object = { handleEvent: count }
  const target = new TypedEventEmitter()
  const early = (): void => {
    calls++
  }
  target.addEventListener('message', early)
  const stream = target as unknown as Stream
  guardListeners(stream, () => {})
  guardListeners(stream, () => {})
  stream.addEventListener('message', count)
  stream.addEventListener('message', object as never)
  stream.dispatchEvent(message())
  assert.equal(calls, 3)
  stream.removeEventListener('message', early)
  stream.removeEventListener('message', count)
  stream.removeEventListener('message', object as never)
  stream.dispatchEvent(message())
  assert.equal(calls, 3)
  assert.equal(target.listenerCount('message'), 0)
})

test('one listener on two streams aborts the one whose event it was', () => {
  const one = guarded()
  const two = guarded()
  const listener = (): void => {
    throw new Error('no')
  }
  one.stream.addEventListener('message', listener)
  two.stream.addEventListener('message', listener)
  two.stream.dispatchEvent(message())
  assert.deepEqual([one.aborted, two.aborted], [[], ['no']])
})
