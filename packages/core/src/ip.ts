/**
 * IP addresses as words: parsing, canonical form, classification and text. IPv4 is one signed 32-bit word, IPv6 four.
 *
 * Parsing walks character codes and writes into one shared scratch array: no regular expression, no split, nothing allocated, since this runs before the first thing is known about a stranger.
 * The scratch is safe because everything here is synchronous and every caller copies the words out before it calls again.
 */

/** Words of the last address parsed here: IPv4 in `[0]`, IPv6 in `[0..3]`. Signed 32-bit, network order. */
export const WORDS: Int32Array = new Int32Array(4)

/** `loopback` is this machine, `private` a network that is not the Internet, `public` the rest. */
export type Locality = 'public' | 'private' | 'loopback'

const ZERO = 48
const NINE = 57
const DOT = 46
const COLON = 58

/** Parses `text[start, end)` as a dotted quad into `WORDS[0]`. Leading zeros are refused: some read them as octal (RFC 6943 section 3.1.1). Returns -1, or the position of what is wrong. */
export function parseIp4(text: string, start: number, end: number): number {
  let word = 0
  let octets = 0
  let value = -1
  for (let i = start; i <= end; i++) {
    const code = i < end ? text.charCodeAt(i) : DOT
    if (code >= ZERO && code <= NINE) {
      if (value === 0) return i
      value = value < 0 ? code - ZERO : value * 10 + code - ZERO
      if (value > 255) return i
    } else if (code === DOT && value >= 0 && octets < 4) {
      word = (word << 8) | value
      octets++
      value = -1
    } else return i
  }
  if (octets !== 4) return end
  WORDS[0] = word
  return -1
}

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

const GROUPS = new Uint16Array(8)

/** Parses `text[start, end)` as IPv6 (RFC 4291 section 2.2, with `::` and an embedded dotted quad, no zone) into `WORDS`. Returns -1, or the position of what is wrong. */
export function parseIp6(text: string, start: number, end: number): number {
  let count = 0
  let gap = -1
  let i = start
  if (end - start < 2) return start
  if (text.charCodeAt(i) === COLON) {
    if (text.charCodeAt(i + 1) !== COLON) return i
    gap = 0
    i += 2
  }
  while (i < end) {
    if (count === 8) return i
    const groupStart = i
    let value = 0
    for (; i < end; i++) {
      const digit = hexDigit(text.charCodeAt(i))
      if (digit < 0) break
      if (i - groupStart === 4) return i
      value = (value << 4) | digit
    }
    if (i < end && text.charCodeAt(i) === DOT) {
      if (count > 6) return groupStart
      const wrong = parseIp4(text, groupStart, end)
      if (wrong >= 0) return wrong
      const word = WORDS[0] ?? 0
      GROUPS[count] = word >>> 16
      GROUPS[count + 1] = word & 0xffff
      count += 2
      i = end
      break
    }
    if (i === groupStart) return i
    GROUPS[count++] = value
    if (i === end) break
    if (text.charCodeAt(i) !== COLON) return i
    i++
    if (i === end) return i - 1
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return i
      gap = count
      i++
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return end
  if (gap >= 0) {
    const tail = count - gap
    GROUPS.copyWithin(8 - tail, gap, count)
    GROUPS.fill(0, gap, 8 - tail)
  }
  for (let word = 0; word < 4; word++) WORDS[word] = ((GROUPS[2 * word] ?? 0) << 16) | (GROUPS[2 * word + 1] ?? 0)
  return -1
}

const MAPPED = 0xffff
const NAT64 = 0x0064ff9b
const SIX_TO_FOUR = 0x2002

/**
 * True when the IPv6 address in `WORDS` stands for an IPv4 one; then `WORDS[0]` holds that. IPv4-mapped `::ffff:0:0/96` (RFC 4291 section 2.5.5.2), the well-known
 * NAT64 prefix `64:ff9b::/96` (RFC 6052) and 6to4 `2002::/16` (RFC 3056). The last two must not carry an address that is not global (RFC 6052 section 3.1, RFC 3056 section 2):
 * one that does stays IPv6, so that nobody becomes private, hence exempt, by his choice of prefix.
 */
export function embeddedIp4(): boolean {
  const a = WORDS[0] ?? 0
  const b = WORDS[1] ?? 0
  const c = WORDS[2] ?? 0
  const d = WORDS[3] ?? 0
  if (a === 0 && b === 0 && c === MAPPED) {
    WORDS[0] = d
    return true
  }
  let word = 0
  if (a === NAT64 && b === 0 && c === 0) word = d
  else if (a >>> 16 === SIX_TO_FOUR) word = (a << 16) | (b >>> 16)
  else return false
  if (localityOfIp4(word) !== 'public' || word >>> 24 === 0) return false
  WORDS[0] = word
  return true
}

/** Loopback 127.0.0.0/8 (RFC 1122); private 10/8, 172.16/12, 192.168/16 (RFC 1918), link-local 169.254/16 (RFC 3927), carrier-grade NAT 100.64/10 (RFC 6598). */
export function localityOfIp4(word: number): Locality {
  const top = word >>> 24
  if (top === 127) return 'loopback'
  if (top === 10 || word >>> 20 === 0xac1 || word >>> 16 === 0xc0a8 || word >>> 16 === 0xa9fe || word >>> 22 === 0x191) return 'private'
  return 'public'
}

/** Loopback ::1 (RFC 4291); private: unique local fc00::/7 (RFC 4193), link-local fe80::/10 (RFC 4291). */
export function localityOfIp6(a: number, b: number, c: number, d: number): Locality {
  if (a === 0 && b === 0 && c === 0 && d === 1) return 'loopback'
  if (a >>> 25 === 0x7e || a >>> 22 === 0x3fa) return 'private'
  return 'public'
}

export function formatIp4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** Canonical text of RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) as `::`. */
export function formatIp6(a: number, b: number, c: number, d: number): string {
  const groups = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff, d >>> 16, d & 0xffff]
  let best = -1
  let bestLength = 1
  let start = -1
  for (let i = 0; i <= 8; i++) {
    if (i < 8 && groups[i] === 0) {
      if (start < 0) start = i
    } else if (start >= 0) {
      if (i - start > bestLength) {
        best = start
        bestLength = i - start
      }
      start = -1
    }
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map(group => group.toString(16))
      .join(':')
  return best < 0 ? text(0, 8) : `${text(0, best)}::${text(best + bestLength, 8)}`
}
