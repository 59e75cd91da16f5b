/**
 * Property 6 on a real process: killed with SIGKILL at random instants, again and again on the same file. What was sent is never forgiven, and no principal is charged more than one lease chunk beyond it.
 * `SLUICE_KILLS=200` for the full run; the seed is printed, `SLUICE_SEED` runs it again.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ledger, PrincipalTable, parseAddress } from '@sluice/core'
import { openBudgetStore, seededRandom } from '@sluice/runtime'
import { scratch } from '../scratch.ts'
import { BUDGETS, CHUNK, IPS } from './kill-setup.ts'

const KILLS = Number(process.env.SLUICE_KILLS ?? 20)
/** Most of these fall into the sending, some before the process is up. */
const DELAY_MAX_MS = 60

/** What each principal has used in each window, by the file alone. Nothing is saved. */
function read(path: string): Map<string, number> {
  const clock = { now: () => Date.now() }
  const table = new PrincipalTable({ rowsMax: 100 })
  const store = openBudgetStore({ path, clock })
  const ledger = new Ledger({ table, clock, budgets: BUDGETS, store })
  assert.equal(ledger.report?.setAside, undefined)
  assert.equal(ledger.report?.damaged, 0)
  const used = new Map<string, number>()
  for (let row = 0; row < table.rowsMax; row++) {
    if (table.isLive(row)) for (const { window, usedBytes } of ledger.view(row)) used.set(`${table.name(row)} ${window}`, usedBytes)
  }
  store.close()
  return used
}

/** Principal and window of everybody an address's bytes are charged to. */
function charged(who: number): string[] {
  const table = new PrincipalTable({ rowsMax: 100 })
  const address = parseAddress(IPS[who] ?? '')
  assert.ok(address.ok)
  const keys = [`peer-${who} hour`, `peer-${who} day`]
  const ip = table.place(address)
  for (let row = ip; row >= 0; row = table.parent(row)) {
    const name = table.name(row)
    if (row === ip) keys.push(`${name} hour`, `${name} day`)
    else if (/\/(24|48)$/.test(name)) keys.push(`${name} day`)
    else if (row === 0) keys.push('node day', 'node month')
  }
  return keys
}

function sentBy(journal: string): Map<string, number> {
  const sent = new Map<string, number>()
  for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) {
    const [who = '', bytes = ''] = line.split(' ')
    for (const key of charged(Number(who))) sent.set(key, (sent.get(key) ?? 0) + Number(bytes))
  }
  return sent
}

async function runAndKill(args: readonly string[], delayMs: number, waitsForReady: boolean): Promise<void> {
  const child = spawn(process.execPath, ['--conditions=@sluice/source', join(import.meta.dirname, 'kill-child.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  if (waitsForReady) await Promise.race([once(child.stdout, 'data'), gone])
  await sleep(delayMs)
  child.kill('SIGKILL')
  const [code, signal] = await gone
  assert.deepEqual([code, signal], [null, 'SIGKILL'], 'the process died by our hand')
}

test(`a process killed ${KILLS} times forgives nothing and over-counts by at most one chunk each time`, async t => {
  const given = process.env.SLUICE_SEED
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const directory = scratch(t)
  const path = join(directory, 'budgets.db')
  const journal = join(directory, 'journal')
  let before = read(path)
  let total = 0
  let worst = 0
  for (let kill = 0; kill < KILLS; kill++) {
    writeFileSync(journal, '')
    await runAndKill([path, journal, String(seed + kill)], random() * DELAY_MAX_MS, kill % 5 !== 4)
    const after = read(path)
    const sent = sentBy(journal)
    for (const key of new Set([...before.keys(), ...sent.keys()])) {
      const least = (before.get(key) ?? 0) + (sent.get(key) ?? 0)
      const over = (after.get(key) ?? 0) - least
      assert.ok(over >= 0, `kill ${kill}: ${key}: ${-over} bytes forgiven`)
      assert.ok(over <= CHUNK, `kill ${kill}: ${key}: over-counted by ${over}`)
      worst = Math.max(worst, over)
    }
    total += sent.get('node day') ?? 0
    before = after
  }
  t.diagnostic(`${total} bytes sent, over-count of a principal and window at most ${worst} bytes of a chunk of ${CHUNK}`)
  assert.ok(total > 0, 'something was sent between the kills')
})
