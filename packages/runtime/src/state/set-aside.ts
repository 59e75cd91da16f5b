/**
 * Moves what cannot be trusted out of the way under a new name. Nothing is deleted: whoever wants to look at it, or repair it, still can.
 */

import { existsSync, renameSync } from 'node:fs'

/**
 * @param path file or directory to move
 * @param nowMs milliseconds since the epoch, for the name
 * @param companions endings of files that belong to it and go along, where they exist; they go first, so that a crash in between never leaves them beside a new file
 * @returns the new name: `<path>.corrupt-<UTC time>`, and a number where that is taken
 */
export function setAside(path: string, nowMs: number, companions: readonly string[] = []): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  let target = `${path}.corrupt-${stamp}`
  for (let n = 2; existsSync(target); n++) target = `${path}.corrupt-${stamp}-${n}`
  for (const ending of companions) {
    if (existsSync(path + ending)) renameSync(path + ending, target + ending)
  }
  renameSync(path, target)
  return target
}
