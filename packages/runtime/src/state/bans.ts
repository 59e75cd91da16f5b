/**
 * Bans that outlive the process. The engine decides with its own table; this is where it is filled from at start and written to on each change.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Ban } from '@sluice/core'

/** Rows kept. At the limit the ban that would end soonest makes room. */
export const BANS_MAX = 100_000

export class BanStore {
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #trim: StatementSync
  readonly #expire: StatementSync
  readonly #all: StatementSync

  constructor(database: DatabaseSync, bansMax: number = BANS_MAX) {
    this.#put = database.prepare(
      `INSERT INTO bans (target, created_ms, until_ms, reason) VALUES (?, ?, ?, ?)
       ON CONFLICT (target) DO UPDATE SET created_ms = excluded.created_ms, until_ms = excluded.until_ms, reason = excluded.reason`,
    )
    this.#delete = database.prepare('DELETE FROM bans WHERE target = ?')
    this.#trim = database.prepare(
      `DELETE FROM bans WHERE target IN (SELECT target FROM bans ORDER BY until_ms IS NULL, until_ms LIMIT max(0, (SELECT count(*) FROM bans) - ${bansMax}))`,
    )
    this.#expire = database.prepare('DELETE FROM bans WHERE until_ms <= ?')
    this.#all = database.prepare('SELECT target, created_ms, until_ms, reason FROM bans ORDER BY created_ms, target')
  }

  /** Adds or replaces. */
  put(ban: Ban): void {
    this.#put.run(ban.target, ban.createdMs, Number.isFinite(ban.untilMs) ? ban.untilMs : null, ban.reason)
    this.#trim.run()
  }

  /** True when there was one. */
  delete(target: string): boolean {
    return Number(this.#delete.run(target).changes) > 0
  }

  /** Those still in force, oldest first; the others are dropped. */
  load(nowMs: number): Ban[] {
    this.#expire.run(nowMs)
    return this.#all.all().map(row => ({
      target: String(row.target),
      createdMs: Number(row.created_ms),
      untilMs: row.until_ms === null ? Number.POSITIVE_INFINITY : Number(row.until_ms),
      reason: String(row.reason),
    }))
  }
}
