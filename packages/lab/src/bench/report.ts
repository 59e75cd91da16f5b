/**
 * What every benchmark prints: one JSON shape, and the same as a table for people.
 */

import { arch, cpus, platform, release, totalmem } from 'node:os'
import { type Better, compare } from './statistics.ts'

/** One comparison of ours with one peer. A case compared with two peers is two entries with the same `case`. */
export interface CaseReport {
  readonly case: string
  /** Of `ours` and `peer`, e.g. `cycles/s`, `CPU-seconds/GiB`. */
  readonly unit: string
  readonly better: Better
  /** Medians of the alternating runs. */
  readonly ours: number
  readonly peer: number
  readonly peerName: string
  /** How many times better ours is than the peer whatever the unit; 1 is equal. */
  readonly ratio: number
  /** 95 % bootstrap interval of the ratio. */
  readonly interval: readonly [number, number]
  /** The runs behind the medians, in order. */
  readonly spread: { readonly ours: readonly number[]; readonly peer: readonly number[] }
}

export interface BenchReport {
  readonly name: string
  /** The machine it ran on, in words. */
  readonly machine: string
  /** Alternating runs per case. */
  readonly runs: number
  readonly cases: readonly CaseReport[]
  /** What was left out and why, e.g. a missing toolchain. Absent when nothing was. */
  readonly skipped?: readonly string[]
}

export interface Measured {
  readonly case: string
  readonly unit: string
  readonly better: Better
  readonly peerName: string
  readonly ours: readonly number[]
  readonly peer: readonly number[]
  /** For counts that may be 0. @default false */
  readonly canBeZero?: boolean
}

/** Medians, ratio and interval of one comparison. */
export function caseReport(measured: Measured): CaseReport {
  const { ours, peer, better } = measured
  const comparison = compare(ours, peer, better, measured.canBeZero ?? false)
  return { case: measured.case, unit: measured.unit, better, ...comparison, peerName: measured.peerName, spread: { ours, peer } }
}

/** Processor, cores, memory, system and Node.js, e.g. `2 x AMD EPYC 7B13, 8 GB, linux 6.1.0 x64, node 24.21.0`. */
export function machineName(): string {
  const processors = cpus()
  const model = processors[0]?.model.trim() || 'unknown processor'
  return `${processors.length} x ${model}, ${Math.round(totalmem() / 1e9)} GB, ${platform()} ${release()} ${arch()}, node ${process.versions.node}`
}

/** Significant digits without an exponent: `1234567`, `12.3`, `0.0123`. */
export function figure(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 6)).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',')
}

/** The report as an aligned table: medians with the lowest and highest run, ratio with its interval. */
export function table(report: BenchReport): string {
  const head = ['case', 'unit', 'ours (lowest to highest)', 'peer', 'peer’s (lowest to highest)', 'ratio [95 %]']
  const rows = report.cases.map(entry => [
    entry.case,
    `${entry.unit}, ${entry.better} is better`,
    spreadText(entry.ours, entry.spread.ours),
    entry.peerName,
    spreadText(entry.peer, entry.spread.peer),
    `${entry.ratio.toFixed(2)} [${entry.interval[0].toFixed(2)}, ${entry.interval[1].toFixed(2)}]`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  return [
    `${report.name}: ${report.runs} alternating runs on ${report.machine}`,
    'ratio: how many times better ours is than the peer; 1 is equal',
    '',
    ...[head, widths.map(width => '-'.repeat(width)), ...rows].map(line),
    ...(report.skipped ?? []).map(text => `SKIPPED: ${text}`),
  ].join('\n')
}

function spreadText(middle: number, runs: readonly number[]): string {
  return `${figure(middle)} (${figure(Math.min(...runs))} to ${figure(Math.max(...runs))})`
}
