/**
 * The walls of the house: who may import whom. dependency-cruiser reports "no violations" when it saw no modules at all, so the number it saw is asserted too,
 * and a planted violation must be found.
 */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'

const ROOT = join(import.meta.dirname, '../../../..')
const PACKAGES = ['core', 'runtime', 'libp2p', 'bitcoin', 'daemon', 'lab']

const wall = (name: string, from: string, to: string | string[]): IForbiddenRuleType => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to, pathNot: `${from}` },
})

const RULES: IForbiddenRuleType[] = [
  wall('core imports nothing', '^packages/core/src', ['^packages/(?!core/)', 'node_modules']),
  { name: 'core is pure: no Node builtins', severity: 'error', from: { path: '^packages/core/src' }, to: { dependencyTypes: ['core'] } },
  wall('runtime imports only core', '^packages/runtime/src', '^packages/(?!core/|runtime/)'),
  wall('libp2p imports only core', '^packages/libp2p/src', '^packages/(?!core/|libp2p/)'),
  wall('bitcoin imports only core', '^packages/bitcoin/src', '^packages/(?!core/|bitcoin/)'),
  wall('the daemon imports no lab', '^packages/daemon/src', '^packages/lab/'),
  { name: 'no cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
  { name: 'nothing unresolvable', severity: 'error', from: { path: '^packages/[^/]+/src' }, to: { couldNotResolve: true } },
]

async function cruiseHouse(root: string, packages: readonly string[]): Promise<ICruiseResult> {
  const { output } = await cruise(
    packages.map(name => `packages/${name}/src`),
    { baseDir: root, ruleSet: { forbidden: RULES }, validate: true, doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true },
    { conditionNames: ['@sluice/source', 'import', 'node', 'default'], exportsFields: ['exports'], extensions: ['.ts', '.js', '.json'] },
  )
  assert.ok(typeof output !== 'string')
  return output
}

/** Counted from the file system, so that a cruise which silently skips files is caught. */
function sourceFiles(): number {
  return PACKAGES.reduce(
    (sum, name) =>
      sum + readdirSync(join(ROOT, `packages/${name}/src`), { recursive: true }).filter(file => String(file).endsWith('.ts')).length,
    0,
  )
}

const PLANTED: readonly (readonly [string, string])[] = [
  ['packages/core/src/a.ts', "import { readFileSync } from 'node:fs'\nimport { b } from './b.ts'\nexport const a = [readFileSync, b]\n"],
  ['packages/core/src/b.ts', "import { a } from './a.ts'\nimport { r } from '../../runtime/src/r.ts'\nexport const b = [a, r]\n"],
  ['packages/runtime/src/r.ts', "import { gone } from './gone.ts'\nexport const r = gone\n"],
]

describe('walls', () => {
  it('hold in every source file', async () => {
    const result = await cruiseHouse(ROOT, PACKAGES)
    const seen = result.modules.filter(module => module.source.startsWith('packages/')).length
    assert.ok(seen >= sourceFiles(), `saw ${seen} modules of ${sourceFiles()}`)
    assert.deepEqual(
      result.summary.violations.map(violation => `${violation.rule.name}: ${violation.from} -> ${violation.to}`),
      [],
    )
  })

  it('are really tested: planted imports are found', async t => {
    const root = mkdtempSync(join(tmpdir(), 'walls-'))
    t.after(() => rmSync(root, { recursive: true }))
    for (const [file, text] of PLANTED) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    const { summary } = await cruiseHouse(root, ['core', 'runtime'])
    const broken = summary.violations.map(violation => violation.rule.name)
    for (const rule of ['core imports nothing', 'core is pure: no Node builtins', 'no cycles', 'nothing unresolvable']) {
      assert.ok(broken.includes(rule), `${rule} not among ${broken}`)
    }
  })
})
