/**
 * One daemon per state directory. The lock is the operating system's, taken through SQLite on a file of its own: it ends with the process, however that
 * ends, so there is no stale lock to recover and no process id to misread (in containers sharing a volume every daemon is process 1). The `pid` file
 * beside it only says who holds it.
 */

import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { stateError } from '@sluice/runtime'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'
import type { StatePaths } from './directory.ts'

/** SQLite's primary result code for "another connection holds the lock". */
const SQLITE_BUSY = 5

export interface StateLock extends Disposable {
  /** Idempotent. */
  release(): void
}

/** Throws `CommandFailure` when another process holds it. */
export function lockState(paths: StatePaths): StateLock {
  let database: DatabaseSync | undefined
  try {
    closeSync(openSync(paths.lock, 'a', 0o600))
    database = new DatabaseSync(paths.lock, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    writeFileSync(paths.pid, `${process.pid}\n`, { mode: 0o600 })
    chmodSync(paths.pid, 0o600)
  } catch (error) {
    database?.close()
    if (isBusy(error)) throw inUse(paths, error)
    throw stateError('Cannot lock the state directory with', paths.lock, error)
  }
  const held = database
  const release = (): void => {
    if (!held.isOpen) return
    rmSync(paths.pid, { force: true })
    held.close()
  }
  return { release, [Symbol.dispose]: release }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY
}

function inUse(paths: StatePaths, cause: unknown): CommandFailure {
  let holder = 'another process'
  try {
    holder = `process ${readFileSync(paths.pid, 'utf8').trim().slice(0, 20)}`
  } catch {
    // It holds the lock but has not written its number yet.
  }
  return new CommandFailure(
    EXIT.failure,
    `The state directory ${paths.directory} is in use by ${holder}. Stop that daemon first, or use another directory with --state.`,
    cause,
  )
}
