/**
 * The shape of a scenario folder: what it proves, what must hold, and the attacker's code.
 */

import type { Socket } from 'node:net'
import type { Session } from '../wire/session.ts'
import type { Layout } from './layouts.ts'
import type { Random } from './random.ts'
import type { Thresholds } from './thresholds.ts'

/** One attacker connection after another: what an attack may use. */
export interface Lane {
  /** 0-based among the scenario's lanes. */
  readonly index: number
  readonly random: Random
  /** False once the attack phase is over. */
  readonly running: boolean
  /** An encrypted connection with an identity of its own, from the layout's next address. Rejects when refused. */
  connect(): Promise<Session>
  /** A bare TCP connection that will not say anything. Resolves once connected. */
  openSocket(): Promise<Socket>
  sleep(milliseconds: number): Promise<void>
  /** Waits until `units` more fit under the rate; what was not used is not saved up beyond 50 ms. Each lane has its own allowance. */
  pace(unitsPerSecond: number, units: number): Promise<void>
}

export interface CiThresholds {
  /** Attack seconds. */
  readonly seconds: number
  readonly rssGrowthBytesMax: number
  /** @default spread */
  readonly layout?: Layout
  /** Denials counted by Sluice, connections cut or refused and streams reset: at least so many together, or the attack was not felt. */
  readonly refusalsMin: number
}

export interface Scenario {
  /** Folder name: S-number and what it does. */
  readonly name: string
  readonly title: string
  /** One sentence. */
  readonly proves: string
  /** Attacker connections held at the same time. */
  readonly lanes: number
  /** Attack seconds unless the command says otherwise. */
  readonly seconds: number
  readonly thresholds: Thresholds
  readonly ci: CiThresholds
  /** One connection's life; called again when it returns, and after a short back-off when it was cut or threw. */
  readonly attack: (lane: Lane) => Promise<void>
}
