/**
 * The conversation with a program of ours in a process of its own: one JSON object per line on its standard input, one answer per line on its standard output.
 * `serveLines` is the program's side, `PeerProcess` the other one. The Go programs under `interop/go` speak the same.
 *
 * A program ends when its standard input ends, so that it never outlives who started it.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

type Answer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: string }

/** Answers of a program that are still awaited; requests are made one at a time or a few at once. */
const AWAITED_MAX = 64

/** How much of a program's standard error is kept for the error message, in characters. */
const ERROR_TEXT_MAX = 4000

/** How long a program may take to end by itself once its standard input ended. */
const STOP_TIMEOUT_MS = 5000

/** Reads requests until standard input ends and answers each in order with what `handle` returns, or with the message of what it throws. */
export async function serveLines(handle: (request: Record<string, unknown>) => unknown): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: Answer
    try {
      answer = { ok: true, result: (await handle(JSON.parse(line))) ?? {} }
    } catch (error) {
      answer = { ok: false, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}

/** A child process that speaks lines. Requests are answered in order. */
export class PeerProcess {
  readonly #child: ChildProcess
  readonly #awaited: PromiseWithResolvers<unknown>[] = []
  readonly #ended: Promise<void>
  #errorText = ''
  #gone: Error | undefined

  /** @param command a program and its arguments. It inherits the environment. */
  constructor(command: readonly [string, ...string[]], options: { readonly cwd?: string } = {}) {
    const [file, ...args] = command
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
    this.#ended = new Promise(resolve => {
      const end = (why: string) => {
        this.#gone ??= new Error(`${file.split('/').at(-1)} ${why}${this.#errorText === '' ? '' : `: ${this.#errorText.trim()}`}`)
        for (const awaited of this.#awaited.splice(0)) awaited.reject(this.#gone)
        resolve()
      }
      this.#child.once('error', error => end(`did not start (${error.message})`))
      this.#child.once('close', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`))
    })
    this.#child.stdin!.on('error', () => {})
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-ERROR_TEXT_MAX)
    })
    createInterface({ input: this.#child.stdout! }).on('line', line => this.#answer(line))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Sends a request; resolves with the result, rejects with the program's error, its end, or after `timeoutMs`. @param timeoutMs @default 180000 */
  async request<T>(request: Record<string, unknown>, timeoutMs = 180_000): Promise<T> {
    if (this.#gone !== undefined) throw this.#gone
    if (this.#awaited.length >= AWAITED_MAX) throw new Error(`${AWAITED_MAX} requests are unanswered`)
    const awaited = Promise.withResolvers<unknown>()
    this.#awaited.push(awaited)
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    const timer = setTimeout(() => awaited.reject(new Error(`no answer to ${JSON.stringify(request)} within ${timeoutMs} ms`)), timeoutMs)
    try {
      return (await awaited.promise) as T
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the program by ending its standard input, by force when it does not go. Idempotent. */
  async stop(): Promise<void> {
    this.#child.stdin!.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#ended
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #answer(line: string): void {
    const awaited = this.#awaited.shift()
    if (awaited === undefined) return
    try {
      const answer = JSON.parse(line) as Answer
      if (answer.ok) awaited.resolve(answer.result)
      else awaited.reject(new Error(answer.error))
    } catch (error) {
      awaited.reject(new Error(`not an answer: ${line.slice(0, 200)}`, { cause: error }))
    }
  }
}

/** The command that runs a TypeScript program of this repository in a Node.js like this one. */
export function nodeCommand(program: URL, args: readonly string[] = [], flags: readonly string[] = []): readonly [string, ...string[]] {
  return [process.execPath, '--conditions=@sluice/source', ...flags, program.pathname, ...args]
}
