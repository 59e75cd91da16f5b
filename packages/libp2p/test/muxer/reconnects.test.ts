/** An honest peer that reconnects as fast as it can is never cut for what every connection does: the muxer's first pings, the GO_AWAY at its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, eventually, noStrayErrors, pair } from '../helpers.ts'

/** More than the bursts of one connection: 16 control frames, 200 pings at one to three each. */
const RECONNECTS = 260

test('reconnecting over and over is not refused by the rates of pings, control frames or resets', async t => {
  noStrayErrors(t)
  const { node, peer } = await pair(t)
  const address = addressOf(node)
  const startedMs = Date.now()
  for (let index = 0; index < RECONNECTS; index++) {
    const connection = await peer.dial(address)
    await connection.close()
  }
  t.diagnostic(`${Math.round((RECONNECTS * 1000) / (Date.now() - startedMs))} connections per second`)
  await eventually(() => node.services.sluice.resources().system.usage.connectionsInbound === 0)
  assert.deepEqual(node.services.sluice.resources().denials, [])
  assert.ok((await peer.services.ping.ping(address)) >= 0)
})
