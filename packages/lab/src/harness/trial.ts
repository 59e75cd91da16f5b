/**
 * One run: a server, an honest client and an attacker in processes of their own; a calm phase, then the attack phase under the same honest load; one row.
 *
 * Bounded: the server is ended when it passes the memory ceiling, everything is ended when the wall clock runs out, and what was seen until then is the result.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { LabChild } from './child.ts'
import type { Layout } from './layouts.ts'
import type { AttackerReport, HonestLoad, HonestReport, ServerAddress, ServerReport } from './messages.ts'
import { MemoryWatch } from './process-memory.ts'
import type { AttackFigures, CalmFigures, Row, Target } from './row.ts'
import type { Scenario } from './scenario.ts'
import { rounded } from './stats.ts'
import { missed } from './thresholds.ts'

/** 25 MB/s, ten pings and two and a half newcomers a second. */
export const HONEST_LOAD: HonestLoad = { bulkBytesPerSecond: 25_000_000, pingEveryMs: 100, dialEveryMs: 400 }
/** Resident memory at which the server is ended. */
export const CEILING_BYTES = 5 * 2 ** 30
const START_TIMEOUT_MS = 20_000
/** How long a server may take to answer for its loop delay; after that, its silence is the delay. */
const REPORT_TIMEOUT_MS = 3_000
/** The lab's own processes are busy too, on the same cores; their silence would say nothing about the server. */
const OWN_REPORT_TIMEOUT_MS = 15_000
/** Before the calm phase is measured, so that compilation is not. */
const WARM_UP_MS = 2_000
/** Beyond the planned phases: start, reports, and ending. */
const SLACK_MS = 60_000

export interface TrialInit {
  readonly scenario: Scenario
  readonly layout: Layout
  readonly target: Target
  readonly seed: number
  /** @default 30 */
  readonly calmSeconds?: number
  /** @default the scenario's, longer where its lanes need it to connect from one address */
  readonly attackSeconds?: number
  readonly load?: HonestLoad
  /** @default 5 GiB */
  readonly ceilingBytes?: number
  /** For people, while it runs. */
  readonly say?: (line: string) => void
}

export interface Trial {
  readonly row: Row
  readonly server: ServerReport | undefined
  readonly honest: HonestReport | undefined
  readonly attacker: AttackerReport | undefined
  /** Denials and cuts counted during the attack phase alone. */
  readonly denials: number
  /** Why the server was ended before its time, if it was. */
  readonly ended: string | undefined
}

/** Lanes from one address connect at most five a second to a stock node: the phase grows by that. */
function attackSecondsOf(init: TrialInit): number {
  return init.attackSeconds ?? init.scenario.seconds + (init.layout === 'one' ? Math.ceil(init.scenario.lanes / 5) : 0)
}

export async function runTrial(init: TrialInit): Promise<Trial> {
  const phasesMs = ((init.calmSeconds ?? 30) + attackSecondsOf(init)) * 1000 + WARM_UP_MS
  const children: LabChild[] = []
  const start = (role: 'server' | 'honest' | 'attacker'): LabChild => {
    const child = new LabChild(role)
    children.push(child)
    return child
  }
  const endAll = async (): Promise<void> => {
    await Promise.all(children.map(child => child.end()))
  }
  const interrupted = (): void => {
    void endAll().then(() => process.exit(105))
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  const wallClock = setTimeout(() => void endAll(), phasesMs + SLACK_MS)
  try {
    return await new Run(init, start).run()
  } finally {
    clearTimeout(wallClock)
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
    await endAll()
  }
}

class Run {
  readonly #init: TrialInit
  readonly #start: (role: 'server' | 'honest' | 'attacker') => LabChild
  readonly #say: (line: string) => void
  #ended: string | undefined
  #cutAfterMs: number | null = null

  constructor(init: TrialInit, start: (role: 'server' | 'honest' | 'attacker') => LabChild) {
    this.#init = init
    this.#start = start
    this.#say = init.say ?? (() => {})
  }

  async run(): Promise<Trial> {
    const { target, layout } = this.#init
    const server = this.#start('server')
    const ready = await server.ask({ type: 'start', role: 'server', target, layout }, 'ready', START_TIMEOUT_MS)
    if (ready === undefined || !('server' in ready)) throw new Error(`the ${target} server did not start: ${server.stderr}`)
    const memory = new MemoryWatch(server.pid, this.#init.ceilingBytes ?? CEILING_BYTES, bytes => {
      this.#ended = `the server was ended at ${Math.round(bytes / 2 ** 20)} MiB of resident memory`
      void server.end()
    })
    try {
      return await this.#measure(server, ready.server, memory)
    } finally {
      memory.stop()
    }
  }

  async #measure(server: LabChild, address: ServerAddress, memory: MemoryWatch): Promise<Trial> {
    const honest = this.#start('honest')
    const load = this.#init.load ?? HONEST_LOAD
    if ((await honest.ask({ type: 'start', role: 'honest', server: address, load }, 'ready', START_TIMEOUT_MS)) === undefined) {
      throw new Error(`the honest client did not start: ${honest.stderr}`)
    }
    await delay(WARM_UP_MS)
    const calmSeconds = this.#init.calmSeconds ?? 30
    this.#say(`calm, ${calmSeconds} s`)
    mark(server, honest)
    await delay(calmSeconds * 1000)
    const [calmServer, calmHonest] = await Promise.all([serverReport(server), honestReport(honest)])
    if (calmServer === undefined || calmHonest === undefined)
      throw new Error(`no report after the calm phase: ${server.stderr} ${honest.stderr}`)
    const calm = calmFigures(calmSeconds, memory.peakBytes, calmServer, calmHonest)

    const attacker = await this.#startAttacker(server, address, () => {
      memory.restart()
      mark(server, honest)
    })
    const seconds = attackSecondsOf(this.#init)
    this.#say(`attack, ${seconds} s`)
    await lasting(seconds * 1000, server.exited)
    const peakBytes = memory.peakBytes
    const [serverAfter, honestAfter, attackerAfter] = await Promise.all([
      serverReport(server),
      honestReport(honest),
      attacker.ask({ type: 'report' }, 'report', OWN_REPORT_TIMEOUT_MS),
    ])
    if (honestAfter === undefined)
      this.#say(`no report from the honest client${honest.alive ? '' : ', which has ended'}: ${honest.stderr.slice(-500)}`)
    if (!server.alive) this.#ended ??= `the server process ended by itself: ${server.stderr.slice(-500)}`
    const attack = this.#attackFigures(
      calm,
      calmHonest,
      peakBytes,
      serverAfter?.loopDelayP99Ms ?? performance.now() - server.heardAtMs,
      honestAfter,
    )
    const failed = missed(this.#init.scenario.thresholds, calm, attack)
    if (this.#ended !== undefined) failed.push('serverEnded')
    if ((serverAfter?.uncaught.length ?? 0) > 0) failed.push('uncaught')
    const { scenario, layout, target } = this.#init
    return {
      row: { scenario: scenario.name, layout, target, calm, attack, pass: failed.length === 0, failed },
      server: serverAfter,
      honest: honestAfter,
      attacker: attackerAfter !== undefined && 'sentBytes' in attackerAfter.report ? attackerAfter.report : undefined,
      denials: (serverAfter?.denials ?? calmServer.denials) - calmServer.denials,
      ended: this.#ended,
    }
  }

  async #startAttacker(server: LabChild, address: ServerAddress, onReady: () => void): Promise<LabChild> {
    const attacker = this.#start('attacker')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    attacker.on(answer => {
      if (answer.type === 'cut') this.#cutAfterMs = answer.afterMs
      if (answer.type === 'refused-target') reject(new Error(`the attacker refused its target: ${answer.reason}`))
      if (answer.type === 'ready') {
        onReady()
        resolve()
      }
    })
    void attacker.exited.then(() => reject(new Error(`the attacker ended: ${attacker.stderr}`)))
    attacker.tell({
      type: 'start',
      role: 'attacker',
      announcement: { host: address.host, port: address.port, serverPid: server.pid },
      scenario: this.#init.scenario.name,
      layout: this.#init.layout,
      seed: this.#init.seed,
    })
    await promise
    return attacker
  }

  #attackFigures(
    calm: CalmFigures,
    calmHonest: HonestReport,
    peakBytes: number,
    loopMs: number,
    honest: HonestReport | undefined,
  ): AttackFigures {
    const goodput =
      honest === undefined || calmHonest.bulkBytesPerSecond === 0 ? null : honest.bulkBytesPerSecond / calmHonest.bulkBytesPerSecond
    return {
      rssPeakBytes: peakBytes,
      rssGrowthBytes: Math.max(0, peakBytes - calm.rssPeakBytes),
      loopDelayP99Ms: Math.round(loopMs * 10) / 10,
      pingP50Ms: rounded(honest?.pingP50Ms ?? null),
      pingP99Ms: rounded(honest?.pingP99Ms ?? null),
      goodputRatio: rounded(goodput, 3),
      dialSuccessRatio: rounded(dialRatio(honest), 3),
      attackerCutAfterMs: this.#cutAfterMs,
    }
  }
}

/** Waits for a time or an end, whichever is first, and leaves no timer behind. */
async function lasting(milliseconds: number, ended: Promise<void>): Promise<void> {
  const timer = Promise.withResolvers<void>()
  const handle = setTimeout(timer.resolve, milliseconds)
  await Promise.race([timer.promise, ended])
  clearTimeout(handle)
}

function mark(...children: readonly LabChild[]): void {
  for (const child of children) child.tell({ type: 'mark' })
}

async function serverReport(server: LabChild): Promise<ServerReport | undefined> {
  const answer = await server.ask({ type: 'report' }, 'report', REPORT_TIMEOUT_MS)
  return answer !== undefined && 'uncaught' in answer.report ? answer.report : undefined
}

async function honestReport(honest: LabChild): Promise<HonestReport | undefined> {
  const answer = await honest.ask({ type: 'report' }, 'report', OWN_REPORT_TIMEOUT_MS)
  return answer !== undefined && 'dials' in answer.report ? answer.report : undefined
}

function dialRatio(honest: HonestReport | undefined): number | null {
  return honest === undefined || honest.dials === 0 ? null : honest.dialsAnswered / honest.dials
}

function calmFigures(seconds: number, rssPeakBytes: number, server: ServerReport, honest: HonestReport): CalmFigures {
  return {
    seconds,
    rssPeakBytes,
    loopDelayP99Ms: Math.round(server.loopDelayP99Ms * 10) / 10,
    pingP50Ms: rounded(honest.pingP50Ms),
    pingP99Ms: rounded(honest.pingP99Ms),
    goodputBytesPerSecond: Math.round(honest.bulkBytesPerSecond),
    dialSuccessRatio: rounded(dialRatio(honest), 3),
  }
}
