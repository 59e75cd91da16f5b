/**
 * A seeded simulation of a node that serves bulk data for days to clients of mixed honesty, on a virtual clock: the serving room, cooldowns, scores and patterns wired as a node wires them, and budgets of the seed's kind
 * (fixed windows here: the ledger has its own tests). Everything is a parameter, so that the same simulation runs at any size.
 *
 * A turn sends messages at its slot's share of the uplink or at the client's own speed, whichever is less; what a slow
 * client leaves of its share is not given to others, which is worse than real. The clients' side of the network is not simulated: no loss, no round trips.
 */

import { Cooldowns, Patterns, type Place, Scores, Serving, type ServingBudget, type Session, type Turn } from '@sluice/core'
import { Deadlines, type Due } from '../../src/serving/deadlines.ts'
import { seeded, TestClock } from '../helpers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** `sync`: wants so many bytes, then goes. `leech`: never has enough. `reconnect`: abandons after a while, comes back as somebody else. `slow`: reads at a trickle. */
export type Behaviour = 'sync' | 'leech' | 'reconnect' | 'slow'

export interface Group {
  readonly name: string
  readonly behaviour: Behaviour
  readonly clients: number
  /** Prefix and IP of the nth client. */
  readonly at: (client: number) => { readonly prefix: string; readonly ip: string }
  /** What each wants; leeches want it again and again. */
  readonly bytes: number
  /** Starts spread over this long. */
  readonly overMs: number
}

export interface SimulationInit {
  readonly seed: number
  readonly days: number
  readonly uplinkBytesPerSecond: number
  readonly groups: readonly Group[]
  /** Bytes per hour and day. */
  readonly budgets: Readonly<Record<'peer' | 'ip' | 'prefix', readonly [hour: number, day: number]>>
}

/** What came of a group. */
export interface Row {
  readonly name: string
  readonly clients: number
  /** Of all bytes sent. */
  readonly sharePercent: number
  /** Whole wishes fulfilled, and the median of their hours. */
  readonly finished: number
  readonly medianHours: number
  readonly turns: number
  readonly meanWaitSeconds: number
  readonly maxWaitSeconds: number
  /** Refusals by rule. */
  readonly refused: Readonly<Record<string, number>>
}

export interface SimulationResult {
  readonly rows: readonly Row[]
  /** Names told, with how often and of how many subjects. */
  readonly named: Readonly<Record<string, number>>
  readonly subjects: readonly string[]
  readonly sentBytes: number
  readonly advances: number
  readonly sessionsMax: number
}

interface Tally {
  readonly group: Group
  bytes: number
  turns: number
  waitMs: number
  waitMsMax: number
  readonly hours: number[]
  readonly refused: Record<string, number>
}

interface Happening extends Due {
  readonly run: () => void
}

/** Windows that begin with the clock's hours and days. */
class WindowBudget implements ServingBudget {
  readonly #limits: SimulationInit['budgets']
  readonly #clock: TestClock
  readonly #used: [Map<string, number>, Map<string, number>] = [new Map(), new Map()]
  readonly #window: [number, number] = [0, 0]

  constructor(limits: SimulationInit['budgets'], clock: TestClock) {
    this.#limits = limits
    this.#clock = clock
  }

  reserve(place: Place, bytes: number): number {
    for (const [index, lengthMs] of [HOUR_MS, DAY_MS].entries()) {
      const nowMs = this.#clock.now()
      const number = Math.floor(nowMs / lengthMs)
      if (this.#window[index] !== number) {
        this.#window[index] = number
        this.#used[index]?.clear()
      }
      for (const level of ['peer', 'ip', 'prefix'] as const) {
        const used = this.#used[index]?.get(`${level} ${place[level]}`) ?? 0
        if (used + bytes > (this.#limits[level][index] ?? 0)) return (number + 1) * lengthMs - nowMs
      }
    }
    this.#add(place, bytes)
    return 0
  }

  settle(place: Place, reservedBytes: number, sentBytes: number): void {
    this.#add(place, sentBytes - reservedBytes)
  }

  #add(place: Place, bytes: number): void {
    for (const used of this.#used)
      for (const level of ['peer', 'ip', 'prefix'] as const) {
        const key = `${level} ${place[level]}`
        used.set(key, (used.get(key) ?? 0) + bytes)
      }
  }
}

class Simulation {
  readonly clock: TestClock = new TestClock()
  readonly random: () => number
  readonly serving: Serving
  readonly named: Record<string, number> = {}
  readonly subjects: Set<string> = new Set()
  readonly messageBytes = 1e6
  sentBytes = 0
  advances = 0
  sessionsMax = 0
  readonly #init: SimulationInit
  readonly #happenings: Deadlines<Happening> = new Deadlines()

  constructor(init: SimulationInit) {
    this.#init = init
    this.random = seeded(init.seed)
    const scores = new Scores()
    const patterns = new Patterns({
      onPattern: ({ name, subject }) => {
        this.named[name] = (this.named[name] ?? 0) + 1
        this.subjects.add(`${name} ${subject}`)
      },
    })
    const cooldowns = new Cooldowns({
      onReconnections: evidence => {
        scores.report(`ip:${evidence.ip}`, 'rapid-reconnection', evidence.atMs)
        patterns.reconnected(evidence)
      },
    })
    this.serving = new Serving({
      clock: this.clock,
      budget: new WindowBudget(init.budgets, this.clock),
      cooldownMs: (place, nowMs) => cooldowns.leftMs(place, nowMs),
      score: (place, nowMs) => scores.score(`ip:${place.ip}`, nowMs) + scores.score(`peer:${place.peer}`, nowMs),
      onEvent: event => {
        const { place, atMs } = event
        if (event.type === 'session-end') {
          patterns.closed(place)
          cooldowns.closed(place, event.isFinished || event.reason === 'shed', atMs)
          if (event.reason !== 'stalled') return
          const peer = `peer:${place.peer}`
          if (scores.report(peer, 'stalled-turn', atMs).cools) cooldowns.start(peer, atMs)
        } else if (event.denial.rule === 'serving.queue' || event.denial.rule === 'serving.sessions') patterns.refused(place, atMs)
      },
    })
    this.#opened = (place, nowMs) => {
      patterns.opened(place, nowMs)
      cooldowns.opened(place, nowMs)
    }
  }

  readonly #opened: (place: Place, nowMs: number) => void

  after(ms: number, run: () => void): void {
    this.#happenings.set({ run, dueMs: 0, dueAt: -1 }, this.clock.now() + Math.max(1, ms))
  }

  open(place: Place): Session | { readonly rule: string; readonly retryAfterMs: number } {
    const decision = this.serving.openSession(place)
    if (!decision.allow) return { rule: decision.denial.rule, retryAfterMs: decision.denial.retryAfterMs ?? 60_000 }
    this.#opened(place, this.clock.now())
    return decision.handle
  }

  /** One turn's sending, as a single happening. @param bytesPerSecond the client's */
  send(turn: Turn, bytesPerSecond: number, done: (bytes: number) => void): void {
    const rate = Math.min(bytesPerSecond, this.#init.uplinkBytesPerSecond / this.serving.limits.slots)
    const messageMs = (this.messageBytes / rate) * 1000
    const byTime = Math.ceil((turn.untilMs - this.clock.now()) / messageMs)
    const messages = Math.max(1, Math.min(Math.ceil(turn.bytesMax / this.messageBytes), byTime))
    this.after(messages * messageMs, () => {
      const bytes = messages * this.messageBytes
      if (!turn.isEnded) this.sentBytes += bytes
      done(turn.isEnded ? 0 : bytes)
    })
  }

  run(): void {
    const endMs = this.clock.now() + this.#init.days * DAY_MS
    let advanceMs = 0
    while (this.clock.now() < endMs) {
      const next = this.#happenings.first
      const atMs = Math.min(endMs, advanceMs, next?.dueMs ?? Number.POSITIVE_INFINITY)
      this.clock.pass(Math.max(0, atMs - this.clock.now()))
      while (this.#happenings.first !== undefined && this.#happenings.first.dueMs <= this.clock.now()) {
        const happening = this.#happenings.first
        this.#happenings.delete(happening)
        happening.run()
      }
      advanceMs = this.clock.now() + Math.max(1, Math.ceil(this.serving.advance()))
      this.advances++
      this.sessionsMax = Math.max(this.sessionsMax, this.serving.report().sessions)
    }
  }
}

/** One client for the whole run. */
class Client {
  readonly #simulation: Simulation
  readonly #tally: Tally
  readonly #at: { readonly prefix: string; readonly ip: string }
  readonly #speed: number
  readonly #number: number
  #identity = 0
  #left: number
  #startedMs: number
  #session: Session | undefined

  constructor(simulation: Simulation, tally: Tally, number: number) {
    const { group } = tally
    this.#simulation = simulation
    this.#tally = tally
    this.#number = number
    this.#at = group.at(number)
    this.#left = group.bytes
    this.#speed = group.behaviour === 'slow' ? 20_000 : 2e6 + simulation.random() * 10e6
    this.#startedMs = 0
    simulation.after(simulation.random() * group.overMs, () => {
      this.#startedMs = simulation.clock.now()
      this.#connect()
    })
  }

  #connect(): void {
    const { name, behaviour } = this.#tally.group
    const opened = this.#simulation.open({ ...this.#at, peer: `${name} ${this.#number} ${this.#identity}` })
    if ('rule' in opened) {
      this.#later(opened.rule, opened.retryAfterMs)
      return
    }
    this.#session = opened
    if (behaviour === 'reconnect') {
      const session = opened
      this.#simulation.after(30_000 + this.#simulation.random() * 60_000, () => this.#abandon(session))
    }
    this.#ask()
  }

  #abandon(session: Session): void {
    if (session.state === 'ended') return
    session.release()
    this.#identity++
    this.#simulation.after(1000, () => this.#connect())
  }

  #later(rule: string, retryAfterMs: number): void {
    this.#tally.refused[rule] = (this.#tally.refused[rule] ?? 0) + 1
    const jitterMs = 10_000 * this.#simulation.random()
    if (this.#tally.group.behaviour === 'reconnect') this.#identity++
    this.#simulation.after(Math.min(retryAfterMs, 600_000) + jitterMs, () => this.#connect())
  }

  #ask(): void {
    const session = this.#session
    if (session === undefined) return
    const bytes = Math.min(16e6, this.#left)
    const decision = session.request(
      bytes,
      turn => this.#serve(session, turn),
      denial => this.#later(`late ${denial.rule}`, denial.retryAfterMs ?? 5_000),
    )
    if (decision.allow || session.state === 'ended') return
    session.release()
    this.#later(decision.denial.rule, decision.denial.retryAfterMs ?? 5_000)
  }

  #serve(session: Session, turn: Turn): void {
    const tally = this.#tally
    const waitMs = this.#simulation.clock.now() - session.waitingSinceMs
    tally.turns++
    tally.waitMs += waitMs
    tally.waitMsMax = Math.max(tally.waitMsMax, session.waitedMsMax)
    const bytesBefore = turn.held.bytesExpected
    this.#simulation.send(turn, this.#speed, bytes => {
      if (bytes === 0) return
      tally.bytes += bytes
      this.#left -= bytes
      turn.sent(bytes)
      const rest = Math.max(0, bytesBefore - bytes)
      turn.end(rest)
      if (rest === 0) this.#next(session)
    })
  }

  #next(session: Session): void {
    if (this.#left > 0) {
      this.#ask()
      return
    }
    const { behaviour, bytes } = this.#tally.group
    this.#tally.hours.push((this.#simulation.clock.now() - this.#startedMs) / HOUR_MS)
    if (behaviour === 'sync') session.release()
    else {
      this.#left = bytes
      this.#ask()
    }
  }
}

/** Runs it. Same init, same result. */
export function simulate(init: SimulationInit): SimulationResult {
  const simulation = new Simulation(init)
  const tallies: Tally[] = init.groups.map(group => ({ group, bytes: 0, turns: 0, waitMs: 0, waitMsMax: 0, hours: [], refused: {} }))
  for (const tally of tallies) for (let n = 0; n < tally.group.clients; n++) new Client(simulation, tally, n)
  simulation.run()
  const { named, subjects, sentBytes, advances, sessionsMax } = simulation
  const rows = tallies.map(({ group, bytes, turns, waitMs, waitMsMax, hours, refused }) => ({
    name: group.name,
    clients: group.clients,
    sharePercent: (100 * bytes) / Math.max(1, sentBytes),
    finished: hours.length,
    medianHours: hours.sort((x, y) => x - y)[hours.length >> 1] ?? Number.NaN,
    turns,
    meanWaitSeconds: waitMs / Math.max(1, turns) / 1000,
    maxWaitSeconds: waitMsMax / 1000,
    refused,
  }))
  return { rows, named, subjects: [...subjects], sentBytes, advances, sessionsMax }
}
