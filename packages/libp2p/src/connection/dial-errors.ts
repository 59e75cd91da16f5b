/**
 * A dial tries one address after another and reports all failures in one AggregateError. When every address was refused, the caller gets the refusal itself:
 * the one with the shortest wait.
 */

import { RefusedError } from '../refused.ts'
import type { ConnectionManagerLike } from './components.ts'

type OpenConnection = ConnectionManagerLike['openConnection']

const ours = new WeakSet<OpenConnection>()

export function unifiesDialErrors(manager: ConnectionManagerLike): boolean {
  return ours.has(manager.openConnection)
}

export function unifyDialErrors(manager: ConnectionManagerLike): void {
  const original = manager.openConnection.bind(manager)
  const openConnection: OpenConnection = async (...target) => {
    try {
      return await original(...target)
    } catch (error) {
      throw refusalOf(error) ?? error
    }
  }
  ours.add(openConnection)
  manager.openConnection = openConnection
}

function refusalOf(error: unknown): RefusedError | undefined {
  if (!(error instanceof AggregateError) || error.errors.length === 0) {
    return undefined
  }
  const refusals = error.errors.filter(each => each instanceof RefusedError)
  if (refusals.length !== error.errors.length) {
    return undefined
  }
  return refusals.reduce((least, each) => ((each.retryAfterMs ?? Infinity) < (least.retryAfterMs ?? Infinity) ? each : least))
}
