/** Versions of what is running. */

import { readFileSync } from 'node:fs'
import { version as libp2pVersion } from 'libp2p/version'

export interface Versions {
  readonly sluice: string
  readonly libp2p: string
  readonly node: string
}

export function versions(): Versions {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return { sluice: version, libp2p: libp2pVersion, node: process.versions.node }
}
