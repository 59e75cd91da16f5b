/**
 * Every error the project throws, with its code. Thrown only for misuse or a broken dependency: a refusal is a `Denial`, never an error, until an adapter has to hand it to a caller that expects one.
 */

const BRAND: symbol = Symbol.for('sluice.error')

export type SluiceErrorCode =
  | 'ERR_SLUICE_MISUSE'
  | 'ERR_SLUICE_POLICY'
  | 'ERR_SLUICE_REFUSED'
  | 'ERR_SLUICE_MISSING_HOOK'
  | 'ERR_SLUICE_STATE'
  | 'ERR_SLUICE_LIMITS_FILE'

/** Base of all. `code` is stable; `metadata` holds the facts of this instance, safe to log. Each code has its section in docs/errors.md. */
export class SluiceError extends Error {
  readonly code: SluiceErrorCode
  readonly metadata: Readonly<Record<string, unknown>>

  constructor(code: SluiceErrorCode, message: string, metadata: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
    this.metadata = metadata
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** True for a `SluiceError` of any copy of this package in the process. */
  static is(value: unknown): value is SluiceError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** An argument that no correct caller passes. */
export class MisuseError extends SluiceError {
  constructor(message: string, metadata?: Readonly<Record<string, unknown>>) {
    super('ERR_SLUICE_MISUSE', message, metadata)
  }
}

/** One thing wrong with a policy: where, what, and the remedy. */
export interface PolicyProblem {
  /** Dotted path, e.g. `prefixes.ipv4.ip.connections`. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}

/** A policy that cannot be put in force. All problems at once; nothing of it was applied. */
export class PolicyError extends SluiceError {
  readonly problems: readonly PolicyProblem[]

  constructor(problems: readonly PolicyProblem[]) {
    super('ERR_SLUICE_POLICY', problems.map(p => `${p.path}: ${p.message} ${p.remedy}`).join('\n'), { problems })
    this.problems = problems
  }
}
