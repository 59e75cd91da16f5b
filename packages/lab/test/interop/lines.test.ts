import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCommand, PeerProcess } from '../../src/interop/lines.ts'

const PROGRAM = new URL('./program.ts', import.meta.url)

describe('a program that speaks lines', () => {
  it('answers in order', async () => {
    await using program = new PeerProcess(nodeCommand(PROGRAM))
    const answers = await Promise.all([3, 1, 2].map(value => program.request({ command: 'echo', value, afterMs: 10 * value })))
    assert.deepEqual(answers, [{ value: 3 }, { value: 1 }, { value: 2 }])
  })

  it('hands on the error of a request and goes on', async () => {
    await using program = new PeerProcess(nodeCommand(PROGRAM))
    await assert.rejects(program.request({ command: 'fail' }), /TypeError: asked to/)
    assert.deepEqual(await program.request({ command: 'echo', value: 1 }), { value: 1 })
  })

  it('rejects what is unanswered when the program ends, with what it wrote to standard error', async () => {
    await using program = new PeerProcess(nodeCommand(PROGRAM))
    await assert.rejects(program.request({ command: 'exit' }), /ended with exit code 7: last words/)
    await assert.rejects(program.request({ command: 'echo' }), /ended with exit code 7/)
  })

  it('rejects when no answer comes in time', async () => {
    await using program = new PeerProcess(nodeCommand(PROGRAM))
    await assert.rejects(program.request({ command: 'echo', afterMs: 2000 }, 20), /no answer to .* within 20 ms/)
  })

  it('says which program did not start', async () => {
    await using program = new PeerProcess(['/nowhere/to-be-found'])
    await assert.rejects(program.request({ command: 'echo' }), /to-be-found did not start/)
  })

  it('ends when its standard input does, and stopping twice is harmless', async () => {
    const program = new PeerProcess(nodeCommand(PROGRAM))
    await program.request({ command: 'echo' })
    await program.stop()
    await program.stop()
    await program.ended
  })
})
