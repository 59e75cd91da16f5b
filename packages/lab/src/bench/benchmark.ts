/**
 * What a benchmark is: a name, its cases, and how to run them.
 */

import type { BenchReport } from './report.ts'

export interface BenchmarkOptions {
  /** Alternating runs per case, at least 1. */
  readonly runs: number
  /** The cases to run, a part of `Benchmark.cases`, in that order. */
  readonly cases: readonly string[]
  /** Tells a person how far it is. */
  readonly progress: (text: string) => void
}

export interface Benchmark {
  readonly name: string
  readonly summary: string
  readonly cases: readonly string[]
  /** Alternating runs per case when nobody says otherwise. */
  readonly runs: number
  run(options: BenchmarkOptions): Promise<Pick<BenchReport, 'cases' | 'skipped'>>
}

/** Both orders in turn, so that neither side always runs on what the other left behind: 0 and 1, then 1 and 0, … */
export function alternate<T>(sides: readonly T[], run: number): readonly T[] {
  return run % 2 === 0 ? sides : [...sides].reverse()
}
