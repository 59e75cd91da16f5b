/**
 * A connection's streams as the `ReadonlySet` its readers expect, over the list that runs through the streams themselves. Made when somebody asks.
 */

import type { Stream } from '../handles.ts'
import type { StreamHandle } from './stream.ts'

/** What the view needs of a connection. */
export interface StreamList {
  readonly firstStream: StreamHandle | undefined
  readonly streamCount: number
}

export class StreamSet implements ReadonlySet<Stream> {
  readonly #list: StreamList

  constructor(list: StreamList) {
    this.#list = list
  }

  get size(): number {
    return this.#list.streamCount
  }

  has(stream: Stream): boolean {
    for (const each of this) if (each === stream) return true
    return false
  }

  forEach(visit: (value: Stream, key: Stream, set: ReadonlySet<Stream>) => void, thisArg?: unknown): void {
    for (const each of this) visit.call(thisArg, each, each, this)
  }

  /** Newest first. Streams may be released during the walk; what is released is not visited. */
  *values(): SetIterator<Stream> {
    let stream = this.#list.firstStream
    while (stream !== undefined) {
      const next: StreamHandle | undefined = stream.next
      if (stream.open) yield stream
      stream = next
    }
  }

  keys(): SetIterator<Stream> {
    return this.values()
  }

  *entries(): SetIterator<[Stream, Stream]> {
    for (const stream of this) yield [stream, stream]
  }

  [Symbol.iterator](): SetIterator<Stream> {
    return this.values()
  }
}
