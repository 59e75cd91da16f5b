/**
 * A small JSON reader (RFC 8259) that remembers where everything stood, so that a mistake in a file can be pointed at, and keeps the text of what it read, so that what is not understood can be written
 * back as it was and no large number is rounded on the way. `JSON.parse` does neither. Not for hot paths.
 */

/** Longest text read, in UTF-16 units. A limit file for 100,000 peers is about 15 MB. */
export const JSON_LENGTH_MAX: number = 32 * 2 ** 20

/** Deepest nesting read; go limit files have 3. */
export const JSON_DEPTH_MAX = 64

export interface JsonNode {
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null'
  /** Where it stands in the text: `[start, end)`. */
  readonly start: number
  readonly end: number
  /** Of a string its value, else the text as written. */
  readonly text: string
  /** Members of an object, in order. */
  readonly members: readonly JsonMember[]
}

export interface JsonMember {
  readonly key: string
  readonly keyStart: number
  readonly value: JsonNode
}

/** Where reading stopped, and why. */
export class JsonProblem {
  readonly position: number
  readonly reason: string

  constructor(position: number, reason: string) {
    this.position = position
    this.reason = reason
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const SPACE = /[ \t\n\r]*/y

class Reader {
  readonly #text: string
  #at: number

  constructor(text: string) {
    this.#text = text
    this.#at = 0
  }

  whole(): JsonNode {
    const node = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) throw new JsonProblem(this.#at, 'more text behind the end of the value')
    return node
  }

  #space(): void {
    SPACE.lastIndex = this.#at
    SPACE.exec(this.#text)
    this.#at = SPACE.lastIndex
  }

  #value(depth: number): JsonNode {
    this.#space()
    if (depth > JSON_DEPTH_MAX) throw new JsonProblem(this.#at, `nested deeper than ${JSON_DEPTH_MAX}`)
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    for (const word of ['true', 'false', 'null'] as const) if (this.#text.startsWith(word, this.#at)) return this.#leaf(word, word)
    const number = this.#match(NUMBER)
    if (number !== undefined) return this.#leaf('number', number)
    throw new JsonProblem(this.#at, first === undefined ? 'the text ends where a value should stand' : 'not a JSON value')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0]
  }

  #leaf(kind: JsonNode['kind'], text: string): JsonNode {
    const start = this.#at
    this.#at += text.length
    return { kind, start, end: this.#at, text, members: [] }
  }

  #string(): JsonNode {
    const start = this.#at
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    if (end >= this.#text.length) throw new JsonProblem(start, 'a string that does not end')
    this.#at = end + 1
    return { kind: 'string', start, end: this.#at, text: this.#unescape(start), members: [] }
  }

  #unescape(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch {
      throw new JsonProblem(start, 'a string with a bad escape, or a control character that must be escaped')
    }
  }

  /** After an element: true when another follows, false at the closing mark. */
  #another(close: string): boolean {
    this.#space()
    const mark = this.#text[this.#at]
    if (mark !== ',' && mark !== close) throw new JsonProblem(this.#at, `expected , or ${close}`)
    this.#at++
    return mark === ','
  }

  /** True, and past it, when the thing that has just begun is empty. */
  #empty(close: string): boolean {
    this.#at++
    this.#space()
    if (this.#text[this.#at] !== close) return false
    this.#at++
    return true
  }

  #object(depth: number): JsonNode {
    const start = this.#at
    const members: JsonMember[] = []
    const seen = new Set<string>()
    if (!this.#empty('}')) {
      do {
        this.#space()
        if (this.#text[this.#at] !== '"') throw new JsonProblem(this.#at, 'expected a key in double quotes')
        const { text: key, start: keyStart } = this.#string()
        if (seen.has(key)) throw new JsonProblem(keyStart, `the key ${JSON.stringify(key.slice(0, 64))} stands twice in one object`)
        seen.add(key)
        this.#space()
        if (this.#text[this.#at] !== ':') throw new JsonProblem(this.#at, 'expected :')
        this.#at++
        members.push({ key, keyStart, value: this.#value(depth + 1) })
      } while (this.#another('}'))
    }
    return { kind: 'object', start, end: this.#at, text: this.#text.slice(start, this.#at), members }
  }

  #array(depth: number): JsonNode {
    const start = this.#at
    if (!this.#empty(']')) {
      do this.#value(depth + 1)
      while (this.#another(']'))
    }
    return { kind: 'array', start, end: this.#at, text: this.#text.slice(start, this.#at), members: [] }
  }
}

/** Reads one JSON value. Never throws: what is not JSON gives a `JsonProblem`. */
export function readJson(text: string): JsonNode | JsonProblem {
  if (text.length > JSON_LENGTH_MAX) return new JsonProblem(JSON_LENGTH_MAX, `longer than ${JSON_LENGTH_MAX} characters`)
  try {
    return new Reader(text).whole()
  } catch (error) {
    if (error instanceof JsonProblem) return error
    throw error
  }
}

/** Line and column of a position, both from 1. */
export function lineAndColumn(text: string, position: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, position)
  return { line: before.split('\n').length, column: position - before.lastIndexOf('\n') }
}
