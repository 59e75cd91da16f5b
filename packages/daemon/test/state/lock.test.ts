import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { statePaths } from '../../src/state/directory.ts'
import { lockState } from '../../src/state/lock.ts'
import { scratch } from '../scratch.ts'

/** Takes the lock in a process of its own and tells. */
const HOLDER = `
  const { lockState } = await import(process.argv[1])
  const { statePaths } = await import(process.argv[2])
  lockState(statePaths(process.argv[3], {}))
  console.log('held')
  setInterval(() => {}, 1000)
`

test('one holder at a time; the other learns which process it is', t => {
  const paths = statePaths(scratch(t), {})
  const lock = lockState(paths)
  assert.equal(readFileSync(paths.pid, 'utf8'), `${process.pid}\n`)
  assert.equal(statSync(paths.lock).mode & 0o777, 0o600)
  assert.throws(() => lockState(paths), { exitCode: 1, message: new RegExp(`in use by process ${process.pid}\\..*--state`) })
  lock.release()
  lock.release()
  assert.ok(!existsSync(paths.pid))
  lockState(paths).release()
})

test('a killed holder leaves no lock behind, though its pid file stays', async t => {
  const directory = scratch(t)
  const paths = statePaths(directory, {})
  const modules = ['../../src/state/lock.ts', '../../src/state/directory.ts'].map(path => new URL(path, import.meta.url).href)
  const holder = spawn(process.execPath, ['--conditions=@sluice/source', '--input-type=module', '--eval', HOLDER, ...modules, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  assert.throws(() => lockState(paths), { message: new RegExp(`in use by process ${holder.pid}`) })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.equal(readFileSync(paths.pid, 'utf8'), `${holder.pid}\n`)
  lockState(paths).release()
})
