import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alternate } from '../../src/bench/benchmark.ts'
import { caseReport, figure, machineName, table } from '../../src/bench/report.ts'

const cycles = caseReport({
  case: 'stream cycle, 1 peers',
  unit: 'cycles/s',
  better: 'higher',
  peerName: 'go default',
  ours: [4e6, 5e6, 6e6],
  peer: [1e5, 1e5, 1e5],
})

describe('report', () => {
  it('holds the fields every benchmark prints', () => {
    const { spread, ...entry } = cycles
    assert.deepEqual(entry, {
      case: 'stream cycle, 1 peers',
      unit: 'cycles/s',
      better: 'higher',
      ours: 5e6,
      peer: 1e5,
      ratio: 50,
      interval: entry.interval,
      peerName: 'go default',
    })
    assert.deepEqual(spread, { ours: [4e6, 5e6, 6e6], peer: [1e5, 1e5, 1e5] })
    assert.ok(entry.interval[0] >= 40 && entry.interval[1] <= 60)
  })

  it('counts fewer as better, zero included', () => {
    const { ratio } = caseReport({
      case: 'losses',
      unit: 'losses',
      better: 'lower',
      peerName: 'plain',
      ours: [0, 0, 0],
      peer: [4, 4, 4],
      canBeZero: true,
    })
    assert.equal(ratio, 5)
  })

  it('is a table with medians, the lowest and highest run, and what was skipped', () => {
    const text = table({ name: 'resources', machine: 'here', runs: 3, cases: [cycles], skipped: ['no Go'] })
    assert.match(text, /resources: 3 alternating runs on here/)
    assert.match(text, /5,000,000 \(4,000,000 to 6,000,000\)/)
    assert.match(text, /50\.00 \[\d+\.\d\d, \d+\.\d\d\]/)
    assert.match(text, /SKIPPED: no Go/)
  })

  it('writes figures with three significant digits', () => {
    const cases = [
      [0, '0'],
      [1_234_567.8, '1,234,568'],
      [123.456, '123'],
      [12.3456, '12.3'],
      [1.23456, '1.23'],
      [0.0123456, '0.0123'],
      [-4.5678, '-4.57'],
    ] as const
    for (const [value, text] of cases) assert.equal(figure(value), text)
  })

  it('names the machine', () => {
    assert.match(machineName(), /^\d+ x .+, \d+ GB, \w+ .+, node \d+\.\d+\.\d+$/)
  })
})

describe('alternation', () => {
  it('lets each side begin every other run', () => {
    assert.deepEqual(
      [0, 1, 2].map(run => alternate(['a', 'b', 'c'], run).join('')),
      ['abc', 'cba', 'abc'],
    )
  })
})
