/**
 * One spelling per peer. A peer id is written as base58btc of its multihash (`12D3…`, `Qm…`), or as a CID of the libp2p-key codec in base32 (`b…`), base36 (`k…`) or base58btc (`z…`). All accounts, lists and
 * scope names use the first; the others become it. Source: libp2p specs, peer-ids, "String representation".
 *
 * It changes spelling only: whether the id belongs to a key is the handshake's business, and text that is no CID of a peer stays as it is.
 */

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz'
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** CID version 1, codec libp2p-key (0x72). */
const CID_VERSION = 1
const CODEC_LIBP2P_KEY = 0x72

/** Shortest and longest CID text converted: an Ed25519 key is 62 characters in base32 and 36; a 4096-bit RSA key is hashed and as long. */
const CID_LENGTH_MIN = 20
const CID_LENGTH_MAX = 128

/** The base58btc spelling of a peer id; text that is not a CID of one comes back unchanged. */
export function canonicalPeer(text: string): string {
  const prefix = text.charCodeAt(0)
  // 1 and Q begin every base58btc peer id: the common case, and nothing to do.
  if (prefix === 49 || prefix === 81 || text.length < CID_LENGTH_MIN || text.length > CID_LENGTH_MAX) return text
  const bytes = decodeMultibase(text)
  if (bytes === undefined || bytes[0] !== CID_VERSION || bytes[1] !== CODEC_LIBP2P_KEY || bytes.length < 4) return text
  return encode(bytes.subarray(2), BASE58)
}

function decodeMultibase(text: string): Uint8Array | undefined {
  const body = text.slice(1)
  switch (text[0]) {
    case 'b':
      return decodeBase32(body)
    case 'B':
      return decodeBase32(body.toLowerCase())
    case 'k':
      return decode(body, BASE36)
    case 'K':
      return decode(body.toLowerCase(), BASE36)
    case 'z':
      return decode(body, BASE58)
    default:
      return undefined
  }
}

/** RFC 4648 base32 without padding. */
function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let buffer = 0
  let bits = 0
  let at = 0
  for (const letter of text) {
    const digit = BASE32.indexOf(letter)
    if (digit < 0) return undefined
    buffer = ((buffer << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (buffer >> bits) & 255
    }
  }
  return bytes
}

/** Big-endian digits of one base into another; a leading zero digit is a leading zero digit there too, as in base58 and base36 of multibase. */
function convert(digits: Iterable<number>, from: number, to: number): number[] {
  const out: number[] = []
  let zeros = 0
  let isLeading = true
  for (const digit of digits) {
    if (isLeading && digit === 0) {
      zeros++
      continue
    }
    isLeading = false
    let carry = digit
    for (let i = 0; i < out.length; i++) {
      carry += (out[i] ?? 0) * from
      out[i] = carry % to
      carry = Math.floor(carry / to)
    }
    for (; carry > 0; carry = Math.floor(carry / to)) out.push(carry % to)
  }
  return [...new Array<number>(zeros).fill(0), ...out.reverse()]
}

function decode(text: string, alphabet: string): Uint8Array | undefined {
  const digits = Array.from(text, letter => alphabet.indexOf(letter))
  return digits.includes(-1) ? undefined : Uint8Array.from(convert(digits, alphabet.length, 256))
}

function encode(bytes: Uint8Array, alphabet: string): string {
  return convert(bytes, 256, alphabet.length)
    .map(digit => alphabet[digit])
    .join('')
}
