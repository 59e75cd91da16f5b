/** What the governor of an unconfigured node scales by is what this process really has. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { totalmem } from 'node:os'
import { test } from 'node:test'
import { MACHINE_DEFAULT } from '@sluice/core'
import { thisMachine } from '../src/machine.ts'

test('memory is no more than the machine has, file descriptors are what a child inherits', () => {
  const { memoryBytes, fileDescriptors } = thisMachine()
  assert.ok(memoryBytes > 0 && memoryBytes <= totalmem())
  const soft = process.platform === 'linux' ? execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim() : 'unlimited'
  assert.equal(fileDescriptors, soft === 'unlimited' ? MACHINE_DEFAULT.fileDescriptors : Number(soft))
})
