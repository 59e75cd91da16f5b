/**
 * `stream.onDrain()` of @libp2p/utils 7.4 waits only the first time: the promise it hands out is made once and never renewed, so that the documented write loop
 * (`if (!stream.send(x)) await stream.onDrain()`) queues without bound from the second wait on. Here every call waits for a drain that really made room.
 *
 * Seen in https://github.com/libp2p/js-libp2p/blob/main/packages/utils/src/abstract-message-stream.ts (`onDrainPromise`).
 */

import type { AbortOptions, MessageStream } from '@libp2p/interface'

/** Replaces `onDrain` on this instance. The stream's own bookkeeping is left alone. */
export function repairOnDrain(stream: MessageStream): void {
  stream.onDrain = onDrain
}

function onDrain(this: MessageStream, options?: AbortOptions): Promise<void> {
  if (!this.writableNeedsDrain) return Promise.resolve()
  const signal = options?.signal
  if (signal?.aborted === true) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      this.removeEventListener('drain', onEvent)
      this.removeEventListener('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      outcome()
    }
    // The stream sends what is queued one microtask after the event and may be full again by then.
    const onEvent = (): void => {
      queueMicrotask(() => {
        if (!this.writableNeedsDrain) settle(resolve)
      })
    }
    const onClose = (event: Event & { error?: Error }): void =>
      settle(() => reject(event.error ?? new Error('the stream closed before it drained')))
    const onAbort = (): void => settle(() => reject(signal?.reason))
    this.addEventListener('drain', onEvent)
    this.addEventListener('close', onClose)
    signal?.addEventListener('abort', onAbort)
  })
}
