import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressOf, peerId, visitingOrder } from '../../src/bench/resources/cycles.ts'
import { block } from '../../src/bench/resources/resources.ts'
import { nodeCommand, PeerProcess } from '../../src/interop/lines.ts'
import { startGo } from '../interop/go-program.ts'

const CHILD = nodeCommand(new URL('../../src/bench/resources/child.ts', import.meta.url))

const OPERATIONS = ['stream cycle', 'connection cycle', 'memory'] as const

interface SetUp {
  readonly peers: number
  readonly order: readonly number[]
  readonly address: string
}

describe('the peers of the benchmark', () => {
  it('are visited once a round, in a shuffled order', () => {
    const order = [...visitingOrder(1000)]
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, index) => index),
    )
    const inPlace = order.filter((peer, place) => peer === place).length
    assert.ok(inPlace < 20, `${inPlace} peers were left in place`)
  })

  it('have public addresses and ids of their own', () => {
    const indices = Array.from({ length: 3000 }, (_, index) => index)
    assert.equal(new Set(indices.map(index => addressOf(index))).size, 3000)
    assert.equal(new Set(indices.map(peerId)).size, 3000)
    assert.equal(addressOf(0), '16.0.0.0')
    assert.equal(addressOf(99_999), '16.148.2.63')
    assert.equal(addressOf(1, true), '127.0.0.97')
    for (const index of [0, 11, 2999]) assert.match(peerId(index), /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  })
})

describe('our side', () => {
  it('does each operation', async () => {
    await using child = new PeerProcess(CHILD)
    await child.request({ command: 'setup', peers: 3 })
    for (const operation of OPERATIONS) {
      const { operations, seconds } = await child.request<{ operations: number; seconds: number }>({
        command: 'run',
        case: operation,
        seconds: 0.01,
      })
      assert.ok(operations >= 512 && seconds >= 0.01)
    }
  })

  it('is refused at the peer scope in the case refusal, and fails where it is not', async () => {
    const perSecond = await block(
      { name: 'ours', command: CHILD, metrics: 'default' },
      { name: 'refusal', operation: 'refusal', peers: 3 },
      0.01,
    )
    assert.ok(perSecond > 0)
    await using child = new PeerProcess(CHILD)
    await child.request({ command: 'setup', peers: 3 })
    await assert.rejects(child.request({ command: 'run', case: 'refusal', seconds: 0.01 }), /admitted where a refusal was expected/)
  })
})

describe('go’s side', () => {
  for (const loopback of [false, true])
    it(`visits the same addresses in the same order${loopback ? ', on loopback' : ''}`, async t => {
      const go = await startGo(t, 'rcmgrbench')
      if (go === undefined) return
      await using ours = new PeerProcess(CHILD)
      const setup = { command: 'setup', peers: 1000, metrics: 'off', loopback }
      assert.deepEqual(await go.request<SetUp>(setup), await ours.request<SetUp>(setup))
    })

  it('does each operation, and is refused where a refusal is expected', async t => {
    const go = await startGo(t, 'rcmgrbench')
    const full = await startGo(t, 'rcmgrbench')
    if (go === undefined || full === undefined) return
    await go.request({ command: 'setup', peers: 3, metrics: 'default' })
    for (const operation of OPERATIONS) {
      const { operations } = await go.request<{ operations: number }>({ command: 'run', case: operation, seconds: 0.01 })
      assert.ok(operations >= 512)
    }
    await assert.rejects(go.request({ command: 'run', case: 'refusal', seconds: 0.01 }), /admitted where a refusal was expected/)
    await full.request({ command: 'setup', peers: 3, metrics: 'off', full: true })
    assert.ok((await full.request<{ operations: number }>({ command: 'run', case: 'refusal', seconds: 0.01 })).operations >= 512)
  })

  it('names what it does not know', async t => {
    const go = await startGo(t, 'rcmgrbench')
    if (go === undefined) return
    await assert.rejects(go.request({ command: 'run', case: 'memory', seconds: 1 }), /setup comes first/)
    await assert.rejects(go.request({ command: 'setup', peers: 0, metrics: 'off' }), /peers must be 1 to/)
    await assert.rejects(go.request({ command: 'setup', peers: 1, metrics: 'some' }), /metrics must be off or default/)
    await assert.rejects(go.request({ command: 'dance' }), /unknown command "dance"/)
  })
})
