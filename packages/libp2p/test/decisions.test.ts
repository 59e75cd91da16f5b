/** The feed behind `decisions()`: order, bounds, what is dropped, and its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '@sluice/core'
import { DECISIONS_BUFFERED_MAX, DECISIONS_CONSUMERS_MAX, DecisionFeed } from '../src/decisions.ts'
import type { SluiceEvent } from '../src/events.ts'

const event = (atMs: number): SluiceEvent => ({ type: 'policy', atMs, mode: 'enforce' })

test('every consumer gets every event from when it opened, in order', async () => {
  const feed = new DecisionFeed()
  const first = feed.open()
  feed.push(event(1))
  const second = feed.open()
  feed.push(event(2))
  assert.equal((await first.next()).value?.atMs, 1)
  assert.equal((await first.next()).value?.atMs, 2)
  assert.equal((await second.next()).value?.atMs, 2)
})

test('a read that waits is answered by the next event', async () => {
  const feed = new DecisionFeed()
  const decisions = feed.open()
  const waiting = [decisions.next(), decisions.next()]
  feed.push(event(1))
  feed.push(event(2))
  assert.deepEqual(
    (await Promise.all(waiting)).map(result => result.value?.atMs),
    [1, 2],
  )
})

test('a consumer that does not read loses the oldest and can tell how many', async () => {
  const feed = new DecisionFeed()
  const slow = feed.open()
  for (let i = 0; i < DECISIONS_BUFFERED_MAX + 10; i++) feed.push(event(i))
  assert.equal(slow.dropped, 10)
  assert.equal((await slow.next()).value?.atMs, 10)
  let left = 1
  feed.close()
  for await (const _ of slow) left++
  assert.equal(left, DECISIONS_BUFFERED_MAX)
})

test('break returns the iterator and frees its place', async () => {
  const feed = new DecisionFeed()
  const decisions = feed.open()
  feed.push(event(1))
  for await (const _ of decisions) break
  assert.equal(feed.consumers, 0)
  assert.deepEqual(await decisions.next(), { done: true, value: undefined })
})

test('return() ends a read that waits', async () => {
  const feed = new DecisionFeed()
  const decisions = feed.open()
  const waiting = decisions.next()
  await decisions.return()
  assert.equal((await waiting).done, true)
})

test('consumers are bounded, and waiting reads too', async () => {
  const feed = new DecisionFeed({ bufferedMax: 2 })
  const open = Array.from({ length: DECISIONS_CONSUMERS_MAX }, () => feed.open())
  assert.throws(() => feed.open(), MisuseError)
  await open[0]?.return()
  const one = feed.open()
  const waiting = [one.next(), one.next()]
  await assert.rejects(one.next(), MisuseError)
  feed.close()
  assert.deepEqual(
    (await Promise.all(waiting)).map(result => result.done),
    [true, true],
  )
})

test('when the node stops, open iterations end; one opened later serves the next start', async () => {
  const feed = new DecisionFeed()
  const first = feed.open()
  const waiting = first.next()
  feed.close()
  assert.equal((await waiting).done, true)
  assert.equal(feed.consumers, 0)
  const second = feed.open()
  feed.push(event(1))
  assert.equal((await second.next()).value?.atMs, 1)
})
