import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { FILE_DESCRIPTORS_DEFAULT, machineLimits } from '@sluice/runtime'
import { scratch } from './scratch.ts'

const GIB = 2 ** 30

function plant(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

const LIMITS = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax open files            ${soft.padEnd(20)} 1048576              files     \n`

test('cgroup v2: the tightest limit on the way to the root binds', t => {
  const root = scratch(t)
  plant(root, {
    'proc/self/cgroup': '0::/system.slice/sluice.service\n',
    'proc/self/limits': LIMITS('8192'),
    'sys/fs/cgroup/system.slice/sluice.service/memory.max': 'max\n',
    'sys/fs/cgroup/system.slice/memory.max': `${2 * GIB}\n`,
  })
  const limits = machineLimits(root, 16 * GIB)
  assert.deepEqual([limits.memoryBytes, limits.memorySource], [2 * GIB, 'cgroup v2'])
  assert.deepEqual([limits.fileDescriptors, limits.fileDescriptorsSource], [8192, '/proc/self/limits'])
})

test('cgroup v1: the memory controller, its "no limit" number, and a path that only the host has', t => {
  const root = scratch(t)
  plant(root, {
    'proc/self/cgroup': '3:cpu,cpuacct:/a\n2:hugetlb,memory:/docker/abc\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  })
  assert.equal(machineLimits(root, 4 * GIB).memorySource, 'physical memory')
  plant(root, { 'sys/fs/cgroup/memory/memory.limit_in_bytes': `${GIB}\n` })
  const limits = machineLimits(root, 4 * GIB)
  assert.deepEqual([limits.memoryBytes, limits.memorySource], [GIB, 'cgroup v1'])
})

test('both versions mounted: the smaller wins; a limit above the physical memory is none', t => {
  const root = scratch(t)
  plant(root, {
    'proc/self/cgroup': '4:memory:/x\n0::/y\n',
    'sys/fs/cgroup/memory/x/memory.limit_in_bytes': `${3 * GIB}`,
    'sys/fs/cgroup/y/memory.max': `${2 * GIB}`,
  })
  assert.deepEqual(machineLimits(root, 8 * GIB).memoryBytes, 2 * GIB)
  assert.deepEqual([machineLimits(root, GIB).memoryBytes, machineLimits(root, GIB).memorySource], [GIB, 'physical memory'])
})

test('nothing to read, or nonsense: physical memory and the default descriptor limit', t => {
  const root = scratch(t)
  assert.deepEqual(machineLimits(root, GIB).fileDescriptors, FILE_DESCRIPTORS_DEFAULT)
  plant(root, {
    'proc/self/cgroup': 'junk\n0::\n0::/../../etc\n',
    'proc/self/limits': 'Max open files   many few files\n',
    'sys/fs/cgroup/memory.max': '-5\n',
    'sys/fs/cgroup/etc/memory.max': '1e3\n',
  })
  const limits = machineLimits(root, GIB)
  assert.deepEqual([limits.memoryBytes, limits.memorySource, limits.fileDescriptorsSource], [GIB, 'physical memory', 'default'])
})

test('unlimited descriptors are the largest exact number', t => {
  const root = scratch(t)
  plant(root, { 'proc/self/limits': LIMITS('unlimited') })
  assert.equal(machineLimits(root, GIB).fileDescriptors, Number.MAX_SAFE_INTEGER)
})

test('this machine has memory, descriptors and processors', () => {
  const limits = machineLimits()
  assert.ok(limits.memoryBytes > 0 && limits.memoryBytes <= totalmem())
  assert.ok(limits.fileDescriptors > 0)
  assert.ok(limits.processors >= 1)
})
