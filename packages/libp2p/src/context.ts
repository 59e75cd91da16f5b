/**
 * What every part of the adapter shares about one node: the governor, the policy, and the record of each connection, reachable from whichever object
 * js-libp2p hands us: the raw connection, its encrypted stream, the muxer, the `Connection` the user sees.
 *
 * One context per js-libp2p node, found by its `components`. Two nodes may share a governor; they never share a context.
 */

import type { ComponentLogger, Logger, MessageStream, MultiaddrConnection, StreamMuxer } from '@libp2p/interface'
import type { Clock, Denial, Direction, Governor, Connection as GovernorConnection, Mode, Policy } from '@sluice/core'
import type { Capabilities } from './capabilities.ts'
import type { SluiceEvent } from './events.ts'
import type { HookRegistry } from './hooks.ts'
import { createHookRegistry } from './hooks.ts'
import type { CutReason } from './refused.ts'
import { CutError, RefusedError } from './refused.ts'

/** One connection from accept (or dial) to close. */
export interface ConnectionState {
  /** The governor's account. Released exactly once, after the `onClose` listeners ran. */
  readonly handle: GovernorConnection
  readonly direction: Direction
  /** The transport as in the capability table: `tcp`, `ws`, `quic`, `memory`, `circuit`, `webrtc`, `webtransport`, or `unknown`. */
  readonly transport: string
  readonly capabilities: Capabilities
  /** Undefined between a dial's admission and its socket. */
  readonly raw: MultiaddrConnection | undefined
  /** What the muxer reads from, once the handshake is done; the raw connection where the transport encrypts itself. */
  readonly encrypted: MessageStream | undefined
  readonly muxer: StreamMuxer | undefined
  /** Text of the remote address, with its port. */
  readonly address: string
  readonly open: boolean
  /** The first refusal or cut on this connection: what its caller gets to see. */
  readonly refusal: RefusedError | CutError | undefined
  /** Runs once, synchronously, when the connection closes; at once when it is closed already. Must not throw. */
  onClose(listener: () => void): void
  /** Ends the connection now, both sides of it: muxer, encrypter, socket. Idempotent. */
  abort(error: Error): void
}

export interface NodeContext {
  readonly governor: Governor
  readonly clock: Clock
  readonly log: Logger
  readonly logger: ComponentLogger
  readonly hooks: HookRegistry
  /** The policy in force; changes under `setPolicy`, so read it where it is used. */
  policy(): Policy
  /** `observe` when the rule, or without a rule of its own the node, only observes. @param rule a key of `policy.rules`; cuts use `cut.<reason>` */
  mode(rule?: string): Mode
  /** Every open connection of this node, in order of arrival. */
  connections(): IterableIterator<ConnectionState>
  /** The connection an object belongs to: raw connection, encrypted stream, muxer, js-libp2p `Connection`, or a stream linked by the muxer part. */
  stateOf(object: object): ConnectionState | undefined
  /** Makes `object` lead to `state` from now on. Weak: does not keep the object alive. */
  link(object: object, state: ConnectionState): void
  /** Turns a denial into the error to throw or abort with, logs it, and remembers it as the connection's refusal if it has none. */
  refuse(denial: Denial, state?: ConnectionState): RefusedError
  /**
   * Ends a connection for what the remote did on it, and reports it. In `observe` only reports.
   * @returns true when it was ended
   */
  cut(state: ConnectionState, reason: CutReason, message: string): boolean
  /** Same, for one stream of it: reports, and returns the error to abort the stream with, or undefined in `observe`. */
  cutStream(state: ConnectionState, reason: CutReason, message: string): CutError | undefined
  /** Reports to every subscriber; keeps nothing. */
  emit(event: SluiceEvent): void
  /** @returns the unsubscriber */
  onEvent(listener: (event: SluiceEvent) => void): () => void
  /** Work to undo or finish when the node stops; runs in reverse order of registration, every time it stops. A rejection is logged. */
  onStop(listener: () => void | Promise<void>): void
  /** Work to begin when the node starts, before any socket listens. */
  onStart(listener: () => void | Promise<void>): void
}

/** What the connection part needs besides, to maintain the records. */
export interface OwnedContext extends NodeContext {
  add(state: ConnectionState): void
  remove(state: ConnectionState): void
  /** Resolves when every record is gone, or after `ms`. */
  drained(ms: number): Promise<void>
  started(): Promise<void>
  stopped(): Promise<void>
}

export interface NodeContextInit {
  readonly governor: Governor
  readonly clock: Clock
  readonly logger: ComponentLogger
  /** Somebody else created the governor and gets its events: report what this node refuses ourselves. @default false */
  readonly foreignGovernor?: boolean
}

/** Most subscribers of a node's events: metrics, decisions() iterators, the service itself. */
export const LISTENERS_MAX = 64

export function createNodeContext(init: NodeContextInit): OwnedContext {
  const { governor, clock, logger } = init
  const log = logger.forComponent('sluice')
  const states = new Set<ConnectionState>()
  const links = new WeakMap<object, ConnectionState>()
  const listeners = new Set<(event: SluiceEvent) => void>()
  const starters: (() => void | Promise<void>)[] = []
  const waiting: (() => void)[] = []
  const stoppers: (() => void | Promise<void>)[] = []

  const mode = (rule?: string): Mode => (rule === undefined ? undefined : governor.policy.rules[rule]) ?? governor.policy.mode

  const emit = (event: SluiceEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (error) {
        log.error('a listener for events threw - %e', error)
      }
    }
  }

  const report = (state: ConnectionState, what: 'connection' | 'stream', reason: CutReason, message: string): CutError | undefined => {
    const inForce = mode(`cut.${reason}`)
    const { address, handle } = state
    log('%s %s of %s: %s', inForce === 'enforce' ? 'cut' : 'would cut', what, address, message)
    emit({ type: 'cut', atMs: governor.now(), mode: inForce, reason, what, peer: handle.peer, address: handle.address, message })
    return inForce === 'enforce' ? new CutError(reason, message) : undefined
  }

  return {
    governor,
    clock,
    log,
    logger,
    hooks: createHookRegistry(),
    policy: () => governor.policy,
    mode,
    connections: () => states.values(),
    stateOf: object => links.get(object),
    link(object, state) {
      links.set(object, state)
    },
    refuse(denial, state) {
      log('refused %s: %s', state?.address ?? denial.scope, denial.message)
      const error = new RefusedError(denial)
      if (init.foreignGovernor === true) {
        const { peer, address } = state?.handle ?? { peer: undefined, address: undefined }
        emit({ type: 'denial', atMs: governor.now(), mode: 'enforce', denial, peer, address })
      }
      if (state !== undefined) {
        remember(state, error)
      }
      return error
    },
    cut(state, reason, message) {
      if (!state.open) {
        return false
      }
      const error = report(state, 'connection', reason, message)
      if (error === undefined) {
        return false
      }
      remember(state, error)
      state.abort(error)
      return true
    },
    cutStream: (state, reason, message) => report(state, 'stream', reason, message),
    emit,
    onEvent(listener) {
      if (listeners.size >= LISTENERS_MAX) {
        throw new RangeError(`more than ${LISTENERS_MAX} listeners for events`)
      }
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onStop(listener) {
      stoppers.push(listener)
    },
    onStart(listener) {
      starters.push(listener)
    },
    add(state) {
      states.add(state)
    },
    remove(state) {
      states.delete(state)
      if (states.size === 0) {
        for (const resolve of waiting.splice(0)) {
          resolve()
        }
      }
    },
    drained: ms =>
      new Promise(resolve => {
        if (states.size === 0) {
          resolve()
          return
        }
        const timer = setTimeout(resolve, ms)
        waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
    async started() {
      for (const listener of starters) {
        await listener()
      }
    },
    async stopped() {
      for (const listener of stoppers.toReversed()) {
        try {
          await listener()
        } catch (error) {
          log.error('stopping failed - %e', error)
        }
      }
    },
  }
}

function remember(state: ConnectionState, error: RefusedError | CutError): void {
  const writable: { refusal: RefusedError | CutError | undefined } = state
  writable.refusal ??= error
}
