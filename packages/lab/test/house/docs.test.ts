/** Every TypeScript example of the documentation compiles against the sources. */

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'

const ROOT = join(import.meta.dirname, '../../../..')

interface Example {
  readonly from: string
  readonly code: string
}

/** Fenced blocks marked `ts`; a block marked `ts ignore` is an excerpt of a signature, not an example. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(match => ({
    from: `${file}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1] ?? '',
  }))
}

it('compiles every example of the docs', t => {
  const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)
  const examples = pages.flatMap(examplesOf)
  assert.ok(examples.length >= 2, `found only ${examples.length} examples`)
  mkdirSync(join(ROOT, 'packages/lab/results'), { recursive: true })
  const directory = mkdtempSync(join(ROOT, 'packages/lab/results/examples-'))
  t.after(() => rmSync(directory, { recursive: true }))
  for (const [index, example] of examples.entries()) {
    writeFileSync(join(directory, `example-${index}.ts`), `// ${example.from}\n${example.code}\nexport {}\n`)
  }
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../tsconfig.test.json',
      compilerOptions: { noUnusedLocals: false, lib: ['es2024', 'esnext.disposable', 'dom'] },
      include: ['*.ts'],
    }),
  )
  const run = spawnSync(process.execPath, [join(ROOT, 'node_modules/.bin/tsc'), '-p', directory], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stdout + run.stderr + examples.map((example, index) => `example-${index}: ${example.from}`).join('\n'))
})
