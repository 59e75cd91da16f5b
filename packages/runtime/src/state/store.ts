/**
 * Opens `sluice.db`: SQLite in WAL mode, owner-only, of a known format. An older format is migrated in one transaction per step; a newer one is refused.
 *
 * A corrupt file is never trusted and never deleted. Opening refuses it, because starting without it would lift every ban without anybody asking for that;
 * with `recover` it is set aside under a new name, its write-ahead log with it, and an empty database takes its place.
 */

import { chmodSync, closeSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '@sluice/core'
import { SluiceError } from '@sluice/core'
import { stateError } from '../system-error.ts'
import { AuditLog } from './audit.ts'
import { BanStore } from './bans.ts'
import { APPLICATION_ID, MIGRATIONS, STATE_FORMAT } from './schema.ts'
import { setAside } from './set-aside.ts'

/** How every SQLite 3 file begins (https://www.sqlite.org/fileformat.html, 1.3). */
const MAGIC = 'SQLite format 3\0'

/** How long a statement waits for another process (a backup, a shell) to let go of the file. */
const BUSY_TIMEOUT_MS = 2000

/** SQLite's own result codes: malformed image, and not a database at all. */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

export interface StateInit {
  /** The database file; its directory must exist. */
  readonly path: string
  readonly clock: Clock
  /** Set a corrupt file aside and start with an empty one. @default false: refuse to open */
  readonly recover?: boolean
}

export interface StateStore extends Disposable {
  readonly path: string
  readonly bans: BanStore
  readonly audit: AuditLog
  /** Format the file had before it was opened; undefined when it is new. */
  readonly formatBefore: number | undefined
  /** Where a corrupt predecessor is now, when `recover` had to act. */
  readonly setAside: string | undefined
  /** Idempotent. */
  close(): void
}

/** Throws `SluiceError` `ERR_SLUICE_STATE`; `metadata.problem` is `corrupt`, `newer`, `foreign`, or absent for a failed system call. Nothing was changed then. */
export function openState(init: StateInit): StateStore {
  try {
    return open(init.path, undefined)
  } catch (error) {
    if (!isCorrupt(error)) throw explain(init.path, error)
    if (init.recover !== true) throw corruptError(init.path, error)
  }
  try {
    return open(init.path, setAside(init.path, init.clock.now(), ['-wal', '-shm']))
  } catch (error) {
    throw explain(init.path, error)
  }
}

function open(path: string, setAsidePath: string | undefined): StateStore {
  createOwnerOnly(path)
  const formatBefore = inspect(path)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    migrate(database, formatBefore ?? 0)
    return {
      path,
      bans: new BanStore(database),
      audit: new AuditLog(database),
      formatBefore,
      setAside: setAsidePath,
      close: () => close(database),
      [Symbol.dispose]: () => close(database),
    }
  } catch (error) {
    close(database)
    throw error
  }
}

/** SQLite would create the file with the umask's mode, readable by others; its `-wal` and `-shm` take the mode of the file. */
function createOwnerOnly(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/**
 * The file's format, undefined for an empty one. Reads, never writes, so that a database we refuse stays as it is: the first bytes are looked at before
 * SQLite is, which would throw away a write-ahead log that does not fit, and the rest through a read-only connection, which does not write the log back.
 */
function inspect(path: string): number | undefined {
  const head = firstBytes(path)
  if (head !== '' && head !== MAGIC) throw new CorruptDatabase('it does not begin as an SQLite database does')
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
  try {
    return formatOf(database, path)
  } finally {
    database.close()
  }
}

function firstBytes(path: string): string {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(MAGIC.length)
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(fd)
  }
}

function formatOf(database: DatabaseSync, path: string): number | undefined {
  const check = database.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (check !== 'ok') throw new CorruptDatabase(String(check))
  const format = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  const application = Number(database.prepare('PRAGMA application_id').get()?.application_id)
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n)
  if (tables === 0 && format === 0 && application === 0) return undefined
  if (application !== APPLICATION_ID) {
    throw new SluiceError('ERR_SLUICE_STATE', `${path} is a database of another program. Move it away, or use another state directory.`, {
      path,
      problem: 'foreign',
    })
  }
  if (format > STATE_FORMAT) {
    const message = `${path} has format ${format}; this version of Sluice knows up to ${STATE_FORMAT}. Start the newer version again, or use another state directory.`
    throw new SluiceError('ERR_SLUICE_STATE', message, { path, problem: 'newer', format })
  }
  return format
}

function migrate(database: DatabaseSync, from: number): void {
  for (const [step, sql] of MIGRATIONS.entries()) {
    if (step < from) continue
    database.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step + 1}; COMMIT`)
  }
}

function close(database: DatabaseSync): void {
  if (database.isOpen) database.close()
}

class CorruptDatabase extends Error {}

function isCorrupt(error: unknown): boolean {
  if (error instanceof CorruptDatabase) return true
  const code: unknown = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  // The low byte is the primary code; the rest says where SQLite noticed.
  return typeof code === 'number' && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff)
}

function corruptError(path: string, cause: unknown): SluiceError {
  const message = `${path} is corrupt (${cause instanceof Error ? cause.message : String(cause)}). Nothing was changed. Restore it from a backup, or start with --recover to set it aside and begin with an empty one; its bans are then no longer in force.`
  return new SluiceError('ERR_SLUICE_STATE', message, { path, problem: 'corrupt' }, cause)
}

function explain(path: string, error: unknown): SluiceError {
  return SluiceError.is(error) ? error : stateError('Cannot open the database', path, error)
}
