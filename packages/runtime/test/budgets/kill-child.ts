/**
 * A process to be killed: sends as fast as it can and writes down every byte the moment it is sent, in a file that outlives it as the page cache does.
 * Arguments: database, journal, seed.
 */

import { openSync, writeSync } from 'node:fs'
import { Ledger, PrincipalTable, parseAddress, Transfer } from '@sluice/core'
import { openBudgetStore, seededRandom } from '@sluice/runtime'
import { BUDGETS, CHUNK, IPS, TRANSFER_MAX } from './kill-setup.ts'

const [path = '', journal = '', seed = '0'] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const clock = { now: () => Date.now() }
const table = new PrincipalTable({ rowsMax: 100 })
const isImmediate = Number(seed) % 2 === 0
const ledger = new Ledger({ table, clock, budgets: BUDGETS, leaseBytesMax: CHUNK, store: openBudgetStore({ path, clock, isImmediate }) })
const accounts = IPS.map((ip, i) => {
  const address = parseAddress(ip)
  if (!address.ok) throw new Error('an address of the setup does not parse')
  return ledger.open(table.place(address), `peer-${i}`)
})
const transfers = accounts.map(account => new Transfer(account))
const out = openSync(journal, 'a')
process.stdout.write('ready\n')

for (let round = 0; ; round++) {
  const who = Math.floor(random() * IPS.length)
  const transfer = transfers[who]
  if (transfer === undefined) break
  const guess = 1 + Math.floor(random() * (TRANSFER_MAX / 2))
  const more = Math.floor(random() * (TRANSFER_MAX / 2))
  if (ledger.reserve(transfer, guess) === undefined && ledger.reserve(transfer, more) === undefined) {
    const sent = Math.floor(random() * (guess + more + 1))
    // Sent in two pieces, so that a kill falls between them too.
    const first = Math.floor(sent / 2)
    writeSync(out, `${who} ${first}\n`)
    ledger.sent(transfer, first)
    writeSync(out, `${who} ${sent - first}\n`)
    ledger.settle(transfer, sent - first)
  } else ledger.release(transfer)
  if (round % 16 === 0) ledger.advance()
}
