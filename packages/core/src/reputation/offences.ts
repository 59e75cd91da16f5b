/**
 * What can be held against a principal, by name. Provable: the bytes themselves show it and nobody but the sender can have made them, so it may ban. Suspicious: a pattern, or something a third party can cause (a failed
 * dial, a NAT's other user), so it only lowers priority and may start a cooldown.
 *
 * Points are ours: one forged signature is half a ban, a broken frame a quarter, since a faulty but honest implementation is likelier to send the latter.
 */

export type OffenceKind = 'provable' | 'suspicious'

export interface Offence {
  readonly kind: OffenceKind
  /** Taken from the score; more than 0. */
  readonly points: number
  /** Starts a cooldown at once. */
  readonly cools: boolean
  readonly text: string
}

export type OffenceName =
  | 'bad-signature'
  | 'bad-frame'
  | 'protocol-violation'
  | 'oversized-message'
  | 'repeated-request'
  | 'stalled-turn'
  | 'rapid-reconnection'
  | 'failed-dial'
  | 'slow-reply'

/** The names, and nothing but these. */
export const OFFENCES: Readonly<Record<OffenceName, Offence>> = {
  'bad-signature': { kind: 'provable', points: 50, cools: true, text: 'a signature that does not verify' },
  'bad-frame': { kind: 'provable', points: 25, cools: true, text: 'bytes that are no frame of the protocol' },
  'protocol-violation': { kind: 'provable', points: 25, cools: true, text: 'a message the protocol forbids here' },
  'oversized-message': { kind: 'provable', points: 25, cools: true, text: 'a message over the bound of its protocol' },
  'repeated-request': { kind: 'provable', points: 10, cools: false, text: 'the same bulk data asked for again and again' },
  'stalled-turn': { kind: 'suspicious', points: 10, cools: false, text: 'a slot held without reading' },
  'rapid-reconnection': { kind: 'suspicious', points: 20, cools: true, text: 'new identities, each abandoning an unfinished session' },
  'failed-dial': { kind: 'suspicious', points: 2, cools: false, text: 'not reachable where it was announced' },
  'slow-reply': { kind: 'suspicious', points: 1, cools: false, text: 'replies later than others' },
}

export const OFFENCE_NAMES: readonly OffenceName[] = Object.keys(OFFENCES) as OffenceName[]

export function offence(name: OffenceName): Offence {
  return OFFENCES[name]
}
