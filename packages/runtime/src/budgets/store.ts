/**
 * Budgets that outlive the process: an SQLite file of their own in WAL mode, owner-only, every batch of leases one transaction that is on the disk before anything of it may be used.
 *
 * It is not part of `sluice.db` on purpose. That one refuses to open when it is corrupt, since losing bans silently would be worse; a node whose budgets are lost should start all the same, count from a safe
 * state and say so. A file that is corrupt, or of a newer format, is set aside under a new name, never deleted.
 */

import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type BudgetStore, type Clock, SluiceError, type StoredEntry, type StoreReport } from '@sluice/core'
import { setAside } from '../state/set-aside.ts'
import { stateError } from '../system-error.ts'
import { decode, type EntryRow, encode } from './entry.ts'

/** "SLUB" in ASCII: tells these files from everybody else's, and from `sluice.db`. */
const APPLICATION_ID = 0x534c5542

/** `user_version` of the file. */
export const BUDGETS_FORMAT = 1

/** Entries kept; of those without held bytes the oldest make room, at the next `prune`. About 120 bytes of disk each. */
export const BUDGET_ENTRIES_MAX = 2_000_000

/** How every SQLite 3 file begins (https://www.sqlite.org/fileformat.html, 1.3). */
const MAGIC = 'SQLite format 3\0'

const SCHEMA = `
  CREATE TABLE shapes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE entries (
    level INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT,
    at_ms REAL NOT NULL,
    is_held INTEGER NOT NULL,
    numbers BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (level, high, low, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_by_age ON entries (is_held, at_ms)`

export interface SqliteBudgetStoreInit {
  /** The database file; its directory must exist. One process at a time may have it open. */
  readonly path: string
  /** For the names of files set aside. */
  readonly clock: Clock
  /** Commit in the middle of a decision when a lease is dry, instead of refusing until the next `advance`. @default false */
  readonly isImmediate?: boolean
  /** What a caller is told to wait for a lease: how often `Ledger.advance` is called, milliseconds. @default 20 */
  readonly delayMs?: number
  /** @default BUDGET_ENTRIES_MAX */
  readonly entriesMax?: number
  /** Told of each batch that could not be saved; leases run dry until one can. */
  readonly onError?: (error: SluiceError) => void
}

/** Throws `SluiceError` `ERR_SLUICE_STATE` when the file is another program's, in use, or cannot be opened for a reason that setting it aside would not cure. */
export function openBudgetStore(init: SqliteBudgetStoreInit): SqliteBudgetStore {
  const { path, clock } = init
  let problem: string | undefined
  let aside: string | undefined
  try {
    problem = existsSync(path) ? problemOf(path) : undefined
    if (problem !== undefined) aside = setAside(path, clock.now(), ['-wal', '-shm'])
    return new SqliteBudgetStore(init, open(path), { problem, setAside: aside })
  } catch (error) {
    throw SluiceError.is(error) ? error : stateError('Cannot open the budgets', path, error)
  }
}

/** Why a file cannot be used; undefined when it can, or is new. */
function problemOf(path: string): string | undefined {
  const head = firstBytes(path)
  if (head === '') return undefined
  if (head !== MAGIC) return 'it does not begin as an SQLite database does'
  try {
    using database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    const application = Number(database.prepare('PRAGMA application_id').get()?.application_id)
    const format = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n)
    // A crash between making the file and its tables.
    if (tables === 0 && application === 0) return undefined
    if (application !== APPLICATION_ID) {
      throw new SluiceError('ERR_SLUICE_STATE', `${path} is a database of another program. Move it away, or use another path.`, {
        path,
        problem: 'foreign',
      })
    }
    if (format !== BUDGETS_FORMAT) return `it has format ${format}, and this version of Sluice knows ${BUDGETS_FORMAT}`
    const check = database.prepare('PRAGMA quick_check(1)').get()?.quick_check
    return check === 'ok' ? undefined : `it is corrupt: ${String(check)}`
  } catch (error) {
    if (SluiceError.is(error)) throw error
    if (isDamage(error)) return `it is corrupt: ${(error as Error).message}`
    throw error
  }
}

/** How long opening waits for another process to let go of the file. */
const BUSY_TIMEOUT_MS = 500

/** SQLite's own result codes: malformed image, and not a database at all. The low byte is the primary code. */
const DAMAGE: ReadonlySet<number> = new Set([11, 26])

function isDamage(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' && DAMAGE.has(code & 0xff)
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

function open(path: string): DatabaseSync {
  // SQLite would make the file readable by others; its companions take the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    // Exclusive: a second process would overwrite what this one counts.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT')
    if (Number(database.prepare('PRAGMA user_version').get()?.user_version) === 0) {
      database.exec(`BEGIN; ${SCHEMA}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${BUDGETS_FORMAT}; COMMIT`)
    }
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export class SqliteBudgetStore implements BudgetStore {
  readonly path: string
  readonly isImmediate: boolean
  readonly delayMs: number
  readonly #database: DatabaseSync
  readonly #before: Pick<StoreReport, 'problem' | 'setAside'>
  readonly #entriesMax: number
  readonly #onError: ((error: SluiceError) => void) | undefined
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #prune: StatementSync
  readonly #trim: StatementSync
  /** Numbers of the shapes in the file; a handful. */
  readonly #shapes: Map<string, number> = new Map()

  constructor(init: SqliteBudgetStoreInit, database: DatabaseSync, before: Pick<StoreReport, 'problem' | 'setAside'>) {
    this.path = init.path
    this.isImmediate = init.isImmediate ?? false
    this.delayMs = init.delayMs ?? 20
    this.#database = database
    this.#before = before
    this.#entriesMax = init.entriesMax ?? BUDGET_ENTRIES_MAX
    this.#onError = init.onError
    this.#put = database.prepare(
      `INSERT INTO entries (level, high, low, name, place, at_ms, is_held, numbers, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (level, high, low, name) DO UPDATE SET
         place = excluded.place, at_ms = excluded.at_ms, is_held = excluded.is_held, numbers = excluded.numbers, crc = excluded.crc`,
    )
    this.#delete = database.prepare('DELETE FROM entries WHERE level = ? AND high = ? AND low = ? AND name = ?')
    this.#prune = database.prepare('DELETE FROM entries WHERE is_held = 0 AND at_ms < ? AND level <> 0')
    this.#trim = database.prepare(
      `DELETE FROM entries WHERE (level, high, low, name) IN
         (SELECT level, high, low, name FROM entries WHERE level <> 0 ORDER BY is_held, at_ms LIMIT max(0, (SELECT count(*) FROM entries) - ?))`,
    )
    for (const row of database.prepare('SELECT id, text FROM shapes').iterate()) this.#shapes.set(String(row.text), Number(row.id))
  }

  load(visit: (entry: StoredEntry) => void): StoreReport {
    const shapes = new Map([...this.#shapes].map(([text, id]) => [id, text]))
    let entries = 0
    let damaged = 0
    // Two queries, since most entries are addresses and each column costs: named levels stand above those of addresses.
    for (const [columns, which] of [
      ['level, high, low, name, place, numbers, crc', 'level >= 8'],
      ['level, high, low, numbers, crc', 'level < 8'],
    ]) {
      const rows = this.#database.prepare(
        `SELECT ${columns} FROM entries WHERE ${which} ORDER BY level DESC, high DESC, low DESC, name DESC`,
      )
      for (const row of rows.iterate()) {
        // Types are those of the STRICT table.
        const entry = decode(row as unknown as EntryRow, shapes)
        entries++
        if (entry.pairs === undefined) damaged++
        visit(entry)
      }
    }
    return { entries, damaged, ...this.#before }
  }

  save(entries: readonly StoredEntry[], done: (isSaved: boolean) => void): void {
    let isSaved = false
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const entry of entries) this.#write(entry)
      this.#database.exec('COMMIT')
      isSaved = true
    } catch (error) {
      this.#undo()
      this.#onError?.(stateError('Cannot save the budgets in', this.path, error))
    }
    done(isSaved)
  }

  prune(beforeMs: number): void {
    try {
      this.#prune.run(beforeMs)
      this.#trim.run(this.#entriesMax)
    } catch (error) {
      this.#onError?.(stateError('Cannot drop old budgets from', this.path, error))
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #write(entry: StoredEntry): void {
    if (entry.heldBytes === 0 && entry.pairs?.length === 0) {
      const { level, high, low, name } = entry.principal
      this.#delete.run(level, high, low, name)
      return
    }
    const { level, high, low, name, place, numbers, crc } = encode(entry, this.#shapeId(entry.shape))
    this.#put.run(level, high, low, name, place, entry.atMs, entry.heldBytes > 0 ? 1 : 0, numbers, crc)
  }

  #shapeId(text: string): number {
    const known = this.#shapes.get(text)
    if (known !== undefined) return known
    this.#database.prepare('INSERT OR IGNORE INTO shapes (text) VALUES (?)').run(text)
    const id = Number(this.#database.prepare('SELECT id FROM shapes WHERE text = ?').get(text)?.id)
    this.#shapes.set(text, id)
    return id
  }

  #undo(): void {
    // Read again what a transaction that is undone had numbered.
    this.#shapes.clear()
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      for (const row of this.#database.prepare('SELECT id, text FROM shapes').iterate()) this.#shapes.set(String(row.text), Number(row.id))
    } catch {
      // The first error is the one to tell of.
    }
  }
}
