/**
 * The check with Helia: two Helia nodes in processes of their own, one wrapped in `protect`, one plain, on loopback, and a file over bitswap each way.
 *
 * Helia is heavy and stays out of the workspace: `interop/helia` has a lockfile of its own, installed here with `npm ci` (without install scripts) when missing.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Check, movedText, step } from './check.ts'
import { nodeCommand, PeerProcess } from './lines.ts'

const DIRECTORY = new URL('../../../../interop/helia/', import.meta.url)

const INSTALL_TIMEOUT_MS = 600_000

type Moved = { readonly bytes: number; readonly seconds: number }

/** Installs Helia when it is missing. Returns why it cannot be had; throws instead where `CI=true`. */
async function install(): Promise<string | undefined> {
  if (existsSync(new URL('node_modules/helia/package.json', DIRECTORY))) return undefined
  process.stderr.write('interop: installing Helia\n')
  try {
    const options = { cwd: fileURLToPath(DIRECTORY), timeout: INSTALL_TIMEOUT_MS }
    await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-workspaces', '--no-audit', '--no-fund'], options)
    return undefined
  } catch (error) {
    if (process.env.CI === 'true') throw error
    return `Helia could not be installed: ${error instanceof Error ? error.message : String(error)}`
  }
}

export const heliaCheck: Check = {
  name: 'helia',
  summary: 'Helia wrapped in protect and a plain one: a file over bitswap each way',
  async *run({ policy, bulkBytes }) {
    const missing = await install()
    if (missing !== undefined) return missing
    const command = nodeCommand(new URL('node.js', DIRECTORY))
    await using ours = new PeerProcess(command)
    await using theirs = new PeerProcess(command)
    const name = policy === undefined ? 'plain Helia' : 'protected Helia'
    const us = await ours.request<{ addresses: string[] }>({ command: 'listen', policy })
    await theirs.request({ command: 'listen' })
    const connected = await step(`Helia dials ${name}`, async () => {
      await theirs.request({ command: 'connect', address: us.addresses[0] })
      return us.addresses[0]!.replace(/\/p2p\/.*/, '')
    })
    yield connected
    if (!connected.ok) return undefined
    for (const [from, to, text, salt] of [
      [ours, theirs, `Helia fetches from ${name} over bitswap`, 1],
      [theirs, ours, `${name} fetches from Helia over bitswap`, 2],
    ] as const) {
      yield await step(text, async () => {
        const { cid } = await from.request<{ cid: string }>({ command: 'add', bytes: bulkBytes, salt })
        return movedText(await to.request<Moved>({ command: 'fetch', cid, bytes: bulkBytes, salt }))
      })
    }
    return undefined
  },
}
