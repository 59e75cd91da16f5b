/** Starts the real `sluice up` in a process of its own, on free loopback ports, and stops it with the test. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export const FREE_PORTS = [
  '--listen',
  '/ip4/127.0.0.1/tcp/0',
  '--listen',
  '/ip4/127.0.0.1/tcp/0/ws',
  '--listen',
  '/ip4/127.0.0.1/udp/0/quic-v1',
] as const

export interface Exit {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `sluice …` to its end. */
export async function sluice(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Exit> {
  return new SluiceProcess(t, args, env).exit
}

export interface StartReport {
  readonly schemaVersion: number
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly enforced: Readonly<Record<string, string>>
  readonly capabilities: readonly { readonly name: string }[]
}

export class SluiceProcess {
  readonly child: ChildProcess
  readonly exit: Promise<Exit>
  #stdout = ''
  #stderr = ''

  /** @param preload code the process runs before its own, to plant a defect */
  constructor(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}, preload?: string) {
    this.child = spawn(
      process.execPath,
      [
        '--conditions=@sluice/source',
        ...(preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]),
        MAIN,
        ...args,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      },
    )
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString()
    })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    this.exit = once(this.child, 'close').then(([code]: unknown[]) => ({
      code: typeof code === 'number' ? code : null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
    t.after(async () => {
      if (this.child.exitCode === null) this.child.kill('SIGKILL')
      await this.exit
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The start report of `--json`; rejects when the process ends first. */
  async ready(): Promise<StartReport> {
    for (;;) {
      const report = parse(this.#stdout)
      if (report !== undefined) return report
      const ended = await Promise.race([this.exit, once(this.child.stdout ?? this.child, 'data').then(() => undefined)])
      if (ended !== undefined) throw new Error(`ended with ${ended.code}: ${ended.stderr}`)
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Exit> {
    this.child.kill(signal)
    return this.exit
  }
}

export async function startDaemon(
  t: TestContext,
  directory: string,
  args: readonly string[] = [],
  preload?: string,
): Promise<{ daemon: SluiceProcess; report: StartReport }> {
  const daemon = new SluiceProcess(t, ['up', '--json', '--state', directory, ...FREE_PORTS, ...args], {}, preload)
  return { daemon, report: await daemon.ready() }
}

function parse(text: string): StartReport | undefined {
  try {
    return JSON.parse(text) as StartReport
  } catch {
    return undefined
  }
}
