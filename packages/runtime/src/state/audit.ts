/**
 * Who changed what, and when: one row for each change an operator makes. Bounded by rows and by age, oldest first.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

export const AUDIT_ROWS_MAX = 100_000
/** 30 days, the project's default retention of anything that may hold an address. */
export const AUDIT_RETENTION_MS: number = 30 * 24 * 3600 * 1000

export interface AuditRow {
  readonly id: number
  readonly atMs: number
  /** Who asked, as far as it is known, e.g. `admin.sock (alice)`. */
  readonly who: string
  /** `ban`, `unban`, `start`, … */
  readonly action: string
  readonly detail: Readonly<Record<string, unknown>>
}

export class AuditLog {
  readonly #insert: StatementSync
  readonly #trim: StatementSync
  readonly #newest: StatementSync

  constructor(database: DatabaseSync, rowsMax: number = AUDIT_ROWS_MAX) {
    this.#insert = database.prepare('INSERT INTO audit (at_ms, who, action, detail) VALUES (?, ?, ?, ?)')
    this.#trim = database.prepare(`DELETE FROM audit WHERE at_ms < ? OR id <= (SELECT max(id) FROM audit) - ${rowsMax}`)
    this.#newest = database.prepare('SELECT id, at_ms, who, action, detail FROM audit ORDER BY id DESC LIMIT ?')
  }

  append(row: Omit<AuditRow, 'id'>): void {
    this.#insert.run(row.atMs, row.who, row.action, JSON.stringify(row.detail))
    this.#trim.run(row.atMs - AUDIT_RETENTION_MS)
  }

  /** Newest first. @param limit @default 100 */
  newest(limit = 100): AuditRow[] {
    return this.#newest.all(limit).map(row => ({
      id: Number(row.id),
      atMs: Number(row.at_ms),
      who: String(row.who),
      action: String(row.action),
      detail: JSON.parse(String(row.detail)) as Record<string, unknown>,
    }))
  }
}
