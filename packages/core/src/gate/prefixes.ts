/**
 * Networks to values: one hash per prefix length over typed arrays, all lengths in one open-addressing table. A lookup probes once per length in use, widest network last, so its cost depends on how many *lengths* there are
 * (a list of IPs: one; a mixed blocklist: a dozen) and not on how many rules. Against a trie: no pointer chasing, a flat 50 to 100 bytes per rule, and adding or removing a rule touches one slot.
 *
 * Values are non-negative integers that mean something to the owner. IPv4 and IPv6 live side by side and never match each other; the address has become canonical before.
 */

/** Lengths of IPv4 networks count from 0, of IPv6 networks from 33, in one number. */
const V6_BASE = 33

const SLOTS_MIN = 16

/** The word with all bits from `bits` on cleared. `bits` may be below 0 or above 32. */
export function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word
  return bits <= 0 ? 0 : word & (-1 << (32 - bits))
}

/** A network, or an address with its whole length (32 or 128). Words are signed 32-bit, masked to `length`; IPv4 has its address in `a`. */
export interface NetworkKey {
  readonly version: 4 | 6
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly length: number
}

export class PrefixTable {
  /** Per slot: a, b, c, d, code of the length, value. */
  #slots: Int32Array
  /** Per slot: 0 when it is empty, else 1 to 128 from the hash. A byte a slot stays in the cache when the slots do not, and answers nearly all probes that find nothing. */
  #tags: Uint8Array
  #mask: number
  #size: number
  readonly #seed: number
  /** Rules per length. */
  readonly #counts: Int32Array = new Int32Array(V6_BASE + 129)
  /** Lengths in use, longest first, per family. */
  #lengths4: readonly number[]
  #lengths6: readonly number[]

  /** @param seed of the hash; any integer. @default 0 */
  constructor(seed = 0) {
    this.#slots = new Int32Array(SLOTS_MIN * STRIDE)
    this.#tags = new Uint8Array(SLOTS_MIN)
    this.#mask = SLOTS_MIN - 1
    this.#size = 0
    this.#seed = seed | 0
    this.#lengths4 = []
    this.#lengths6 = []
  }

  get size(): number {
    return this.#size
  }

  /** How many lengths an address of this version is probed at. */
  probes(version: 4 | 6): number {
    return version === 4 ? this.#lengths4.length : this.#lengths6.length
  }

  /** The value of the network around the address at the `i`-th length in use, longest first; -1 when there is none. */
  probe(version: 4 | 6, a: number, b: number, c: number, d: number, i: number): number {
    const code = (version === 4 ? this.#lengths4[i] : this.#lengths6[i]) ?? 0
    const length = version === 4 ? code : code - V6_BASE
    const slot = this.#find(maskWord(a, length), maskWord(b, length - 32), maskWord(c, length - 64), maskWord(d, length - 96), code)
    return slot < 0 ? -1 : (this.#slots[slot + VALUE] ?? -1)
  }

  /** The value of the most specific network around the address, or -1. */
  match(version: 4 | 6, a: number, b: number, c: number, d: number): number {
    const count = this.probes(version)
    for (let i = 0; i < count; i++) {
      const value = this.probe(version, a, b, c, d, i)
      if (value >= 0) return value
    }
    return -1
  }

  /** The value of exactly this network, or -1. */
  get(key: NetworkKey): number {
    const slot = this.#find(key.a, key.b, key.c, key.d, codeOf(key))
    return slot < 0 ? -1 : (this.#slots[slot + VALUE] ?? -1)
  }

  /** Gives a network a value, in place of any before. @param value non-negative 32-bit integer */
  set(key: NetworkKey, value: number): void {
    const code = codeOf(key)
    const slot = this.#find(key.a, key.b, key.c, key.d, code)
    if (slot >= 0) {
      this.#slots[slot + VALUE] = value
      return
    }
    if (2 * (this.#size + 1) > this.#mask + 1) this.#grow()
    this.#insert(key.a, key.b, key.c, key.d, code, value)
    this.#size++
    this.#count(code, 1)
  }

  /** True when there was such a network. */
  delete(key: NetworkKey): boolean {
    const code = codeOf(key)
    const slot = this.#find(key.a, key.b, key.c, key.d, code)
    if (slot < 0) return false
    this.#close(slot / STRIDE)
    this.#size--
    this.#count(code, -1)
    return true
  }

  #count(code: number, change: 1 | -1): void {
    const count = (this.#counts[code] ?? 0) + change
    this.#counts[code] = count
    if (count !== (change === 1 ? 1 : 0)) return
    const inUse: number[] = []
    for (let i = this.#counts.length - 1; i >= 0; i--) if ((this.#counts[i] ?? 0) > 0) inUse.push(i)
    this.#lengths4 = inUse.filter(length => length < V6_BASE)
    this.#lengths6 = inUse.filter(length => length >= V6_BASE)
  }

  /** MurmurHash3's mixing over five words. */
  #hash(a: number, b: number, c: number, d: number, code: number): number {
    let h = this.#seed ^ Math.imul(code, 0x9e3779b1)
    h = Math.imul(h ^ Math.imul(a, 0xcc9e2d51), 5) + 0x38afed64
    h = Math.imul(h ^ (h >>> 15) ^ Math.imul(b, 0x1b873593), 5) + 0x38afed64
    if (code >= V6_BASE) h = Math.imul(h ^ (h >>> 13) ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(d, 0xc2b2ae35), 0x27d4eb2f)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return h ^ (h >>> 16)
  }

  /** Index of the slot's first word, or -1. */
  #find(a: number, b: number, c: number, d: number, code: number): number {
    const slots = this.#slots
    const tags = this.#tags
    const mask = this.#mask
    const hash = this.#hash(a, b, c, d, code)
    const wanted = tagOf(hash)
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const tag = tags[i]
      if (tag === 0) return -1
      if (tag !== wanted) continue
      const at = i * STRIDE
      if (slots[at] === a && slots[at + LENGTH] === code && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return at
    }
  }

  #insert(a: number, b: number, c: number, d: number, code: number, value: number): void {
    const slots = this.#slots
    const hash = this.#hash(a, b, c, d, code)
    let i = hash & this.#mask
    while (this.#tags[i] !== 0) i = (i + 1) & this.#mask
    this.#tags[i] = tagOf(hash)
    const at = i * STRIDE
    slots[at] = a
    slots[at + 1] = b
    slots[at + 2] = c
    slots[at + 3] = d
    slots[at + LENGTH] = code
    slots[at + VALUE] = value
  }

  /** Empties a slot and moves back those behind it that would no longer be found. */
  #close(slot: number): void {
    const slots = this.#slots
    const tags = this.#tags
    const mask = this.#mask
    let hole = slot
    for (let i = (hole + 1) & mask; tags[i] !== 0; i = (i + 1) & mask) {
      const at = i * STRIDE
      const home = this.#hash(slots[at] ?? 0, slots[at + 1] ?? 0, slots[at + 2] ?? 0, slots[at + 3] ?? 0, slots[at + LENGTH] ?? 0) & mask
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots.copyWithin(hole * STRIDE, at, at + STRIDE)
        tags[hole] = tags[i] ?? 0
        hole = i
      }
    }
    tags[hole] = 0
  }

  #grow(): void {
    const slots = this.#slots
    const tags = this.#tags
    this.#slots = new Int32Array(2 * slots.length)
    this.#tags = new Uint8Array(2 * tags.length)
    this.#mask = this.#tags.length - 1
    for (let i = 0; i < tags.length; i++) {
      if (tags[i] === 0) continue
      const at = i * STRIDE
      this.#insert(
        slots[at] ?? 0,
        slots[at + 1] ?? 0,
        slots[at + 2] ?? 0,
        slots[at + 3] ?? 0,
        slots[at + LENGTH] ?? 0,
        slots[at + VALUE] ?? 0,
      )
    }
  }
}

/** From the bits of the hash that do not choose the slot in tables of up to 33 million. */
function tagOf(hash: number): number {
  return (hash >>> 25) + 1
}

const STRIDE = 6
const LENGTH = 4
const VALUE = 5

function codeOf(key: NetworkKey): number {
  return key.version === 4 ? key.length : V6_BASE + key.length
}
