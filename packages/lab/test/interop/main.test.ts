import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { nodeCommand } from '../../src/interop/lines.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  const [file, ...rest] = nodeCommand(new URL(`../../src/${program}/main.ts`, import.meta.url), args)
  return new Promise(resolve => {
    const child = execFile(file, rest, (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }))
  })
}

describe('npm run interop', () => {
  it('prints a summary as JSON, its lines on standard error', async () => {
    const { code, stdout, stderr } = await run('interop', ['js-tcp', '--plain', '--mebibytes', '1', '--streams', '5', '--json'])
    assert.equal(code, 0, stderr)
    const summary = JSON.parse(stdout)
    assert.equal(summary.target, 'plain')
    assert.equal(summary.failed, 0)
    assert.equal(summary.findings.length, 14)
    assert.deepEqual(Object.keys(summary.findings[0]), ['check', 'step', 'ok', 'detail'])
    assert.match(stderr, /^ok js-tcp: plain js-libp2p dials js-libp2p: connect - /m)
    assert.match(stderr, /14 ok, 0 not ok, 0 skipped/)
  })

  it('knows its checks and its numbers', async () => {
    const unknown = await run('interop', ['nope'])
    assert.notEqual(unknown.code, 0)
    assert.match(unknown.stderr, /Allowed choices are js-tcp/)
    const none = await run('interop', ['js-tcp', '--streams', '0'])
    assert.notEqual(none.code, 0)
    assert.match(none.stderr, /a whole number from 1 to 4096/)
  })
})

describe('npm run bench', () => {
  it('knows its cases', async () => {
    const { code, stdout, stderr } = await run('bench', ['overhead', '--runs', '1', '--case', 'nope'])
    assert.notEqual(code, 0)
    assert.equal(stdout, '')
    assert.match(stderr, /Allowed choices are bulk throughput, streams per second, connections per second/)
  })

  it('refuses no runs and unknown names', async () => {
    for (const args of [['overhead', '--runs', '0'], ['nope']]) assert.notEqual((await run('bench', args)).code, 0)
  })
})
