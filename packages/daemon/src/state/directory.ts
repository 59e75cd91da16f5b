/**
 * The state directory: where it is, what is in it, and whether this process may use it. Created private (0700); nothing in it is ever deleted here.
 */

import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { stateError } from '@sluice/runtime'
import { CommandFailure, EXIT } from '../cli/exit-codes.ts'
import type { Flag } from '../cli/flags.ts'
import { text } from '../cli/flags.ts'

export const STATE_FLAG: Flag<string | undefined> = {
  name: 'state',
  value: '<dir>',
  env: 'SLUICE_STATE_DIR',
  text: 'state directory: key, database, datastore, admin socket',
  defaultText: '$XDG_STATE_HOME/sluice',
  parse: text,
  fallback: undefined,
}

/** Bytes of `sun_path` without its end mark: 108 on Linux, 104 elsewhere (unix(7)). */
const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103

export interface StatePaths {
  readonly directory: string
  readonly key: string
  readonly database: string
  readonly datastore: string
  readonly socket: string
  /** What to hand to `listen` and `connect`: the shorter of the socket's path and its path from the working directory. */
  readonly socketAddress: string
  readonly lock: string
  readonly pid: string
}

/** @param given `--state` or SLUICE_STATE_DIR; undefined for the default place */
export function statePaths(given: string | undefined, env: NodeJS.ProcessEnv): StatePaths {
  const xdg = env.XDG_STATE_HOME
  // The XDG specification says to ignore a relative path.
  const base = xdg?.startsWith('/') === true ? xdg : join(homedir(), '.local', 'state')
  const directory = resolve(given ?? join(base, 'sluice'))
  const at = (name: string): string => join(directory, name)
  const paths = {
    directory,
    key: at('node.key'),
    database: at('sluice.db'),
    datastore: at('datastore'),
    socket: at('admin.sock'),
    socketAddress: shorter(at('admin.sock'), relative(process.cwd(), at('admin.sock'))),
    lock: at('lock'),
    pid: at('pid'),
  }
  const bytes = Buffer.byteLength(paths.socketAddress)
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    const message = `The path of the admin socket is ${bytes} bytes long, the system allows ${SOCKET_PATH_BYTES_MAX}: ${paths.socket}. Choose a shorter state directory with --state.`
    throw new CommandFailure(EXIT.failure, message)
  }
  return paths
}

function shorter(a: string, b: string): string {
  return Buffer.byteLength(b) < Buffer.byteLength(a) ? b : a
}

/** Creates the directory when it is missing. Throws `SluiceError` when it cannot be used. */
export function prepareDirectory(paths: StatePaths): void {
  try {
    mkdirSync(paths.directory, { recursive: true, mode: 0o700 })
    if (!statSync(paths.directory).isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
    accessSync(paths.directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw stateError('Cannot use the state directory', paths.directory, error)
  }
}
