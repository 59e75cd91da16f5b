/** The bounds of a run: a server past its memory ceiling is ended, an interrupted lab leaves no process behind. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { scenarioNamed } from '../../src/attacks/index.ts'
import { parentOf } from '../../src/harness/guard.ts'
import { runTrial } from '../../src/harness/trial.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(child => parentOf(child) === pid)
}

test('a server past its ceiling is ended, and the row says what was seen', { timeout: 90_000 }, async () => {
  const ceilingBytes = 400 * 2 ** 20
  const trial = await runTrial({
    scenario: scenarioNamed('s03'),
    target: 'plain',
    layout: 'one',
    seed: 1,
    calmSeconds: 1,
    attackSeconds: 30,
    load: { bulkBytesPerSecond: 1e6, pingEveryMs: 100, dialEveryMs: 1_000 },
    ceilingBytes,
  })
  assert.match(trial.ended ?? '', /was ended at \d+ MiB/)
  assert.ok(trial.row.failed.includes('serverEnded'))
  assert.equal(trial.row.pass, false)
  assert.ok(trial.row.attack.rssPeakBytes > ceilingBytes)
  assert.equal(childrenOf(process.pid).length, 0)
})

test('an interrupted lab ends its children and says so', { timeout: 60_000 }, async () => {
  const lab = spawn(process.execPath, ['--conditions=@sluice/source', MAIN, 'run', 's10', '--target', 'plain', '--calm', '60'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(lab, 'exit') as Promise<[number | null]>
  let said = ''
  lab.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (/^calm/m.test(said)) lab.kill('SIGINT')
  })
  while (!/^calm/m.test(said)) await Promise.race([once(lab.stderr, 'data'), exited])
  const children = childrenOf(lab.pid ?? 0)
  assert.equal(children.length, 2, 'a server and an honest client')
  const [code] = await exited
  assert.equal(code, 105, said)
  assert.ok(
    children.every(pid => parentOf(pid) === undefined),
    'a child outlived the lab',
  )
})
