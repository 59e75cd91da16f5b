/** One socket that may be paused for several reasons at once, and reads again when none is left. */

import type { Socket } from 'node:net'

export class Valve<Reason extends string> {
  readonly #socket: Socket
  readonly #reasons = new Set<Reason>()

  constructor(socket: Socket) {
    this.#socket = socket
  }

  pause(reason: Reason): void {
    this.#reasons.add(reason)
    this.#socket.pause()
  }

  resume(reason: Reason): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0) this.#socket.resume()
  }

  /** Pauses while `wanted`, resumes when not. */
  set(reason: Reason, wanted: boolean): void {
    if (wanted) this.pause(reason)
    else this.resume(reason)
  }
}
