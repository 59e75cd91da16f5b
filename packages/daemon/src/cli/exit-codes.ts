/**
 * Exit codes, in one table: the constants commands return, and what `sluice help exit-codes` prints. Numbers are never reused for something else.
 */

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  forced: 2,
  unclean: 3,
  unreachable: 4,
  notFound: 5,
} as const

export const EXIT_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: EXIT.ok, meaning: 'it worked; a daemon stopped cleanly' },
  { code: EXIT.failure, meaning: 'it failed, and says why; a daemon could not start: starting it again does not help until that is fixed' },
  { code: EXIT.usage, meaning: 'wrong command, flag or value; from a running daemon: a second signal forced it to stop' },
  { code: EXIT.unclean, meaning: 'the daemon stopped, but not in time or not in order' },
  { code: EXIT.unreachable, meaning: 'no daemon answers on the admin socket' },
  { code: EXIT.notFound, meaning: 'what was asked about does not exist' },
]

/** A failure to tell the user in one sentence, without a stack, with the exit code it ends in. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}

export function usageError(message: string): CommandFailure {
  return new CommandFailure(EXIT.usage, message)
}
