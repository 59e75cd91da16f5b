/**
 * The record of one connection, from accept or dial to close. It owns the governor's handle and releases it exactly once: after the js-libp2p connection has closed,
 * the listeners ran, and the socket below is gone.
 */

import type { Connection, MessageStream, MultiaddrConnection, StreamMuxer } from '@libp2p/interface'
import type { Direction, Connection as GovernorConnection } from '@sluice/core'
import type { Capabilities } from '../capabilities.ts'
import { transportCapabilities } from '../capabilities.ts'
import type { ConnectionState, OwnedContext } from '../context.ts'
import type { CutError, RefusedError } from '../refused.ts'
import { socketOf, whenSocketGone } from './socket.ts'

type Socket = NonNullable<ReturnType<typeof socketOf>>

export interface ConnectionRecordInit {
  readonly context: OwnedContext
  readonly handle: GovernorConnection
  readonly transport: string
  readonly address: string
  /** The socket, where it was accepted before its transport made a connection of it. */
  readonly socket?: Socket
}

export class ConnectionRecord implements ConnectionState {
  readonly handle: GovernorConnection
  readonly direction: Direction
  readonly transport: string
  readonly capabilities: Capabilities
  readonly address: string
  refusal: RefusedError | CutError | undefined = undefined
  readonly #context: OwnedContext
  readonly #closers: (() => void)[] = []
  #open = true
  #aborted = false
  #socket: Socket | undefined
  #raw: MultiaddrConnection | undefined
  #encrypted: MessageStream | undefined
  #muxer: StreamMuxer | undefined

  constructor(init: ConnectionRecordInit) {
    this.handle = init.handle
    this.direction = init.handle.direction
    this.transport = init.transport
    this.capabilities = transportCapabilities(init.transport)
    this.address = init.address
    this.#context = init.context
    this.#socket = init.socket
    init.context.add(this)
    init.socket?.once('close', () => {
      if (this.#raw === undefined) {
        this.#close()
      }
    })
  }

  get open(): boolean {
    return this.#open
  }

  get raw(): MultiaddrConnection | undefined {
    return this.#raw
  }

  get encrypted(): MessageStream | undefined {
    return this.#encrypted
  }

  get muxer(): StreamMuxer | undefined {
    return this.#muxer
  }

  /** The transport made a connection: from here on the record lives as long as it does. */
  bindRaw(raw: MultiaddrConnection): void {
    this.#raw = raw
    this.#socket ??= socketOf(raw)
    this.#context.link(raw, this)
    // The user's `Connection` shares its timeline with the raw connection, by the public interface of both: the one way up from there.
    this.#context.link(raw.timeline, this)
    if (raw.status !== 'open') {
      this.#close()
      return
    }
    raw.addEventListener('close', () => this.#close())
  }

  bindEncrypted(stream: MessageStream): void {
    this.#encrypted = stream
    this.#context.link(stream, this)
  }

  bindMuxer(muxer: StreamMuxer): void {
    this.#muxer = muxer
    this.#context.link(muxer, this)
  }

  bindConnection(connection: Connection): void {
    this.#context.link(connection, this)
  }

  onClose(listener: () => void): void {
    if (this.#open) {
      this.#closers.push(listener)
    } else {
      listener()
    }
  }

  abort(error: Error): void {
    if (!this.#open) {
      return
    }
    this.#aborted = true
    try {
      this.#muxer?.abort(error)
      this.#raw?.abort(error)
    } catch (failure) {
      this.#context.log.error('aborting %s failed - %e', this.address, failure)
    }
    this.#close()
  }

  #close(): void {
    if (!this.#open) {
      return
    }
    this.#open = false
    for (const listener of this.#closers.splice(0)) {
      try {
        listener()
      } catch (failure) {
        this.#context.log.error('a close listener of %s threw - %e', this.address, failure)
      }
    }
    const unhurried = this.#context.mode() === 'enforce' ? 'after LINGER_MS' : 'never'
    whenSocketGone(this.#raw, this.#socket, this.#aborted ? 'now' : unhurried, () => {
      this.handle.release()
      this.#context.remove(this)
      // js-libp2p's timeouts keep parts of a closed connection for seconds, and those lead here: no further.
      this.#encrypted = undefined
      this.#muxer = undefined
    })
  }
}
