/** A directory per test, removed afterwards; short, because unix sockets live in it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-d-'))
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}
