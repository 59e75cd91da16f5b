/** The interop checks at a small size: they pass where all is well, and they can fail. */

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { CheckOptions, Finding } from '../../src/interop/check.ts'
import { PEER_CHECKS } from '../../src/interop/peers.ts'
import { startGo } from './go-program.ts'

const SMALL: CheckOptions = { policy: undefined, bulkBytes: 2 ** 21 + 1, streams: 40 }

async function findings(name: string, options: CheckOptions): Promise<Omit<Finding, 'check'>[]> {
  const check = PEER_CHECKS.find(candidate => candidate.name === name)!
  const found: Omit<Finding, 'check'>[] = []
  for await (const finding of check.run(options)) found.push(finding)
  return found
}

async function passes(t: TestContext, name: string, options: CheckOptions): Promise<void> {
  if (name.startsWith('go') && (await startGo(t, 'host')) === undefined) return
  const found = await findings(name, options)
  assert.deepEqual(
    found.filter(({ ok }) => !ok),
    [],
  )
  assert.equal(found.length, 14)
}

describe('real peers', () => {
  for (const name of ['js-tcp', 'go-tcp', 'go-quic']) {
    it(`${name} against a plain node`, t => passes(t, name, SMALL))
    it(`${name} against a protected node`, t => passes(t, name, { ...SMALL, policy: {} }))
  }

  it('a paused yamux stream gets its ACK from a protected node', async t => {
    if ((await startGo(t, 'host')) === undefined) return
    const [found] = await findings('yamux-ack', { ...SMALL, policy: {} })
    assert.equal(found?.ok, true, found?.detail)
  })

  it('a paused yamux stream loses its ACK on a plain node, so that the check can fail', async t => {
    if ((await startGo(t, 'host')) === undefined) return
    const [found] = await findings('yamux-ack', SMALL)
    assert.equal(found?.ok, false, found?.detail)
    assert.match(found.detail, /^8 opened/)
  })
})
