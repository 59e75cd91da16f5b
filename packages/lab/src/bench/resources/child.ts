/**
 * One block of the benchmark `resources` on our side, in a process of its own, so that each block meets a compiler that has seen nothing else.
 * Speaks the same requests as `interop/go/cmd/rcmgrbench`: `setup`, then `run`.
 */

import { serveLines } from '../../interop/lines.ts'
import { addressOf, type Operation, ResourceBench } from './cycles.ts'

/** Operations between two looks at the clock; as on the Go side. */
const BATCH = 512

/** How much of the visiting order `setup` answers with, for the comparison with the other side's. */
const ORDER_SHOWN = 8

let bench: ResourceBench | undefined

function run(name: Operation, seconds: number): { operations: number; seconds: number } {
  if (bench === undefined) throw new Error('setup comes first')
  const operation = bench.operation(name)
  const started = performance.now()
  let operations = 0
  for (;;) {
    for (let index = 0; index < BATCH; index++) operation()
    operations += BATCH
    const elapsedMs = performance.now() - started
    if (elapsedMs >= seconds * 1000) return { operations, seconds: elapsedMs / 1000 }
  }
}

await serveLines(request => {
  switch (request.command) {
    case 'setup':
      bench = new ResourceBench(Number(request.peers), {
        full: request.full === true,
        streamRates: request.rates === true,
        loopback: request.loopback === true,
      })
      return {
        peers: request.peers,
        order: [...bench.order.subarray(0, ORDER_SHOWN)],
        address: addressOf(Number(request.peers) - 1, request.loopback === true),
      }
    case 'run':
      return run(request.case as Operation, Number(request.seconds))
    default:
      throw new Error(`unknown command ${String(request.command)}`)
  }
})
