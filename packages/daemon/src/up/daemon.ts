/**
 * Starts and stops a daemon: state directory, database, key, datastore, recorder, engine, node, admin socket, in this order, and back. Whatever fails on the
 * way up is undone and told; on the way down every part is closed even when another fails.
 */

import { createGovernor } from '@sluice/core'
import type { Recorder, StateStore } from '@sluice/runtime'
import { cryptoRandom, machineLimits, openRecorder, openState, Sensors, systemClock } from '@sluice/runtime'
import type { Logger } from 'pino'
import type { AdminFace, Phase } from '../admin/face.ts'
import { openAdmin } from '../admin/server.ts'
import { openEventLog } from '../log/event-log.ts'
import { libp2pLogger } from '../log/libp2p-logger.ts'
import type { ProtectedNode } from '../node/create.ts'
import { createNode } from '../node/create.ts'
import { openDatastore } from '../node/datastore.ts'
import { loadKey } from '../node/key.ts'
import { explainListenFailure } from '../node/listen.ts'
import type { StatePaths } from '../state/directory.ts'
import { prepareDirectory } from '../state/directory.ts'
import { lockState } from '../state/lock.ts'
import { restoreBans } from './bans.ts'
import { followCuts } from './cuts.ts'
import { nodeFace } from './face.ts'
import type { UpOptions } from './options.ts'
import { stopNode } from './stop.ts'

export interface DaemonInit extends UpOptions {
  readonly paths: StatePaths
  readonly log: Logger
}

export interface Daemon {
  readonly node: ProtectedNode
  readonly face: AdminFace
  /** Refuses new work, ends what is open, closes the state. Returns false when something did not end in time. Idempotent: every call gets the same outcome. */
  stop(): Promise<boolean>
}

/** What has been opened so far, to be closed in reverse. */
class Opened {
  readonly #closers: { readonly what: string; readonly close: () => void | Promise<void> }[] = []

  add<T>(what: string, value: T, close: (value: T) => void | Promise<void>): T {
    this.#closers.push({ what, close: () => close(value) })
    return value
  }

  /** @returns false when one of them failed; the others are closed all the same */
  async close(log: Logger): Promise<boolean> {
    let clean = true
    for (const { what, close } of this.#closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        clean = false
        log.error({ error: error instanceof Error ? error.message : String(error) }, `could not close the ${what}`)
      }
    }
    return clean
  }
}

/** Resolves when the node listens. Rejects with an error to show as it is; nothing stays open then. */
export async function startDaemon(init: DaemonInit): Promise<Daemon> {
  const opened = new Opened()
  try {
    return await start(init, opened)
  } catch (error) {
    await opened.close(init.log)
    throw explainListenFailure(error, init.listen)
  }
}

async function start(init: DaemonInit, opened: Opened): Promise<Daemon> {
  const { paths, log } = init
  const clock = systemClock()
  const startedMs = clock.now()
  prepareDirectory(paths)
  opened.add('lock', lockState(paths), lock => lock.release())
  const state = opened.add('database', openState({ path: paths.database, clock, recover: init.recover }), store => store.close())
  const key = await loadKey(paths.key)
  const { datastore, setAside } = await openDatastore(paths.datastore, init.recover, startedMs)
  opened.add('datastore', datastore, store => store.close())
  for (const moved of [state.setAside, setAside]) if (moved !== undefined) log.warn({ path: moved }, 'what was corrupt has been set aside')
  const recorder = init.record === undefined ? undefined : opened.add('recording', record(init.record, log), it => it.close())
  const events = opened.add('event log', openEventLog(log, clock), it => it.close())
  const governor = createGovernor({
    policy: init.policy,
    clock,
    random: cryptoRandom(),
    machine: machineLimits(),
    onEvent: events.event,
    ...(recorder === undefined ? {} : { onInput: input => recorder.write(input) }),
  })
  const node = await createNode({ ...init, key, datastore, governor, clock, logger: libp2pLogger(log) })
  const sensors = opened.add('sensors', new Sensors(), it => it.close())
  let phase: Phase = 'starting'
  const restored = restoreBans(node.services.sluice, state, clock.now(), log)
  const face = nodeFace({
    node,
    governor,
    state,
    recorder,
    sensors,
    clock,
    startedMs,
    paths,
    restored,
    public: init.public,
    phase: () => phase,
  })
  opened.add('admin socket', await openAdmin(paths.socketAddress, face), server => server.close())
  opened.add('decisions', followCuts(node.services.sluice.decisions(), events.event), end => end())
  opened.add('node', node, it => stopNode(it, log))
  await node.start()
  warnWithoutIPv6(node, init)
  phase = 'ready'
  audit(state, clock.now(), 'start', { peerId: node.peerId.toString(), mode: node.services.sluice.mode })

  const stop = (): Promise<boolean> => {
    phase = 'draining'
    audit(state, clock.now(), 'stop', {})
    return opened.close(log)
  }
  let stopping: Promise<boolean> | undefined
  return {
    node,
    face,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** libp2p takes it as "no IPv6 here" when every IPv4 address works and no IPv6 address does, and says nothing. */
function warnWithoutIPv6(node: ProtectedNode, { listen, log }: DaemonInit): void {
  const asked = listen.filter(address => address.text.startsWith('/ip6/')).map(address => address.text)
  if (asked.length === 0 || node.getMultiaddrs().some(address => address.toString().startsWith('/ip6/'))) return
  log.warn({ addresses: asked }, 'not listening on IPv6: the ports are taken or this machine has no IPv6')
}

function record(path: string, log: Logger): Recorder {
  return openRecorder({ path, clock: systemClock(), onFailure: error => log.error(error.message) })
}

function audit(state: StateStore, atMs: number, action: string, detail: Readonly<Record<string, unknown>>): void {
  state.audit.append({ atMs, who: 'daemon', action, detail })
}
