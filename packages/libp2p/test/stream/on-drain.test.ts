/**
 * The documented write loop waits every time, not only the first.
 */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { addressOf, eventually, noStrayErrors, pair } from '../helpers.ts'

it('onDrain() holds the documented write loop while the other side does not read', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t)
  await peer.handle('/test/silent/1.0.0', stream => stream.pause())
  await node.handle('/test/unused/1.0.0', () => {})
  await peer.dial(addressOf(node))
  await eventually(() => node.getConnections().length === 1)
  const [connection] = node.getConnections()
  assert.ok(connection)
  const stream = await connection.newStream('/test/silent/1.0.0')
  let written = 0
  let stop = false
  const loop = (async () => {
    while (!stop) {
      written += 65_536
      if (!stream.send(Buffer.alloc(65_536))) await stream.onDrain()
    }
  })().catch(() => {})
  await delay(300)
  const after = written
  await delay(300)
  assert.ok(written - after <= 65_536, `${written - after} more bytes were queued`)
  assert.ok(written <= 4 * 1024 * 1024, `${written} bytes were queued`)
  stop = true
  const waiting = stream.onDrain()
  stream.abort(new Error('enough'))
  await assert.rejects(waiting)
  await loop
})
