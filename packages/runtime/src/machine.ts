/**
 * What the machine, or the container, lets this process have: the numbers autoscaling starts from.
 *
 * Memory is the smallest of the physical memory and every limit on the way from this process's cgroup to the root, version 2 or 1: a limit set on a
 * parent binds its children. File descriptors are the soft limit of RLIMIT_NOFILE, which Node cannot read itself, from /proc. Where a file is missing
 * (macOS, Windows, a container without /proc) the next source answers, and the report says which one did.
 */

import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { MACHINE_DEFAULT } from '@sluice/core'

/** Used where RLIMIT_NOFILE cannot be read. */
export const FILE_DESCRIPTORS_DEFAULT: number = MACHINE_DEFAULT.fileDescriptors

/** cgroup v1 writes 2^63 rounded down to a page for "no limit"; anything from here up is none. */
const CGROUP_UNLIMITED_BYTES = 2 ** 62

export interface MachineLimits {
  /** Bytes this process may use before something is killed. */
  readonly memoryBytes: number
  readonly memorySource: 'cgroup v2' | 'cgroup v1' | 'physical memory'
  /** Soft limit of open files; `Number.MAX_SAFE_INTEGER` when unlimited. */
  readonly fileDescriptors: number
  readonly fileDescriptorsSource: '/proc/self/limits' | 'default'
  /** Logical processors this process may run on. */
  readonly processors: number
}

/**
 * @param root directory that holds `proc` and `sys`, for tests. @default '/'
 * @param physicalBytes installed memory. @default what the operating system reports
 */
export function machineLimits(root = '/', physicalBytes: number = totalmem()): MachineLimits {
  const cgroup = cgroupMemory(root)
  const limited = cgroup !== undefined && cgroup.bytes < physicalBytes
  const files = fileDescriptorLimit(root)
  return {
    memoryBytes: limited ? cgroup.bytes : physicalBytes,
    memorySource: limited ? cgroup.source : 'physical memory',
    fileDescriptors: files ?? FILE_DESCRIPTORS_DEFAULT,
    fileDescriptorsSource: files === undefined ? 'default' : '/proc/self/limits',
    processors: availableParallelism(),
  }
}

interface CgroupMemory {
  readonly bytes: number
  readonly source: 'cgroup v2' | 'cgroup v1'
}

function cgroupMemory(root: string): CgroupMemory | undefined {
  const found: CgroupMemory[] = []
  for (const line of (read(root, 'proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    if (controllers === '') found.push(...walk(root, 'sys/fs/cgroup', path, 'memory.max', 'cgroup v2'))
    if (controllers.split(',').includes('memory'))
      found.push(...walk(root, 'sys/fs/cgroup/memory', path, 'memory.limit_in_bytes', 'cgroup v1'))
  }
  return found.sort((a, b) => a.bytes - b.bytes)[0]
}

/** The limit of a cgroup and of each of its parents. Inside a container the path may name a directory of the host; the mount's root then is our own. */
function* walk(root: string, mount: string, path: string, file: string, source: CgroupMemory['source']): Generator<CgroupMemory> {
  const parts = path.split('/').filter(part => part !== '' && part !== '.' && part !== '..')
  for (let depth = parts.length; depth >= 0; depth--) {
    const text = read(root, join(mount, ...parts.slice(0, depth), file))?.trim()
    if (text === undefined || !/^\d+$/.test(text)) continue
    const bytes = Number(text)
    if (bytes > 0 && bytes < CGROUP_UNLIMITED_BYTES) yield { bytes, source }
  }
}

function fileDescriptorLimit(root: string): number | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)\s/m.exec(read(root, 'proc/self/limits') ?? '') ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Math.min(Number(soft), Number.MAX_SAFE_INTEGER)
}

function read(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return undefined
  }
}
