/** A directory per test, removed afterwards. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-runtime-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
