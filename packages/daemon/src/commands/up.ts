/**
 * `sluice up`: runs a protected node in the foreground until a signal. The first SIGINT or SIGTERM drains and stops, the second ends the process at once.
 */

import { EXIT } from '../cli/exit-codes.ts'
import { print, printJson } from '../cli/output.ts'
import type { DaemonLog } from '../log/logger.ts'
import { openLog } from '../log/logger.ts'
import { STATE_FLAG, statePaths } from '../state/directory.ts'
import { LOG_LEVEL, UP_FLAGS, upOptions } from '../up/options.ts'
import { startReport, startText } from '../up/start-report.ts'
import type { Command, Invocation } from './command.ts'

export const up: Command = {
  name: 'up',
  summary: 'run a protected libp2p node in the foreground',
  flags: UP_FLAGS,
  usesState: true,
  printsData: true,
  examples: ['sluice up', 'sluice up --public --memory 2GB --connections 500', 'sluice up --mode observe --record run.ndjson'],
  run,
}

/** Longer than npm takes to pass a signal on, shorter than it takes to press Ctrl-C again. */
const SAME_SIGNAL_MS = 150

async function run({ io, values, format }: Invocation): Promise<number> {
  const options = upOptions(values)
  const paths = statePaths(values.get(STATE_FLAG), io.env)
  const daemonLog = openLog(values.get(LOG_LEVEL), process.stderr)
  const { log } = daemonLog
  const signals = catchSignals(daemonLog)
  try {
    // Loaded here, so that the other commands do not load all of libp2p to ask one question.
    const { startDaemon } = await import('../up/daemon.ts')
    const daemon = await startDaemon({ ...options, paths, log })
    const report = startReport(daemon.face, daemon.node, daemon.node.services.sluice.governor.policy, paths)
    if (format === 'table') print(io, startText(report))
    else printJson(io, report)
    const signal = await signals.first
    log.info({ signal }, 'draining')
    const clean = await daemon.stop()
    log.info(clean ? 'stopped' : 'stopped, not in order')
    return clean && signal !== 'uncaughtException' ? EXIT.ok : EXIT.unclean
  } finally {
    daemonLog.flush()
  }
}

interface Signals {
  /** The signal that asks to stop; `uncaughtException` when a defect does. */
  readonly first: Promise<string>
}

/**
 * Installed before anything is opened, so that a signal during the start is not lost: the start ends first, then the stop begins.
 * One Ctrl-C under npm arrives twice, from the terminal and from npm; so what follows within `SAME_SIGNAL_MS` is taken for the same wish.
 */
function catchSignals({ log, flush }: DaemonLog): Signals {
  let stoppingSinceMs: number | undefined
  const first = new Promise<string>(resolve => {
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = performance.now()
      if (stoppingSinceMs === undefined) {
        stoppingSinceMs = nowMs
        resolve(signal)
      } else if (nowMs - stoppingSinceMs >= SAME_SIGNAL_MS) {
        log.warn({ signal }, 'forced to stop')
        flush()
        process.exit(EXIT.forced)
      }
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    process.on('uncaughtException', error => {
      log.fatal({ error: error.stack ?? String(error) }, 'uncaught exception; stopping')
      stoppingSinceMs ??= performance.now()
      resolve('uncaughtException')
    })
  })
  return { first }
}
