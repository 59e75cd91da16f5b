/** Takes the adapter's cuts out of a node's decisions. The engine's own events come from the engine, which the daemon owns. */

import type { CutEvent, Decisions } from '@sluice/libp2p'

/** @returns ends the reading */
export function followCuts(decisions: Decisions, onCut: (event: CutEvent) => void): () => Promise<void> {
  const ended = (async () => {
    for await (const event of decisions) if (event.type === 'cut') onCut(event)
  })()
  return async () => {
    await decisions.return()
    await ended
  }
}
