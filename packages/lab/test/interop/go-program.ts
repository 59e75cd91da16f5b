/** The Go programs for tests: skipped loudly where they cannot be had, an error where `CI=true`. */

import type { TestContext } from 'node:test'
import { goProgram } from '../../src/interop/go.ts'
import { PeerProcess } from '../../src/interop/lines.ts'

/** Starts a Go program for the length of a test; `undefined` when the test was skipped. */
export async function startGo(t: TestContext, name: 'rcmgrbench' | 'host', args: readonly string[] = []): Promise<PeerProcess | undefined> {
  const program = await goProgram(name).catch((error: Error) => {
    if (process.env.CI === 'true') throw error
    return { missing: error.message }
  })
  if ('missing' in program) {
    process.stderr.write(`SKIPPED ${t.name}: ${program.missing}\n`)
    t.skip(program.missing)
    return undefined
  }
  const started = new PeerProcess([program.path, ...args])
  t.after(() => started.stop())
  return started
}
