/**
 * One sentence for a failed system call: what was being done, to which path, why it failed and what helps. Shared by everything here that opens files.
 */

import { SluiceError } from '@sluice/core'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; check who owns it and its mode',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory; create the directory first',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EISDIR: 'it is a directory, not a file',
  EEXIST: 'something with that name is already there',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
  EMFILE: 'this process has too many open files',
  ENAMETOOLONG: 'the path is too long',
  EIO: 'input/output error on the device',
}

/** The `code` of a system error (`EACCES`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/**
 * @param doing what failed, beginning a sentence: `Cannot open the recording`
 * @param path the file concerned
 */
export function stateError(doing: string, path: string, error: unknown): SluiceError {
  const code = systemErrorCode(error)
  const reason = (code === undefined ? undefined : REASONS[code]) ?? (error instanceof Error ? error.message : String(error))
  return new SluiceError(
    'ERR_SLUICE_STATE',
    `${doing} ${path}: ${reason}${code === undefined ? '' : ` (${code})`}.`,
    { path, systemCode: code },
    error,
  )
}
