import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cryptoRandom, seededRandom } from '@sluice/runtime'

const draw = (random: () => number, n: number): number[] => Array.from({ length: n }, random)

test('the same seed gives the same sequence, another seed another', () => {
  assert.deepEqual(draw(seededRandom(42), 100), draw(seededRandom(42), 100))
  assert.notDeepEqual(draw(seededRandom(42), 100), draw(seededRandom(43), 100))
  assert.notDeepEqual(draw(seededRandom(1), 100), draw(seededRandom(2 ** 32 + 1), 100), 'the upper bits of the seed count')
})

test('the sequence of a seed is fixed: recordings of older versions must replay', () => {
  assert.deepEqual(draw(seededRandom(7), 3), [0.7639178056597171, 0.8553482181292648, 0.52842216481275])
})

for (const [name, random] of [['seeded', seededRandom(3)] as const, ['crypto', cryptoRandom()] as const]) {
  test(`${name} numbers lie in [0, 1) and fill it evenly`, () => {
    const bins = new Array<number>(16).fill(0)
    for (const value of draw(random, 32_000)) {
      assert.ok(value >= 0 && value < 1)
      const bin = Math.floor(value * 16)
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    // 2000 expected a bin, standard deviation 43: nine of them make a false alarm rarer than a broken machine.
    for (const count of bins) assert.ok(Math.abs(count - 2000) < 400, `bins ${bins.join(' ')}`)
  })
}

test('a seed that is not an integer of 53 bits is misuse', () => {
  for (const seed of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    assert.throws(() => seededRandom(seed), { code: 'ERR_SLUICE_MISUSE' })
})
