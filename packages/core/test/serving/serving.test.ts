/**
 * The serving room verb by verb, and under any sequence of verbs: bounds hold, releases are idempotent, budgets settle to what was sent.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Held, type Serving, type ServingLimits, type Session, Throttle, type Turn } from '@sluice/core'
import fc from 'fast-check'
import { STEPS_MAX } from '../../src/serving/limits.ts'
import { holds, type TestClock, taken } from '../helpers.ts'
import { place, servingRig } from './rig.ts'

const SMALL: Partial<ServingLimits> = {
  slots: 2,
  turnBytes: 100,
  sessionsMax: 6,
  queueMax: 2,
  heldPerSessionMax: 3,
  heldMax: 12,
  bytesInFlightMax: 150,
}

test('a request is held until advance(), then served once', () => {
  const { serving } = servingRig()
  const session = taken(serving.openSession(place(1)))
  const turns: Turn[] = []
  taken(session.request(500, turn => turns.push(turn)))
  assert.equal(turns.length, 0)
  serving.advance()
  serving.advance()
  assert.equal(turns.length, 1)
  assert.equal(turns[0]?.bytesMax, 500)
  assert.equal(turns[0]?.sent(500), false)
  turns[0]?.end()
  turns[0]?.end()
  assert.equal(serving.report().held, 0)
  assert.equal(session.servedBytes, 500)
})

test('a turn ends by seconds, at a message boundary, and goes on with the rest', () => {
  const { serving, clock } = servingRig({ limits: { slots: 1 } })
  const turns: Turn[] = []
  const others: Turn[] = []
  taken(taken(serving.openSession(place(1))).request(3e6, turn => turns.push(turn)))
  taken(taken(serving.openSession(place(2))).request(10, turn => others.push(turn)))
  serving.advance()
  assert.equal(turns[0]?.sent(1e6), true)
  clock.pass(5_000)
  assert.equal(turns[0]?.sent(1e6), false, 'five seconds are over')
  turns[0]?.end(1e6)
  serving.advance()
  assert.equal(others.length, 1)
  assert.equal(turns.length, 1)
  others[0]?.sent(10)
  others[0]?.end()
  clock.pass(serving.advance())
  serving.advance()
  assert.equal(turns[1]?.bytesMax, 1e6)
})

test('a turn that reaches no boundary loses its slot and its session', () => {
  const { serving, clock, events } = servingRig({ limits: { slots: 1 } })
  const rules: string[] = []
  let late: Turn | undefined
  taken(
    taken(serving.openSession(place(1))).request(
      3e6,
      turn => (late = turn),
      denial => rules.push(denial.rule),
    ),
  )
  serving.advance()
  assert.equal(late?.sent(10), true)
  clock.pass(20_000)
  serving.advance()
  assert.deepEqual(rules, ['serving.turn'])
  assert.equal(late?.sent(10), false)
  late?.end(5)
  const { sessions, slots, held, bytesInFlight } = serving.report()
  assert.deepEqual({ sessions, slots, held, bytesInFlight }, { sessions: 0, slots: 0, held: 0, bytesInFlight: 0 })
  assert.ok(events.some(event => event.type === 'session-end' && event.reason === 'stalled' && !event.isFinished))
})

test('a slot waits a round trip for the next request, an idle session ends', () => {
  const { serving, clock, events } = servingRig({ limits: { slots: 1 } })
  const session = taken(serving.openSession(place(1)))
  const send = (turn: Turn): void => {
    turn.sent(10)
    turn.end()
  }
  taken(session.request(10, send))
  serving.advance()
  assert.equal(serving.report().slots, 1)
  taken(session.request(10, send))
  serving.advance()
  assert.equal(session.turns, 1, 'the same turn')
  clock.pass(250)
  serving.advance()
  assert.equal(serving.report().slots, 0)
  clock.pass(60_000)
  serving.advance()
  assert.equal(session.state, 'ended')
  assert.ok(events.some(event => event.type === 'session-end' && event.reason === 'idle' && event.isFinished))
  const after = session.request(1, send)
  assert.equal(after.allow ? '' : after.denial.rule, 'handle.released')
})

test('nobody is let in who could not be served within the bound; a new prefix still is', () => {
  const { serving } = servingRig()
  const refusals: number[] = []
  for (let port = 0; port < 100; port++) {
    const decision = taken(serving.openSession(place(1, 1, port))).request(1e6, () => {})
    if (!decision.allow) {
      assert.equal(decision.denial.rule, 'serving.queue')
      assert.ok((decision.denial.retryAfterMs ?? 0) > 0)
      refusals.push(port)
    }
    serving.advance()
  }
  assert.ok(refusals.length > 10, 'deep in one IP is refused')
  assert.ok(taken(serving.openSession(place(2))).request(1e6, () => {}).allow)
})

test('who has waited the bound is told so, not left', () => {
  const { serving, clock } = servingRig({ limits: { slots: 1, overrunMs: 300_000 } })
  const told: [string, number][] = []
  taken(taken(serving.openSession(place(1))).request(1e6, () => {}))
  const session = taken(serving.openSession(place(2)))
  serving.advance()
  taken(
    session.request(
      1e6,
      () => assert.fail(),
      denial => told.push([denial.rule, denial.current]),
    ),
  )
  clock.pass(119_999)
  serving.advance()
  assert.deepEqual(told, [])
  clock.pass(1)
  serving.advance()
  assert.deepEqual(told, [['serving.queue', 120_000]])
  assert.equal(session.waitedMsMax, 120_000)
  assert.equal(session.state, 'idle')
})

test('a budget that is empty parks the session, and keeps nobody waiting', () => {
  const served: string[] = []
  let emptyMs = 1000
  const budget = { reserve: ({ peer }: { peer: string }) => (peer === '10.0.1.0#0' ? emptyMs : 0), settle: () => {} }
  const { serving, clock } = servingRig({ limits: { slots: 1 }, budget })
  const serve = (turn: Turn): void => {
    served.push(turn.held.session.place.prefix)
    turn.end()
  }
  const poor = taken(serving.openSession(place(1, 0, 0, true)))
  taken(poor.request(10, serve))
  taken(taken(serving.openSession(place(2))).request(10, serve))
  const nextMs = serving.advance()
  assert.deepEqual(served, ['10.0.2.0/24'], 'declared LAN is within its budget too')
  assert.equal(poor.state, 'parked')
  clock.pass(Math.max(nextMs, 1000))
  emptyMs = 0
  serving.advance()
  assert.deepEqual(served, ['10.0.2.0/24', '10.0.1.0/24'])
  emptyMs = 3_600_000
  const rules: [string, number | undefined][] = []
  taken(poor.request(10, serve, denial => rules.push([denial.rule, denial.retryAfterMs])))
  clock.pass(1000)
  serving.advance()
  serving.advance()
  assert.deepEqual(rules, [['serving.budget', 3_600_000]])
})

test('full: the lowest score makes room, then the longest served of a prefix with more sessions', () => {
  const scores = new Map<string, number>()
  const { serving, events } = servingRig({ limits: SMALL, score: ({ peer }) => scores.get(peer) ?? 0 })
  const sessions: Session[] = []
  for (let n = 0; n < 6; n++) sessions.push(taken(serving.openSession(place(n < 3 ? 1 : n, 0, n))))
  for (const n of [1, 4]) {
    taken(
      sessions[n]!.request(10 * n, turn => {
        turn.sent(10 * n)
        turn.end()
      }),
    )
    serving.advance()
  }
  taken(serving.openSession(place(9)))
  assert.equal(sessions[1]?.state, 'ended', 'longest served of the prefix with three')
  scores.set('10.0.4.0#4', -5)
  taken(serving.openSession(place(10)))
  assert.equal(sessions[4]?.state, 'ended', 'the lowest score')
  assert.equal(events.filter(event => event.type === 'denial' && event.denial.rule === 'serving.shed').length, 2)
  taken(serving.openSession(place(11)))
  const refused = serving.openSession(place(12))
  assert.equal(refused.allow ? '' : refused.denial.rule, 'serving.sessions', 'nobody holds more than the newcomer')
})

test('a full queue makes room for a prefix with fewer sessions, and else refuses', () => {
  const { serving } = servingRig({ limits: { ...SMALL, slots: 1, queueMax: 2 } })
  const ask = (prefix: number, peer: number): string => {
    const decision = taken(serving.openSession(place(prefix, 0, peer))).request(10, () => {})
    serving.advance()
    return decision.allow ? 'held' : decision.denial.rule
  }
  assert.deepEqual([ask(1, 0), ask(1, 1), ask(1, 2), ask(1, 3)], ['held', 'held', 'held', 'serving.queue'])
  assert.equal(serving.report().waiting, 2)
  assert.equal(ask(2, 0), 'held')
  assert.equal(serving.report().waiting, 2)
  assert.equal(serving.report().sessions, 4, 'one of prefix 1 was let go')
})

test('handles end with their block, and again is harmless', () => {
  const { serving } = servingRig()
  {
    using session = taken(serving.openSession(place(1)))
    using held = taken(
      session.request(10, turn => {
        using sending = turn
        sending.sent(10)
      }),
    )
    serving.advance()
    held.release()
    assert.equal(session.servedBytes, 10)
  }
  const { sessions, held, slots } = serving.report()
  assert.deepEqual({ sessions, held, slots }, { sessions: 0, held: 0, slots: 0 })
})

test('refuses numbers that mean nothing, naming them', () => {
  for (const limits of [
    { slots: 0 },
    { turnBytes: 1.5 },
    { waitMsMax: Number.NaN },
    { bytesInFlightMax: 10 },
    { heldMax: 10 },
    { turnMs: 200_000 },
  ])
    assert.throws(() => servingRig({ limits }), { code: 'ERR_SLUICE_MISUSE', message: new RegExp(Object.keys(limits)[0] ?? '') })
  const { serving } = servingRig()
  const session = taken(serving.openSession(place(1)))
  const misuse = { code: 'ERR_SLUICE_MISUSE' }
  assert.throws(() => session.request(0, () => {}), misuse)
  taken(
    session.request(1, turn => {
      assert.throws(() => turn.sent(-1), misuse)
      assert.throws(() => turn.end(Number.NaN), misuse)
      turn.end()
    }),
  )
  serving.advance()
})

test('memory pressure sheds the lowest score, then the longest served', () => {
  const { serving } = servingRig({ score: ({ peer }) => (peer.endsWith('#1') ? -1 : 0) })
  const sessions = [0, 1, 2].map(n => taken(serving.openSession(place(n, 0, n))))
  taken(
    sessions[2]!.request(10, turn => {
      turn.sent(10)
      turn.end()
    }),
  )
  serving.advance()
  assert.equal(serving.shed(2), 2)
  assert.deepEqual(
    sessions.map(session => session.state),
    ['idle', 'ended', 'ended'],
  )
})

test('cooldown refuses a session and says for how long', () => {
  const { serving } = servingRig({ cooldownMs: () => 42_000 })
  const decision = serving.openSession(place(1))
  assert.deepEqual(decision.allow ? [] : [decision.denial.rule, decision.denial.retryAfterMs], ['serving.cooldown', 42_000])
})

test('an emergency throttle spaces the turns', () => {
  const throttle = new Throttle({ uplinkBytesPerSecond: 2e6, percent: 50 })
  const { serving, clock } = servingRig({ throttle })
  throttle.begin(clock.now())
  let sent = 0
  taken(
    taken(serving.openSession(place(1))).request(1e9, turn => {
      sent += 1e6
      turn.sent(1e6)
      turn.end(1e9)
    }),
  )
  const endMs = clock.now() + 60_000
  for (let steps = 0; clock.now() < endMs && steps < 10_000; steps++) clock.pass(Math.max(1, Math.min(1000, serving.advance())))
  assert.ok(sent >= 50e6 && sent <= 66e6, `${sent} of 60 MB, and one turn`)
})

/** Lets time pass as a host does: calling advance() when it asked for it. */
function pass(ms: number, serving: Serving, clock: TestClock): void {
  const endMs = clock.now() + ms
  while (clock.now() < endMs) clock.pass(Math.min(endMs - clock.now(), Math.max(1, serving.advance())))
  serving.advance()
}

const verb = fc.tuple(fc.nat(99), fc.nat(30), fc.nat(400))

test('any sequence of verbs: bounds hold, work is bounded, releases are idempotent, all comes back to zero', t => {
  holds(
    t,
    fc.property(fc.array(verb, { minLength: 20, maxLength: 200, size: 'max' }), list => {
      let reserved = 0
      let late = 0
      let served = 0
      const budget = {
        reserve: (_: unknown, bytes: number) => {
          if ((bytes + served) % 7 === 0) return 50 + (bytes % 11) * 20_000
          reserved += bytes
          return 0
        },
        settle: (_: unknown, bytes: number, sent: number) => {
          reserved -= bytes
          if (bytes === 0) late += sent
        },
      }
      const { serving, clock } = servingRig({ limits: SMALL, budget })
      const sessions: Session[] = []
      const helds: Held[] = []
      const turns: Turn[] = []
      for (const [verb, which, amount] of list) {
        const session = sessions[which % Math.max(1, sessions.length)]
        const turn = turns[which % Math.max(1, turns.length)]
        if (verb < 15) {
          const decision = serving.openSession(place(which % 4, which % 3, which, which % 5 === 0))
          if (decision.allow) sessions.push(decision.handle)
        } else if (verb < 45) {
          const decision = session?.request(1 + amount, turn => {
            served++
            turns.push(turn)
            if (amount % 3 === 0) turn.end(amount % 2)
          })
          if (decision?.allow === true) helds.push(decision.handle)
        } else if (verb < 60) turn?.sent(amount)
        else if (verb < 70) turn?.end(amount % 2 === 0 ? 0 : amount)
        else if (verb < 74) helds[which % Math.max(1, helds.length)]?.release()
        else if (verb < 77) session?.release()
        else if (verb < 78) serving.shed(1)
        else if (verb < 85) pass(amount * 200, serving, clock)
        else {
          const before = served
          serving.advance()
          assert.ok(served - before <= STEPS_MAX)
        }
        const { sessions: open, waiting, parked, slots, held, bytesInFlight, limits } = serving.report()
        assert.ok(open <= limits.sessionsMax && waiting + parked <= limits.queueMax + limits.slots && slots <= limits.slots)
        assert.ok(held <= limits.heldMax && bytesInFlight <= limits.bytesInFlightMax && bytesInFlight >= 0)
        assert.equal(
          held,
          sessions.reduce((sum, session) => sum + session.heldCount, 0),
        )
        for (const one of sessions) assert.ok(one.heldCount <= limits.heldPerSessionMax && one.waitedMsMax <= limits.waitMsMax)
      }
      for (const held of helds) held.release()
      for (const session of [...sessions, ...sessions]) session.release()
      for (const turn of turns) turn.end(1)
      const { sessions: open, waiting, parked, slots, held, bytesInFlight } = serving.report()
      assert.deepEqual([open, waiting, parked, slots, held, bytesInFlight, reserved], [0, 0, 0, 0, 0, 0, 0])
      assert.ok(late >= 0)
    }),
  )
})
