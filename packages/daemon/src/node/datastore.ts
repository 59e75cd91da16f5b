/**
 * libp2p's own storage (peer store, DHT records): LevelDB in `datastore/`. Opened here rather than by libp2p, so that a damaged one is an error that names
 * the directory and the way out.
 */

import { existsSync } from 'node:fs'
import { setAside } from '@sluice/runtime'
import { LevelDatastore } from 'datastore-level'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'

export interface OpenedDatastore {
  readonly datastore: LevelDatastore
  /** Where a damaged predecessor is now, when `recover` had to act. */
  readonly setAside: string | undefined
}

/** @param recover set a damaged datastore aside and start with an empty one */
export async function openDatastore(path: string, recover: boolean, nowMs: number): Promise<OpenedDatastore> {
  try {
    return { datastore: await open(path), setAside: undefined }
  } catch (error) {
    if (!recover || !existsSync(path)) throw damaged(path, error)
  }
  const moved = setAside(path, nowMs)
  try {
    return { datastore: await open(path), setAside: moved }
  } catch (error) {
    throw damaged(path, error)
  }
}

async function open(path: string): Promise<LevelDatastore> {
  const datastore = new LevelDatastore(path)
  await datastore.open()
  return datastore
}

function damaged(path: string, error: unknown): CommandFailure {
  const cause: unknown = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message : String(cause)
  const remedy =
    'Restore it from a backup, or start with --recover to set it aside and begin with an empty one; the node then learns its peers again.'
  return new CommandFailure(EXIT.failure, `Cannot open the datastore ${path}: ${reason}. Nothing was changed. ${remedy}`, error)
}
