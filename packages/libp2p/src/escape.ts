/**
 * Text that a peer chose (protocol names, agent strings, peer ids that never parsed, error messages that quote them) made safe to print: bounded, one line, no terminal
 * control, no bidirectional override, no way to forge the quotes around it. Everything that logs peer-controlled text goes through here.
 *
 * It does not make text safe for HTML or SQL; nothing here writes either.
 */

/** Characters printed of one piece of peer-controlled text. A protocol name of the field is at most about 40; a peer id is 52. */
export const ESCAPED_TEXT_MAX = 96

/**
 * C0, DEL, C1; quote and backslash; Arabic letter mark, zero width and directional marks, line and paragraph separators, embeddings, overrides and isolates, byte order mark;
 * the three interlinear annotation marks; lone surrogates; language tags. Source: Unicode 17 general categories Cc, Cf (those without a glyph), Zl, Zp, Cs.
 */
const UNSAFE = /["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}

/**
 * @param text anything a peer sent, already decoded
 * @param charactersMax how many code points of it to keep. @default 96
 * @returns the text without quotes around it; ends in `…` when it was cut
 */
export function escapeText(text: string, charactersMax: number = ESCAPED_TEXT_MAX): string {
  // At most two code units per code point: never walks a megabyte to print a line.
  const head = Array.from(text.slice(0, charactersMax * 2))
    .slice(0, charactersMax)
    .join('')
  const escaped = head.replace(UNSAFE, escapeCharacter)
  return head.length < text.length ? `${escaped}…` : escaped
}

/** An error as one safe line: its name and message, both bounded. Anything else that was thrown: its type. */
export function escapeError(error: unknown): string {
  if (error instanceof Error) return `${escapeText(error.name, 48)}: ${escapeText(error.message, 160)}`
  return typeof error === 'string' ? escapeText(error, 160) : `thrown ${typeof error}`
}
