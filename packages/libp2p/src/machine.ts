/**
 * What of this machine the governor scales its limits by when `protect()` has to make one itself. Minimal on purpose: libp2p may not import `@sluice/runtime`, whose `machineLimits`
 * reads every cgroup above this process and says where each number comes from; the daemon, or whoever wants that, passes a governor made with it.
 *
 * Here: memory as Node.js knows it (the operating system's, or the container's limit), file descriptors from Linux's own report of this process.
 */

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Machine } from '@sluice/core'
import { MACHINE_DEFAULT } from '@sluice/core'

export function thisMachine(): Machine {
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
    return soft === undefined ? MACHINE_DEFAULT.fileDescriptors : Number(soft)
  } catch {
    return MACHINE_DEFAULT.fileDescriptors
  }
}
