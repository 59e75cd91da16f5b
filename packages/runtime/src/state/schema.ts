/**
 * The tables of `sluice.db`, one step per format version: step N takes a database of format N to N+1. A step that has been released never changes.
 * The version is SQLite's `user_version`; `application_id` tells our files from everybody else's.
 */

/** "SLUI" in ASCII. */
export const APPLICATION_ID = 0x534c5549

export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE bans (
     target TEXT PRIMARY KEY,
     created_ms REAL NOT NULL,
     until_ms REAL,            -- NULL: for good
     reason TEXT NOT NULL
   ) STRICT`,
  `CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms REAL NOT NULL,
     who TEXT NOT NULL,
     action TEXT NOT NULL,
     detail TEXT NOT NULL      -- JSON
   ) STRICT`,
]

export const STATE_FORMAT: number = MIGRATIONS.length
