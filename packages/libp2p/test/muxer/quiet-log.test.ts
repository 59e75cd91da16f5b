/** Loggers that nobody reads are replaced, all others kept. */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { quieten } from '../../src/muxer/quiet-log.ts'

const DEBUG = process.env.DEBUG

beforeEach(() => {
  delete process.env.DEBUG
})

after(() => {
  if (DEBUG !== undefined) process.env.DEBUG = DEBUG
})

/** As those of @libp2p/logger: three named functions that know whether they write. */
function named(enabled: { readonly log?: boolean; readonly error?: boolean; readonly trace?: boolean } = {}): { log: unknown } {
  const one = (namespace: string, on = false) => Object.assign(() => {}, { namespace, enabled: on })
  const log = Object.assign(one('libp2p:tcp:connection', enabled.log), {
    error: one('libp2p:tcp:connection:error', enabled.error),
    trace: one('libp2p:tcp:connection:trace', enabled.trace),
  })
  return { log }
}

test('a logger that is off makes way for one that is its own scope', () => {
  const target = named()
  quieten(target)
  const { log } = target as { log: { enabled: boolean; newScope(name: string): unknown } }
  assert.equal(log.enabled, false)
  assert.equal(log.newScope('noise'), log)
})

test('a logger of which any part is read stays', () => {
  for (const part of ['log', 'error', 'trace'] as const) {
    const target = named({ [part]: true })
    const { log } = target
    quieten(target)
    assert.equal(target.log, log, part)
  }
})

test('a logger that does not say whether it writes stays', () => {
  const log = Object.assign(() => {}, { error() {}, trace() {} })
  const target = { log }
  quieten(target)
  assert.equal(target.log, log)
})

test('while anything is logged by name every logger stays: the pattern may mean an inner scope', () => {
  process.env.DEBUG = '*:noise*'
  const target = named()
  const { log } = target
  quieten(target)
  assert.equal(target.log, log)
  delete process.env.DEBUG
})
