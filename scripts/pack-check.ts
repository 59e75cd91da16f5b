/**
 * Packs every public package as it would be published, checks the tarballs with publint and attw, installs them into an empty project and imports each.
 * Needs `npm run build` first. Exits 1 on the first package that fails.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

function publicPackages(): readonly { readonly directory: string; readonly manifest: Manifest }[] {
  return readdirSync(join(ROOT, 'packages'))
    .map(name => join(ROOT, 'packages', name))
    .map(directory => ({ directory, manifest: JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest }))
    .filter(({ manifest }) => manifest.private !== true)
}

function check(directory: string, tarball: string): void {
  run(join(ROOT, 'node_modules/.bin/publint'), ['--strict', tarball], directory)
  run(join(ROOT, 'node_modules/.bin/attw'), ['--profile', 'esm-only', tarball], directory)
}

function main(): void {
  const work = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
  try {
    const packages = publicPackages()
    const tarballs = packages.map(({ directory, manifest }) => {
      const packed = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', work], directory)) as readonly {
        readonly filename: string
      }[]
      const tarball = join(work, packed[0]?.filename ?? '')
      check(directory, tarball)
      console.log(`ok ${manifest.name}: publint and attw`)
      return tarball
    })
    installAndImport(
      work,
      packages.map(({ manifest }) => manifest),
      tarballs,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function installAndImport(work: string, manifests: readonly Manifest[], tarballs: readonly string[]): void {
  writeFileSync(join(work, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  run('npm', ['install', '--no-audit', '--no-fund', ...tarballs], work)
  for (const { name, exports = {} } of manifests) {
    for (const subpath of Object.keys(exports)) {
      const specifier = name + subpath.slice(1)
      run(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `const m = await import('${specifier}'); if (Object.keys(m).length === 0) throw new Error('${specifier} exports nothing')`,
        ],
        work,
      )
      console.log(`ok ${specifier}: installs into an empty project and imports`)
    }
  }
}

main()
