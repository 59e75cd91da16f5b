/**
 * The two things the engine may not invent: time and chance. Both are passed in, so that the same inputs give the same decisions.
 */

/** Milliseconds since the Unix epoch, fractional allowed. The engine tolerates a clock that steps backwards: it never acts on a time earlier than one it has seen. */
export interface Clock {
  now(): number
}

/** Uniform in [0, 1), as `Math.random`. Must be seeded wherever decisions are to be replayed. */
export type Random = () => number
