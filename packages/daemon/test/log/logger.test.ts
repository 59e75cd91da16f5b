import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { libp2pLogger } from '../../src/log/libp2p-logger.ts'
import { prettyLine } from '../../src/log/logger.ts'

type Line = { readonly level: number; readonly component: string; readonly msg: string }

function logger(level: string) {
  const lines: Line[] = []
  const log = pino({ level }, { write: (text: string) => void lines.push(JSON.parse(text) as Line) })
  return { lines, component: libp2pLogger(log).forComponent('libp2p:x'), own: libp2pLogger(log).forComponent('sluice') }
}

test("libp2p's formatters become text, its errors debug lines, ours warnings", () => {
  const { lines, component, own } = logger('debug')
  component('peer %p at %a sent %d %s %b 100%%', { toString: () => 'P' }, { toString: () => '/ip4' }, 5, 'x', Uint8Array.of(1, 255))
  component.error('failed - %e', new TypeError('bad'))
  component.newScope('y')('plain')
  component.trace('hidden')
  own.error('ours - %e', new Error('e'))
  own.newScope('self-test').newScope('yamux').error('provoked')
  assert.deepEqual(
    lines.map(line => [line.level, line.component, line.msg]),
    [
      [20, 'libp2p:x', 'peer P at /ip4 sent 5 x 01ff 100%'],
      [20, 'libp2p:x', 'failed - TypeError: bad'],
      [20, 'libp2p:x:y', 'plain'],
      [40, 'sluice', 'ours - Error: e'],
      [20, 'sluice:self-test:yamux', 'provoked'],
    ],
  )
})

test('a level that is off costs no formatting; a long text is cut; odd arguments do not throw', () => {
  const { lines, component } = logger('info')
  assert.equal(component.enabled, false)
  component('%p', {
    toString() {
      throw new Error('formatted')
    },
  })
  assert.deepEqual(lines, [])
  const loud = logger('trace')
  loud.component('%s', 'x'.repeat(10_000))
  loud.component('%p %e %z')
  loud.component({ an: 'object' } as unknown as string)
  assert.equal(loud.lines[0]?.msg.length, 2000)
  assert.equal(loud.lines.length, 3)
})

test('on a terminal a line is short, and control characters are shown', () => {
  const line = prettyLine('{"level":"info","time":"2026-11-20T12:00:01.000Z","msg":"cut\\u001b[2J","reason":"x","n":5}', process.stderr)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours may be there or not
  assert.match(line.replace(/\u001b\[\d+m/g, ''), /^12:00:01 info {2}cut\\u\{1b\}\[2J reason=x n=5$/)
})
