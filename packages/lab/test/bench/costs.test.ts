import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { costs, measureCost } from '../../src/bench/costs/costs.ts'

describe('what an idle thing costs', () => {
  it('is a plausible number of bytes, on both sides', async () => {
    for (const name of costs.cases) {
      const [ours, plain] = await Promise.all([measureCost(name, true, 300, 0.05), measureCost(name, false, 300, 0.05)])
      // A small load and a short rest: what the last handshakes left behind is still in it.
      for (const bytes of [ours, plain]) assert.ok(bytes > 4 * 1024 && bytes < 512 * 1024, `${name}: ${bytes} bytes`)
    }
  })

  it('is refused for a case that does not exist', async () => {
    await assert.rejects(async () => measureCost('idle node', true), /no case idle node/)
  })
})
