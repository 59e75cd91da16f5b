/**
 * What of this machine the governor scales its limits by, read without a dependency: memory from the operating system or the container's limit, file descriptors from Linux's
 * own report of this process.
 */

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** POSIX's usual soft limit, where the system does not say. */
export const FILE_DESCRIPTORS_DEFAULT = 1024

export function thisMachine(): { memoryBytes: number; fileDescriptors: number } {
  const total = totalmem()
  const constrained = process.constrainedMemory()
  return {
    // 0 or an absurd number means: not constrained.
    memoryBytes: constrained > 0 && constrained < total ? constrained : total,
    fileDescriptors: fileDescriptors(),
  }
}

function fileDescriptors(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? FILE_DESCRIPTORS_DEFAULT : Number(soft)
  } catch {
    return FILE_DESCRIPTORS_DEFAULT
  }
}
