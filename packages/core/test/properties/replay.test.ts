/** Property 9: the same recorded inputs under the same policy come to the same decisions, bit for bit. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RecordedInput, replay } from '@sluice/core'
import fc from 'fast-check'
import { holds, rig, taken } from '../helpers.ts'
import { Driver, ops, TIGHT } from './driver.ts'

/** Verbs whose line stands for a decision somebody got. */
const DECIDES: ReadonlySet<string> = new Set(['open', 'peer', 'stream', 'protocol', 'service', 'spend', 'reserve', 'force', 'span'])

describe('a replay', () => {
  it('comes to the same decisions and the same state', t => {
    holds(
      t,
      fc.property(ops(200), list => {
        const { governor, clock, inputs } = rig(TIGHT, { recorded: true })
        const driver = new Driver(governor, clock).run(list)
        const lines = inputs.map(input => JSON.parse(JSON.stringify(input)) as RecordedInput)
        const played = replay(lines)
        const decisions = played.results.filter(result => DECIDES.has(result.input.v)).map(({ input: _, ...rest }) => rest)
        assert.deepEqual(decisions, driver.outcomes)
        const { atMs: _, ...before } = governor.resources(1000)
        const { atMs: __, ...after } = played.governor.resources(1000)
        assert.deepEqual(after, before)
      }),
    )
  })

  it('answers what another policy would have said, and skips the handles it refused', () => {
    const { governor, inputs } = rig({}, { recorded: true })
    const connection = taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound'))
    taken(connection.setPeer('QmPeerAPeerAPeerA'))
    taken(taken(connection.openStream('inbound')).setProtocol('/a'))
    connection.release()
    const { results } = replay(inputs, { gate: { deny: ['192.0.2.0/24'] } })
    assert.deepEqual(
      results.map(result => result.allow),
      [true, false, 'skipped', 'skipped', 'skipped', 'skipped'],
    )
    assert.equal(results[1]?.denial?.rule, 'gate.deny')
  })

  it('of nothing is a fresh governor', () => {
    assert.equal(replay([]).governor.resources().counts.connections, 0)
    assert.deepEqual(
      replay([{ v: 'release', t: 1, o: 'c9' }]).results.map(result => result.allow),
      ['skipped'],
    )
  })
})

describe('a recorder', () => {
  it('that fails is let go and everybody is told, instead of silently', () => {
    let calls = 0
    const { governor, events } = rig(
      {},
      {
        onInput: () => {
          if (++calls === 2) throw new Error('disk full')
        },
      },
    )
    taken(governor.openConnection('/ip4/192.0.2.1/tcp/1', 'inbound')).release()
    assert.equal(calls, 2)
    assert.deepEqual(
      events.map(event => (event.type === 'recorder' ? event.failed : event.type)),
      ['disk full'],
    )
  })
})
