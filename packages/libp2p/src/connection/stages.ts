/**
 * The guard in force on each connection that is being upgraded: one at a time, ended when the next stage begins.
 */

import type { ConnectionRecord } from './record.ts'

export class UpgradeStages {
  readonly #guards = new WeakMap<ConnectionRecord, () => void>()

  begin(record: ConnectionRecord, stop: () => void): void {
    this.end(record)
    this.#guards.set(record, stop)
  }

  end(record: ConnectionRecord): void {
    this.#guards.get(record)?.()
    this.#guards.delete(record)
  }
}
