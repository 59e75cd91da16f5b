import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import { COMMANDS } from '../../src/commands/table.ts'
import { cli } from '../run-cli.ts'
import { scratch } from '../scratch.ts'

test('data goes to stdout, in three formats; JSON carries a schema version', async () => {
  const text = await cli(['version'])
  assert.match(text.stdout, /^sluice\s+\d+\.\d+\.\d+/)
  assert.equal(text.stderr, '')
  for (const args of [
    ['version', '--json'],
    ['version', '-o', 'json'],
    ['version', '--output', 'ndjson'],
  ]) {
    const { schemaVersion, libp2p } = JSON.parse((await cli(args)).stdout) as Record<string, unknown>
    assert.deepEqual([schemaVersion, libp2p], [1, '3.3.11'])
  }
  assert.deepEqual(JSON.parse((await cli(['version'], { SLUICE_OUTPUT: 'json' })).stdout).schemaVersion, 1)
})

test('help exit-codes lists every code of the table', async () => {
  const { stdout, code } = await cli(['help', 'exit-codes'])
  assert.equal(code, 0)
  for (const { code: number, meaning } of EXIT_CODES) assert.ok(stdout.includes(`${number}  ${meaning}`))
})

test('every command explains itself, with its flags and their environment variables', async () => {
  const overview = (await cli(['help'])).stdout
  for (const command of COMMANDS) {
    const { stdout, code } = await cli([...command.name.split(' '), '--help'])
    assert.equal(code, 0, command.name)
    assert.ok(stdout.includes(command.summary), command.name)
    for (const flag of command.flags ?? []) assert.ok(stdout.includes(flag.name), `${command.name} --${flag.name}`)
    assert.ok(overview.includes(command.name.split(' ')[0] ?? ''))
  }
  assert.match((await cli(['help', 'ban', 'add'])).stdout, /sluice ban add \[options\] <target>/)
})

/** Command line, environment, what stderr must say. All are exit code 2 and print nothing on stdout. */
const MISTAKES: readonly (readonly [readonly string[], NodeJS.ProcessEnv, RegExp])[] = [
  [['statsu'], {}, /unknown command 'statsu'[\s\S]*status/],
  [['help', 'nothing'], {}, /There is no command "nothing"/],
  [['status', 'extra'], {}, /too many arguments/],
  [['explain'], {}, /missing required argument 'subject'/],
  [['version', '-o', 'yaml'], {}, /--output must be one of table, json, ndjson, not "yaml"/],
  [['up', '--mode', 'strict'], {}, /--mode must be one of enforce, observe/],
  [['up', '--connections', '-5'], {}, /--connections must be a whole number/],
  [['up', '--connections', '1.5'], {}, /--connections must be a whole number/],
  [['up'], { SLUICE_CONNECTIONS: 'many' }, /SLUICE_CONNECTIONS must be a whole number/],
  [['up'], { SLUICE_PUBLIC: 'perhaps' }, /SLUICE_PUBLIC must be true or false/],
  [['up', '--listen', '/ip4/1.2.3/tcp/1'], {}, /not understood/],
  [['up', '--listen', '/ip4/127.0.0.1/tcp/99999'], {}, /not understood/],
  [['up', '--listen', '/ip4/0.0.0.0/tcp/4001'], {}, /--public/],
  [['up'], { SLUICE_LISTEN: '/ip4/127.0.0.1/tcp/0,/ip4/192.0.2.1/tcp/0' }, /192\.0\.2\.1.*--public/],
  [['up', '--no-quic', '--listen', '/ip4/127.0.0.1/udp/0/quic-v1'], {}, /--no-quic/],
  [['up', '--bootstrap', '/ip4/127.0.0.1/tcp/1'], {}, /--bootstrap.*not understood/],
  [['up', '--bootstrap', '/ip4/127.0.0.1/tcp/1/p2p/nonsense'], {}, /--bootstrap.*not understood/],
  [['up', '--state', ''], {}, /--state needs a value/],
  [['up', '--log-level', 'loud'], {}, /--log-level must be one of/],
  [['ban', 'add', '192.0.2.1', '--for', '4 hours'], {}, /--for must be a duration/],
  [['ban', 'add', '192.0.2.1', '--for', '0s'], {}, /--for must be a duration/],
  [['resources', '--above', 'most'], {}, /--above must be a whole number/],
]

for (const [args, env, expected] of MISTAKES) {
  test(`usage error: ${args.join(' ')} ${JSON.stringify(env)}`, async () => {
    const { code, stdout, stderr } = await cli(args, env)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, expected)
    assert.ok(!stderr.includes('    at '), 'no stack')
  })
}

test('a command line cannot write control characters to the terminal', async () => {
  const { stderr } = await cli(['\u001b[2Jup'])
  assert.ok(!stderr.includes('\u001b'))
})

test('without a daemon the exit code is 4 and the remedy is named', async t => {
  const directory = scratch(t)
  for (const args of [['status'], ['resources'], ['explain', '192.0.2.1'], ['ban', 'ls'], ['ban', 'rm', '192.0.2.1']]) {
    const { code, stdout, stderr } = await cli([...args, '--state', directory])
    assert.equal(code, 4)
    assert.equal(stdout, '')
    assert.match(stderr, /No daemon answers .*sluice up/)
  }
  assert.equal((await cli(['status'], { SLUICE_STATE_DIR: join(directory, 'none') })).code, 4)
})

test('a state directory whose socket path is too long is refused by name, before anything is created', async () => {
  const { code, stderr } = await cli(['up', '--state', join('/', 'x'.repeat(120))])
  assert.equal(code, 1)
  assert.match(stderr, /path of the admin socket is \d+ bytes long.*--state/)
})
