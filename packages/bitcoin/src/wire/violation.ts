/**
 * What is wrong with bytes a peer sent. A value, never an exception: malformed input is the common case under attack, and the caller decides what it costs the sender.
 */

export type ViolationRule =
  /** The frame does not open with the network's four bytes. */
  | 'magic'
  /** The command is not printable ASCII padded with zeros to twelve bytes. */
  | 'command'
  /** The announced payload is longer than the command allows, or than any message may be. */
  | 'length'
  /** The payload does not hash to the checksum of its header. */
  | 'checksum'
  /** The payload ends inside a field. */
  | 'truncated'
  /** Bytes follow the last field. */
  | 'trailing'
  /** A compact size is spelled with more bytes than it needs. */
  | 'compact-size'
  /** More elements than the message may carry. */
  | 'count'
  /** A field holds what it must not. */
  | 'value'

export interface Violation {
  readonly rule: ViolationRule
  /** Bytes before the fault: in the stream for framing rules, in the payload for the others. */
  readonly position: number
  /** What was found: a length, a count, a magic word; 0 where no number says it. */
  readonly actual: number
  /** What was allowed or expected; 0 where no number says it. */
  readonly limit: number
  /** Framing rules only: the command, where it could be read. */
  readonly command?: string
}

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly violation: Violation }
