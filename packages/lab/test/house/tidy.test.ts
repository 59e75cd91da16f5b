/** House rules a machine can read: what no tracked file may hold. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const ROOT = join(import.meta.dirname, '../../../..')
const LINES_MAX = 500
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' }).split('\n').filter(Boolean)
const sources = tracked.filter(file => /^packages\/[^/]+\/src\/.*\.ts$/.test(file))
const texts = tracked.filter(
  file => /\.(ts|go|js|md|json|sh|toml|yml)$|^\.ci\/run$/.test(file) && !/package-lock\.json$|go\.sum$/.test(file),
)
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

function linesMatching(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap(file =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  )
}

describe('tidiness', () => {
  it('sees the tree', () => {
    assert.ok(sources.length >= 60, `only ${sources.length} source files found`)
  })

  it(`keeps every source file within ${LINES_MAX} lines`, () => {
    assert.deepEqual(
      sources.filter(file => read(file).split('\n').length > LINES_MAX),
      [],
    )
  })

  it('keeps core free of clocks, timers, chance and Node', () => {
    const core = sources.filter(file => file.startsWith('packages/core/'))
    assert.deepEqual(
      linesMatching(core, /\bDate\.now\(|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(|\bperformance\.now\(|from 'node:/),
      [],
    )
  })

  it('has no left-overs', () => {
    const self = 'packages/lab/test/house/tidy.test.ts'
    assert.deepEqual(
      linesMatching(
        tracked.filter(file => /^(packages|interop)\/.*\.(ts|go)$/.test(file) && file !== self),
        /\bTODO\b|\bFIXME\b|\bXXX\b|not implemented|@ts-ignore|@ts-nocheck|\.only\(/,
      ),
      [],
    )
  })

  it('names no path of a machine', () => {
    assert.deepEqual(
      linesMatching(texts, /(^|[^A-Za-z0-9_.])\/(work|root)\//).filter(line => !line.includes('tidy.test.ts')),
      [],
    )
  })

  it('locks packages without registry addresses', () => {
    for (const file of tracked.filter(name => name.endsWith('package-lock.json'))) assert.doesNotMatch(read(file), /"resolved": "http/)
  })

  it('opens every source file with what it is for', () => {
    const silent = sources.filter(file => !file.endsWith('index.ts') && !/^(#!.*\n)?\/\*\*/.test(read(file)))
    assert.deepEqual(silent, [])
  })
})
