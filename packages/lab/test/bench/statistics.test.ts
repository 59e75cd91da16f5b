import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compare, generator, median, percentile, ratioOf, slope } from '../../src/bench/statistics.ts'

const measurement = fc.double({ min: 1e-6, max: 1e9, noNaN: true })
const pairs = fc.array(fc.tuple(measurement, measurement), { minLength: 1, maxLength: 12 })

describe('median and percentile', () => {
  it('takes the middle, or the mean of the two middle ones', () => {
    assert.equal(median([3]), 3)
    assert.equal(median([9, 1, 5]), 5)
    assert.equal(median([4, 1, 3, 2]), 2.5)
  })

  it('sorts by number, not by text', () => {
    assert.equal(median([9, 10, 100]), 10)
  })

  it('interpolates percentiles', () => {
    assert.equal(percentile([0, 10], 0.25), 2.5)
    assert.equal(percentile([5, 1, 3], 0), 1)
    assert.equal(percentile([5, 1, 3], 1), 5)
  })

  it('refuses nothing and what is not finite', () => {
    assert.throws(() => median([]), RangeError)
    assert.throws(() => median([1, Number.NaN]), RangeError)
    assert.throws(() => median([1, Number.POSITIVE_INFINITY]), RangeError)
    assert.throws(() => percentile([], 0.5), RangeError)
    assert.throws(() => percentile([1], 1.5), RangeError)
  })
})

describe('ratio', () => {
  it('says how many times better ours is, whatever the unit', () => {
    assert.equal(ratioOf(300, 100, 'higher'), 3)
    assert.equal(ratioOf(2, 6, 'lower'), 3)
    assert.equal(ratioOf(6, 2, 'lower'), 1 / 3)
  })

  it('adds one to both sides of counts that may be zero', () => {
    assert.equal(ratioOf(0, 9, 'lower', true), 10)
    assert.equal(ratioOf(0, 0, 'lower', true), 1)
    assert.equal(ratioOf(9, 0, 'higher', true), 10)
    assert.throws(() => ratioOf(0, 9, 'lower'), RangeError)
  })

  it('turns around when the sides do', () => {
    fc.assert(
      fc.property(measurement, measurement, (ours, peer) => {
        assert.ok(Math.abs(ratioOf(ours, peer, 'higher') * ratioOf(peer, ours, 'higher') - 1) < 1e-9)
        assert.equal(ratioOf(ours, peer, 'higher'), ratioOf(peer, ours, 'lower'))
      }),
    )
  })
})

describe('comparison', () => {
  it('gives the ratio of the medians', () => {
    const { ours, peer, ratio } = compare([10, 30, 20], [4, 5, 6], 'higher')
    assert.deepEqual([ours, peer, ratio], [20, 5, 4])
  })

  it('has an interval of one point where the runs do not differ', () => {
    assert.deepEqual(compare([7, 7, 7], [7, 7, 7], 'lower').interval, [1, 1])
  })

  it('keeps what both sides of a run share: a slow machine in some runs does not widen the interval', () => {
    const speed = [1, 0.4, 0.9, 0.5, 1, 0.6, 0.8]
    const { interval } = compare(
      speed.map(value => 300 * value),
      speed.map(value => 100 * value),
      'higher',
    )
    assert.ok(interval[0] > 2.999 && interval[1] < 3.001, `${interval}`)
  })

  it('widens with the spread of one side', () => {
    const narrow = compare([100, 101, 99, 100, 102], [50, 50, 50, 50, 50], 'higher').interval
    const wide = compare([60, 140, 100, 80, 120], [50, 50, 50, 50, 50], 'higher').interval
    assert.ok(wide[1] - wide[0] > 10 * (narrow[1] - narrow[0]))
  })

  it('prints the same interval for the same runs', () => {
    const runs: [number[], number[]] = [
      [5, 8, 6, 7, 9],
      [2, 3, 1, 2, 2],
    ]
    assert.deepEqual(compare(...runs, 'higher'), compare(...runs, 'higher'))
  })

  it('keeps the interval within the extreme ratios any choice of runs can give', () => {
    fc.assert(
      fc.property(pairs, runs => {
        const ours = runs.map(([value]) => value)
        const peer = runs.map(([, value]) => value)
        const { interval } = compare(ours, peer, 'higher')
        assert.ok(interval[0] <= interval[1])
        assert.ok(interval[0] >= (Math.min(...ours) / Math.max(...peer)) * (1 - 1e-9))
        assert.ok(interval[1] <= (Math.max(...ours) / Math.min(...peer)) * (1 + 1e-9))
      }),
      { numRuns: 25 },
    )
  })

  it('refuses sides with different numbers of runs', () => {
    assert.throws(() => compare([1, 2], [1], 'higher'), RangeError)
  })
})

describe('slope', () => {
  it('is that of a line through its points, and of the closest line through others', () => {
    assert.equal(
      slope([
        [0, 5],
        [1, 7],
        [4, 13],
      ]),
      2,
    )
    assert.equal(
      slope([
        [0, 0],
        [1, 3],
        [2, 0],
      ]),
      0,
    )
  })

  it('does not exist for fewer than two different points', () => {
    assert.throws(() => slope([]), RangeError)
    assert.throws(
      () =>
        slope([
          [3, 1],
          [3, 2],
        ]),
      RangeError,
    )
  })
})

describe('generator', () => {
  it('is uniform enough and the same for the same seed', () => {
    const random = generator(1)
    const again = generator(1)
    const counts = new Array<number>(10).fill(0)
    for (let draw = 0; draw < 100_000; draw++) {
      const value = random()
      assert.equal(value, again())
      counts[Math.floor(value * 10)]!++
    }
    assert.ok(Math.min(...counts) > 9_500 && Math.max(...counts) < 10_500, counts.join(' '))
  })
})
