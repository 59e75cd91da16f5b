/**
 * A lane keeps one attacker connection going for the whole phase: when it is cut or refused it waits a little, bounded, and comes back with a new identity,
 * so that a defence is never measured against an attacker who gave up.
 */

import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Troubles } from '../harness/channel.ts'
import type { Announcement } from '../harness/guard.ts'
import { isLoopback, TargetRefusedError } from '../harness/guard.ts'
import type { Layout } from '../harness/layouts.ts'
import { attackerAddress } from '../harness/layouts.ts'
import type { AttackerReport } from '../harness/messages.ts'
import type { Random } from '../harness/random.ts'
import type { Lane, Scenario } from '../harness/scenario.ts'
import { Session } from '../wire/session.ts'

const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 800
/** A stock node lets five connections a second of one address in; lanes from one address start that far apart. */
const STAGGER_ONE_MS = 220
const STAGGER_SPREAD_MS = 15
/** Allowance a paced lane may save up. */
const SAVED_MS = 50
const CONNECT_TIMEOUT_MS = 10_000

export interface LaneInit {
  readonly scenario: Scenario
  readonly target: Announcement
  readonly layout: Layout
  readonly random: Random
  readonly troubles: Troubles
  /** Called each time the server ends or refuses a connection. */
  readonly onTurnedAway: () => void
}

export class AttackLane implements Lane {
  readonly index: number
  readonly #init: LaneInit
  #turn = 0
  #running = true
  #connections = 0
  #cut = 0
  #refused = 0
  #sentBytes = 0
  #streamsReset = 0
  #paceMs = 0
  #sessions = new Set<Session>()
  #sockets = new Set<Socket>()

  constructor(index: number, init: LaneInit) {
    this.index = index
    this.#init = init
  }

  get running(): boolean {
    return this.#running
  }

  get random(): Random {
    return this.#init.random
  }

  /** Attacks until stopped. */
  async run(): Promise<void> {
    await delay(this.index * (this.#init.layout === 'one' ? STAGGER_ONE_MS : STAGGER_SPREAD_MS))
    let backoffMs = BACKOFF_MIN_MS
    while (this.#running) {
      const before = this.#cut + this.#refused
      const startedMs = performance.now()
      try {
        await this.#init.scenario.attack(this)
      } catch (error) {
        this.#init.troubles.add(error)
      }
      this.#clean()
      if (performance.now() - startedMs > 1_000) backoffMs = BACKOFF_MIN_MS
      if (this.#cut + this.#refused === before) continue
      await delay(backoffMs * (0.5 + this.random()))
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
    }
  }

  stop(): void {
    this.#running = false
    this.#clean()
  }

  report(): Omit<AttackerReport, 'troubles'> {
    let sentBytes = this.#sentBytes
    let streamsReset = this.#streamsReset
    for (const session of this.#sessions) {
      sentBytes += session.sentBytes
      streamsReset += session.resets
    }
    return { connections: this.#connections, cut: this.#cut, refused: this.#refused, streamsReset, sentBytes }
  }

  async connect(): Promise<Session> {
    const { host, port } = this.#init.target
    try {
      const session = await Session.dial({ host, port, localAddress: this.#nextAddress(), timeoutMs: CONNECT_TIMEOUT_MS })
      this.#connections += 1
      this.#sessions.add(session)
      void session.closed.then(() => {
        if (!this.#sessions.delete(session)) return
        this.#count(session)
        if (session.cut && this.#running) this.#turnedAway('cut')
      })
      return session
    } catch (error) {
      if (this.#running) this.#turnedAway('refused')
      throw error
    }
  }

  async openSocket(): Promise<Socket> {
    const { host, port } = this.#init.target
    const socket = connect({ host, port, localAddress: this.#nextAddress() })
    this.#sockets.add(socket)
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    let connected = false
    socket.on('connect', () => {
      connected = true
      this.#connections += 1
      resolve(socket)
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (this.#sockets.delete(socket) && this.#running) this.#turnedAway(connected ? 'cut' : 'refused')
    })
    return await promise
  }

  sleep(milliseconds: number): Promise<void> {
    return delay(milliseconds)
  }

  async pace(unitsPerSecond: number, units: number): Promise<void> {
    const nowMs = performance.now()
    this.#paceMs = Math.max(this.#paceMs, nowMs - SAVED_MS) + (units / unitsPerSecond) * 1000
    if (this.#paceMs > nowMs) await delay(this.#paceMs - nowMs)
  }

  #nextAddress(): string {
    const address = attackerAddress(this.#init.layout, this.index, this.#turn++, this.random)
    if (!isLoopback(address) || !isLoopback(this.#init.target.host)) throw new TargetRefusedError(`${address} is not a loopback address`)
    return address
  }

  /** Once for each session, when it is over. */
  #count(session: Session): void {
    this.#sentBytes += session.sentBytes
    this.#streamsReset += session.resets
  }

  #turnedAway(how: 'cut' | 'refused'): void {
    if (how === 'cut') this.#cut += 1
    else this.#refused += 1
    this.#init.onTurnedAway()
  }

  /** Ends what an attack left behind, so that a lane never holds more than one life's connections. */
  #clean(): void {
    for (const session of this.#sessions) {
      // One that was cut counts itself when its end is seen.
      if (!session.cut && this.#sessions.delete(session)) this.#count(session)
      session.leave()
    }
    for (const socket of this.#sockets) {
      this.#sockets.delete(socket)
      socket.destroy()
    }
  }
}
