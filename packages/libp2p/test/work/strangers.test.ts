/** Which strangers leave the peer store, by table and for any order of events. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { STRANGERS_MAX, STRANGERS_MIN, Strangers, strangersMax } from '../../src/work/strangers.ts'

function make(max: number): { strangers: Strangers<string>; connected: Set<string>; forgotten: string[] } {
  const connected = new Set<string>()
  const forgotten: string[] = []
  const strangers = new Strangers<string>({
    max: () => max,
    isConnected: id => connected.has(id),
    forget: async key => {
      forgotten.push(key)
    },
  })
  return { strangers, connected, forgotten }
}

test('the least recently written stranger goes first', async () => {
  const { strangers, forgotten } = make(2)
  for (const peer of ['a', 'b', 'a', 'c']) await strangers.written(peer, peer, false)
  assert.deepEqual(forgotten, ['b'])
  assert.equal(strangers.size, 2)
})

test('connected and tagged peers are not counted and never forgotten', async () => {
  const { strangers, connected, forgotten } = make(1)
  connected.add('guest')
  await strangers.written('guest', 'guest', false)
  await strangers.written('friend', 'friend', true)
  for (const peer of ['a', 'b', 'c']) await strangers.written(peer, peer, false)
  assert.deepEqual(forgotten, ['a', 'b'])
  connected.delete('guest')
  await strangers.disconnected('guest')
  assert.deepEqual(forgotten, ['a', 'b', 'c'])
  connected.add('guest')
  strangers.connected('guest')
  assert.equal(strangers.size, 0)
})

test('a stranger that gets a tag is safe, one that loses it is a stranger', async () => {
  const { strangers, forgotten } = make(1)
  await strangers.written('a', 'a', false)
  await strangers.written('a', 'a', true)
  await strangers.written('b', 'b', false)
  assert.deepEqual(forgotten, [])
  await strangers.written('a', 'a', false)
  assert.deepEqual(forgotten, ['b'])
})

test('a peer found in the store has a place only while there is room', async () => {
  const { strangers, connected, forgotten } = make(2)
  await strangers.written('a', 'a', false)
  assert.equal(strangers.found('b', 'b'), true)
  assert.equal(strangers.found('c', 'c'), false)
  assert.equal(strangers.found('a', 'a'), true)
  connected.add('d')
  assert.equal(strangers.found('d', 'd'), true)
  assert.deepEqual([strangers.size, forgotten], [2, []])
})

test('for any order of writes and visits, never more strangers than the bound', async () => {
  const step = fc.record({
    peer: fc.integer({ min: 0, max: 20 }),
    what: fc.constantFrom('write', 'tag', 'connect', 'disconnect', 'remove'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 200 }), fc.integer({ min: 0, max: 8 }), async (steps, max) => {
      const { strangers, connected } = make(max)
      for (const { peer, what } of steps) {
        const id = `${peer}`
        if (what === 'write') await strangers.written(id, id, false)
        else if (what === 'tag') await strangers.written(id, id, true)
        else if (what === 'remove') strangers.removed(id)
        else if (what === 'connect') {
          connected.add(id)
          strangers.connected(id)
        } else {
          connected.delete(id)
          await strangers.disconnected(id)
        }
        assert.ok(strangers.size <= max)
      }
    }),
  )
})

test('the bound follows the memory budget between its ends', () => {
  assert.equal(strangersMax(0, 1000), STRANGERS_MIN)
  assert.equal(strangersMax(8_000_000, 1000), 1000)
  assert.equal(strangersMax(Number.MAX_SAFE_INTEGER, 1000), STRANGERS_MAX)
})
