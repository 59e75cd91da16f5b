/** Calendar periods by billing day and zone, beside changes of the clock; ticks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY, HOUR, month, periodAt, tickOf, zoneOffset } from '../../src/budgets/window.ts'

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16)

test('a month runs from billing day to billing day', () => {
  const table: readonly (readonly [number, string, string, string])[] = [
    [1, '2026-01-01T00:00Z', '2026-01-01T00:00', '2026-02-01T00:00'],
    [1, '2025-12-31T23:59:59.999Z', '2025-12-01T00:00', '2026-01-01T00:00'],
    [15, '2026-03-14T12:00Z', '2026-02-15T00:00', '2026-03-15T00:00'],
    [15, '2026-03-15T00:00Z', '2026-03-15T00:00', '2026-04-15T00:00'],
    [31, '2026-02-27T12:00Z', '2026-01-31T00:00', '2026-02-28T00:00'],
    [31, '2024-02-29T00:00Z', '2024-02-29T00:00', '2024-03-31T00:00'],
    [31, '2026-04-30T00:00Z', '2026-04-30T00:00', '2026-05-31T00:00'],
  ]
  for (const [day, at, start, end] of table) {
    const period = periodAt(month(day), Date.parse(at))
    assert.deepEqual([iso(period.startMs), iso(period.endMs)], [start, end], `${day} at ${at}`)
  }
})

test('in a zone it starts at local midnight, on both sides of a change of the clock', () => {
  const berlin = month(1, zoneOffset('Europe/Berlin'))
  assert.equal(iso(periodAt(berlin, Date.parse('2026-07-15T00:00Z')).startMs), '2026-06-30T22:00')
  assert.equal(iso(periodAt(berlin, Date.parse('2026-12-31T23:00Z')).startMs), '2026-12-31T23:00')
  assert.equal(iso(periodAt(berlin, Date.parse('2026-12-31T22:59Z')).startMs), '2026-11-30T23:00')
  // The clock changes on the billing day itself, 29 March 2026 at 01:00 UTC.
  const change = month(29, zoneOffset('Europe/Berlin'))
  assert.equal(iso(periodAt(change, Date.parse('2026-03-29T05:00Z')).startMs), '2026-03-28T23:00')
  const kathmandu = month(1, zoneOffset('Asia/Kathmandu'))
  assert.equal(iso(periodAt(kathmandu, Date.parse('2026-06-15T00:00Z')).startMs), '2026-05-31T18:15')
  assert.throws(() => zoneOffset('Mars/Olympus'), { code: 'ERR_SLUICE_MISUSE' })
})

test('periods follow each other without gap or overlap', () => {
  for (const zone of ['UTC', 'America/New_York', 'Pacific/Apia', 'Australia/Lord_Howe']) {
    const window = month(31, zoneOffset(zone))
    let period = periodAt(window, Date.UTC(2011, 0, 1))
    for (let i = 0; i < 60; i++) {
      const next = periodAt(window, period.endMs)
      assert.deepEqual([next.startMs, next.number], [period.endMs, period.number + 1], zone)
      assert.equal(periodAt(window, period.endMs - 1).number, period.number, zone)
      period = next
    }
  }
})

test('a tick divides every part', () => {
  assert.equal(tickOf([HOUR, DAY]), 300_000)
  assert.equal(tickOf([HOUR, { kind: 'rolling', name: 'x', partMs: 7000, parts: 3 }]), 1000)
  assert.equal(tickOf([month()]), 3_600_000)
})
