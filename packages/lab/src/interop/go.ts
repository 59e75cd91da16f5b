/**
 * Finds and builds the Go programs of `interop/go`. Where there is no Go toolchain, what needs them is skipped loudly; never where `CI=true`.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const GO_DIRECTORY = new URL('../../../../interop/go/', import.meta.url)

/** A first build compiles go-libp2p with all it needs. */
const BUILD_TIMEOUT_MS = 600_000

export type GoProgram = { readonly path: string } | { readonly missing: string }

/**
 * Path of `rcmgrbench` or `host`, built from the sources as they are.
 * `missing` says why it cannot be had. Throws when the build fails, and where `CI=true` when there is no toolchain.
 */
export async function goProgram(name: 'rcmgrbench' | 'host'): Promise<GoProgram> {
  const build = fileURLToPath(new URL('build.sh', GO_DIRECTORY))
  const { stderr } = await promisify(execFile)('sh', [build], { timeout: BUILD_TIMEOUT_MS }).catch((error: Error & { stderr?: string }) => {
    throw new Error(`interop/go/build.sh failed: ${error.stderr?.trim() || error.message}`, { cause: error })
  })
  const path = fileURLToPath(new URL(`bin/${name}`, GO_DIRECTORY))
  if (stderr.includes('SKIPPED')) return { missing: stderr.trim() }
  if (!existsSync(path)) throw new Error(`interop/go/build.sh built no ${name}`)
  return { path }
}
