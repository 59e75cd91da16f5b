/**
 * The allocation budget of the hot path: bytes a cycle, counted by the heap's own statistics in a child whose young generation is too large to be collected during the count.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Bytes a cycle, with room for what compilers of other Node.js versions keep on the heap. Measured on Node.js 24: 250, 0, 400 and 168. */
const BUDGET = { stream: 400, memory: 8, connection: 600, refusal: 260 } as const

const CHILD = fileURLToPath(new URL('./allocation-child.ts', import.meta.url))

describe('the hot path', () => {
  it('stays within its allocation budget', t => {
    const flags = ['--conditions=@sluice/source', '--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256']
    const output = execFileSync(process.execPath, [...flags, CHILD], { encoding: 'utf8' })
    const bytes = JSON.parse(output) as Record<keyof typeof BUDGET, number>
    t.diagnostic(output.trim())
    for (const name of Object.keys(BUDGET) as (keyof typeof BUDGET)[]) {
      assert.ok(bytes[name] <= BUDGET[name], `${name}: ${bytes[name]} bytes a cycle, at most ${BUDGET[name]}`)
    }
    assert.ok(bytes.refusal <= bytes.stream, 'refusing allocates no more than admitting')
  })
})
