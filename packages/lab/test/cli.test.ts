/** The command line: what it refuses, and one real run of two seconds against a plain node. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Row } from '../src/harness/row.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function lab(...args: readonly string[]): Promise<Result> {
  return new Promise(resolve => {
    execFile(process.execPath, ['--conditions=@sluice/source', MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no command', [], /Usage/],
  ['an unknown scenario', ['run', 's99', '--target', 'plain'], /s02-unread-ping/],
  ['no target', ['run', 's09'], /--target/],
  ['an unknown target', ['run', 's09', '--target', 'example.org'], /plain, protected/],
  ['an unknown layout', ['run', 's09', '--target', 'plain', '--layout', 'everywhere'], /one, spread, open/],
  ['no seconds', ['run', 's09', '--target', 'plain', '--seconds', '0'], /more than 0/],
  ['seconds that are no number', ['run', 's09', '--target', 'plain', '--calm', 'soon'], /more than 0/],
  ['a seed out of range', ['run', 's09', '--target', 'plain', '--seed', '-1'], /0 to 4294967295/],
  ['an unknown layout in a table', ['table', '--layouts', 'one,two'], /any of one,spread,open/],
  ['an unknown scenario in a table', ['table', '--only', 's01,sx'], /one of s01-slow-reader/],
]
for (const [what, args, says] of refused) {
  test(`refuses ${what}`, async () => {
    const { code, stdout, stderr } = await lab(...args)
    assert.equal(code, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, says)
  })
}

test('two seconds of muxer pings on a plain node make one row', { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await lab('run', 's09', '--target', 'plain', '--calm', '1', '--seconds', '2', '--seed', '5', '--json')
  assert.equal(code, 0, stderr)
  assert.match(stderr, /seed 5/)
  const row = JSON.parse(stdout) as Row
  assert.deepEqual(Object.keys(row), ['scenario', 'layout', 'target', 'calm', 'attack', 'pass', 'failed'])
  assert.deepEqual(Object.keys(row.attack), [
    'rssPeakBytes',
    'rssGrowthBytes',
    'loopDelayP99Ms',
    'pingP50Ms',
    'pingP99Ms',
    'goodputRatio',
    'dialSuccessRatio',
    'attackerCutAfterMs',
  ])
  assert.equal(row.scenario, 's09-muxer-pings')
  assert.equal(row.target, 'plain')
  assert.equal(row.layout, 'one')
  assert.ok(row.calm.rssPeakBytes > 30e6, 'resident memory comes from the kernel')
  assert.ok(row.calm.goodputBytesPerSecond > 1e6, 'the honest client downloads')
  assert.ok(row.calm.pingP50Ms !== null && row.calm.pingP50Ms > 0, 'the honest client pings')
  const sentMb = Number(/attacker: 1 connections, .* ([\d.]+) MB sent/.exec(stderr)?.[1])
  assert.ok(sentMb > 0.5, `the attacker sent ${sentMb} MB`)
})
