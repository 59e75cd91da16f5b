/**
 * Talks to the admin socket of a running daemon, for the other commands. An absent daemon is exit code 4, what it refuses is told in its own words.
 */

import { request } from 'node:http'
import { userInfo } from 'node:os'
import { systemErrorCode } from '@sluice/runtime'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'
import type { StatePaths } from '../state/directory.ts'

/** Longer than the server takes for anything. */
const ANSWER_MS_MAX = 15_000
/** 10,000 peers at about 1 kB each fit. */
const ANSWER_BYTES_MAX: number = 64 * 1024 * 1024

const UNREACHABLE = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK', 'ECONNRESET']

export class AdminClient {
  readonly #paths: StatePaths

  constructor(paths: StatePaths) {
    this.#paths = paths
  }

  get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const text = new URLSearchParams(query).toString()
    return this.#call('GET', text === '' ? path : `${path}?${text}`)
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#call('POST', path, JSON.stringify(body))
  }

  async #call<T>(method: string, path: string, body?: string): Promise<T> {
    const { status, text } = await this.#exchange(method, path, body)
    const value = parse(text)
    if (status < 400 && value !== undefined) return value as T
    const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined
    const message =
      typeof error === 'object' && error !== null && 'message' in error
        ? String(error.message)
        : `the daemon answered ${status} without a reason.`
    throw new CommandFailure(status === 404 ? EXIT.notFound : EXIT.failure, message)
  }

  #exchange(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
    const headers = {
      'x-sluice-user': userName(),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    }
    return new Promise((resolve, reject) => {
      const call = request(
        { socketPath: this.#paths.socketAddress, method, path, headers, timeout: ANSWER_MS_MAX, agent: false },
        response => {
          const chunks: Buffer[] = []
          let length = 0
          response.on('data', (chunk: Buffer) => {
            length += chunk.length
            if (length > ANSWER_BYTES_MAX) call.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`))
            else chunks.push(chunk)
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
          response.on('error', error => reject(this.#failure(error)))
        },
      )
      call.on('timeout', () => call.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)))
      call.on('error', error => reject(this.#failure(error)))
      call.end(body)
    })
  }

  #failure(error: Error): CommandFailure {
    const code = systemErrorCode(error)
    if (code !== undefined && UNREACHABLE.includes(code)) {
      return new CommandFailure(
        EXIT.unreachable,
        `No daemon answers on ${this.#paths.socket}. Start one with "sluice up", or name its state directory with --state.`,
        error,
      )
    }
    const reason = code === 'EACCES' ? 'permission denied; run this as the user the daemon runs as' : error.message
    return new CommandFailure(EXIT.unreachable, `Cannot talk to the daemon on ${this.#paths.socket}: ${reason}.`, error)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // No entry for this user id, as in many containers.
    return String(process.getuid?.() ?? 'unknown')
  }
}
