import assert from 'node:assert/strict'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { prepareDirectory, statePaths } from '../../src/state/directory.ts'
import { scratch } from '../scratch.ts'

test('where the state is: given, XDG, home; a relative XDG_STATE_HOME counts as unset', () => {
  assert.equal(statePaths('/a/b', {}).directory, '/a/b')
  assert.equal(statePaths('rel', {}).directory, join(process.cwd(), 'rel'))
  assert.equal(statePaths(undefined, { XDG_STATE_HOME: '/x' }).directory, '/x/sluice')
  for (const env of [{}, { XDG_STATE_HOME: 'x' }])
    assert.equal(statePaths(undefined, env).directory, join(homedir(), '.local/state/sluice'))
})

test('a socket path too long for the system is refused, unless it is short from where we are', t => {
  const deep = join(scratch(t), 'd'.repeat(60), 'e'.repeat(60))
  assert.throws(() => statePaths(deep, {}), { exitCode: 1, message: /admin socket is \d+ bytes long/ })
  mkdirSync(deep, { recursive: true })
  const before = process.cwd()
  process.chdir(deep)
  t.after(() => process.chdir(before))
  const { socket, socketAddress } = statePaths('.sluice', {})
  assert.equal(socket, join(deep, '.sluice', 'admin.sock'))
  assert.equal(socketAddress, '.sluice/admin.sock')
})

test('created private, with its parents; used as it is when it is there', t => {
  const paths = statePaths(join(scratch(t), 'a', 'b'), {})
  prepareDirectory(paths)
  assert.equal(statSync(paths.directory).mode & 0o777, 0o700)
  prepareDirectory(paths)
})

test('a file in its place, or above it, is an error that says so', t => {
  const directory = scratch(t)
  writeFileSync(join(directory, 'file'), '')
  assert.throws(() => prepareDirectory(statePaths(join(directory, 'file'), {})), {
    code: 'ERR_SLUICE_STATE',
    message: /Cannot use the state directory/,
  })
  assert.throws(() => prepareDirectory(statePaths(join(directory, 'file', 'below'), {})), { message: /ENOTDIR/ })
})

test('a directory that may not be written to is an error', { skip: process.getuid?.() === 0 ? 'root may write everywhere' : false }, t => {
  const path = join(scratch(t), 'locked')
  mkdirSync(path, { mode: 0o500 })
  assert.throws(() => prepareDirectory(statePaths(path, {})), { message: /EACCES/ })
})
