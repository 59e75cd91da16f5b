/**
 * A child process of the lab: started with an IPC channel, asked for things with a deadline, ended by its own pid. Its standard error is kept, bounded.
 */

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer, Order } from './messages.ts'

export type Role = 'server' | 'honest' | 'attacker'

const ENTRY: Readonly<Record<Role, URL>> = {
  server: new URL('../server/main.ts', import.meta.url),
  honest: new URL('../honest/main.ts', import.meta.url),
  attacker: new URL('../attacker/main.ts', import.meta.url),
}
const STDERR_BYTES_MAX = 16 * 1024

/**
 * Flags of the attacked server, plain and protected alike: those of `npm start`. Without the bound, V8 of Node.js 24 lets its young generation grow to 128 MiB under any steady load, honest
 * or not, and that would hide what an attack makes the node hold.
 */
const SERVER_FLAGS: readonly string[] = ['--max-semi-space-size=16']

export class LabChild {
  readonly role: Role
  readonly #process: ChildProcess
  readonly #exited = Promise.withResolvers<void>()
  readonly #listeners = new Set<(answer: Answer) => void>()
  #stderr = ''
  /** `performance.now()` of the last message, for a server that has gone silent. */
  heardAtMs = performance.now()

  constructor(role: Role) {
    this.role = role
    this.#process = fork(fileURLToPath(ENTRY[role]), {
      execArgv: ['--conditions=@sluice/source', ...(role === 'server' ? SERVER_FLAGS : [])],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES_MAX)
    })
    this.#process.on('message', answer => {
      this.heardAtMs = performance.now()
      for (const listener of this.#listeners) listener(answer as Answer)
    })
    this.#process.on('exit', () => this.#exited.resolve())
    this.#process.on('error', () => this.#exited.resolve())
  }

  get pid(): number {
    const { pid } = this.#process
    if (pid === undefined) throw new Error(`the ${this.role} process did not start`)
    return pid
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get stderr(): string {
    return this.#stderr.trim()
  }

  get exited(): Promise<void> {
    return this.#exited.promise
  }

  on(listener: (answer: Answer) => void): void {
    this.#listeners.add(listener)
  }

  tell(order: Order): void {
    if (this.#process.connected) this.#process.send(order, () => {})
  }

  /** Sends an order and waits for one type of answer. Undefined when it does not come in time or the child is gone. */
  async ask<T extends Answer['type']>(order: Order, type: T, timeoutMs: number): Promise<Extract<Answer, { type: T }> | undefined> {
    const { promise, resolve } = Promise.withResolvers<Extract<Answer, { type: T }> | undefined>()
    const listener = (answer: Answer): void => {
      if (answer.type === type) resolve(answer as Extract<Answer, { type: T }>)
    }
    const timer = setTimeout(() => resolve(undefined), timeoutMs)
    this.#listeners.add(listener)
    this.tell(order)
    try {
      return await Promise.race([promise, this.exited.then(() => undefined)])
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(listener)
    }
  }

  /** Ends the process at once and waits until the kernel has let it go. Harmless when it is gone. */
  async end(): Promise<void> {
    if (this.alive) this.#process.kill('SIGKILL')
    await this.exited
  }
}
