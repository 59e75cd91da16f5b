/** Runs one command in this process and returns what it wrote. */

import { PassThrough } from 'node:stream'
import { runCli } from '../src/cli/program.ts'

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  const out: string[] = []
  const err: string[] = []
  const collect = (into: string[]): PassThrough => {
    const stream = new PassThrough()
    stream.on('data', (chunk: Buffer) => into.push(chunk.toString()))
    return stream
  }
  const code = await runCli(args, { stdout: collect(out), stderr: collect(err), env })
  await new Promise(resolve => setImmediate(resolve))
  return { code, stdout: out.join(''), stderr: err.join('') }
}
