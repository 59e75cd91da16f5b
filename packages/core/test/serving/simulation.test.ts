/**
 * The attacks of the seed beside honest clients, for days: who gets what share, who waits how long, what is named.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Group, type Row, type SimulationResult, simulate } from './simulation.ts'

const DAY_MS = 86_400_000
const CHAIN = 1.5e9

/** Addresses of a group: prefixes from 10.B.0.0/24 on. @param perPrefix clients of one prefix, @param perIp of one IP */
function spread(block: number, perPrefix = 1, perIp = 1): Group['at'] {
  return client => {
    const prefix = Math.floor(client / perPrefix)
    const base = `10.${block + (prefix >> 8)}.${prefix & 255}`
    return { prefix: `${base}.0/24`, ip: `${base}.${Math.floor((client % perPrefix) / perIp)}` }
  }
}

const DAYS = 3
const honest: readonly Group[] = [
  { name: 'newcomer', behaviour: 'sync', clients: 80, at: spread(0), bytes: CHAIN, overMs: 1.5 * DAY_MS },
  { name: 'returning', behaviour: 'sync', clients: 40, at: spread(10), bytes: 50e6, overMs: 2.5 * DAY_MS },
  { name: 'nat of ten', behaviour: 'sync', clients: 10, at: spread(20, 10, 10), bytes: CHAIN / 5, overMs: DAY_MS / 24 },
]
const attacks: readonly Group[] = [
  { name: 'single-ip', behaviour: 'leech', clients: 50, at: spread(30, 50, 50), bytes: CHAIN, overMs: 60_000 },
  { name: 'subnet', behaviour: 'leech', clients: 60, at: spread(40, 60), bytes: CHAIN, overMs: 60_000 },
  { name: 'rapid-reconnection', behaviour: 'reconnect', clients: 1, at: spread(50), bytes: CHAIN, overMs: 60_000 },
  { name: 'distributed', behaviour: 'leech', clients: 50, at: spread(60), bytes: CHAIN, overMs: 60_000 },
  { name: 'slow', behaviour: 'slow', clients: 9, at: spread(70), bytes: CHAIN, overMs: 60_000 },
]
const setting = {
  seed: Number(process.env.SLUICE_SEED ?? 20_261_120),
  days: DAYS,
  uplinkBytesPerSecond: 4e6,
  // The seed's proportions (10 and 50 per peer, 20 and 100 per IP, 100 and 500 per prefix), a twentieth of its gigabytes for a chain a fifth the size of a day's uplink share.
  budgets: { peer: [0.5e9, 2.5e9], ip: [1e9, 5e9], prefix: [5e9, 25e9] },
} as const

function row(result: SimulationResult, name: string): Row {
  const found = result.rows.find(row => row.name === name)
  assert.ok(found !== undefined)
  return found
}

test('300 clients over three days: honest syncs finish, attacks are held to their turns and budgets, and named', t => {
  t.diagnostic(`seed ${setting.seed}`)
  const result = simulate({ ...setting, groups: [...honest, ...attacks] })
  for (const { name, clients, sharePercent, finished, medianHours, meanWaitSeconds, maxWaitSeconds, refused } of result.rows)
    t.diagnostic(
      `${name} x${clients}: ${sharePercent.toFixed(1)} %, finished ${finished} in ${medianHours.toFixed(1)} h, waits ${meanWaitSeconds.toFixed(1)} s, at most ${maxWaitSeconds.toFixed(1)} s, refused ${JSON.stringify(refused)}`,
    )
  t.diagnostic(
    `${JSON.stringify(result.named)} ${(result.sentBytes / 1e9).toFixed(0)} GB, ${result.advances} advances, ${result.sessionsMax} sessions`,
  )

  for (const { name, clients } of honest) assert.equal(row(result, name).finished, clients, name)
  for (const { name, maxWaitSeconds } of result.rows) assert.ok(maxWaitSeconds <= 120, name)

  // A newcomer shares with the prefixes of the attacks, the NAT, and such newcomers as there are at once (a fifth of them, at most).
  const hungry = 50 + 1 + 1 + 1 + 9 + 1 + 80 / 5
  const fairHours = (CHAIN * (hungry + 1)) / setting.uplinkBytesPerSecond / 3600
  assert.ok(row(result, 'newcomer').medianHours <= 1.25 * fairHours, `${fairHours}`)
  assert.ok(
    (row(result, 'newcomer').refused['late serving.queue'] ?? 0) <= 0.01 * row(result, 'newcomer').turns,
    'promises to newcomers are kept',
  )

  // Three days of the simulation touch four of the clock.
  const bytes = (name: string): number => (row(result, name).sharePercent * result.sentBytes) / 100
  assert.ok(bytes('single-ip') <= 4 * setting.budgets.ip[1] + 50e6)
  assert.ok(bytes('subnet') <= 4 * setting.budgets.prefix[1] + 50e6)
  assert.ok(bytes('rapid-reconnection') <= 4 * setting.budgets.ip[1] + 50e6)
  assert.ok(row(result, 'slow').sharePercent < 1)
  assert.ok(row(result, 'distributed').sharePercent / 50 < 2, 'no prefix of the fifty has more than its share')
  const named = ['distributed node', 'rapid-reconnection 10.50.0.0', 'single-ip 10.30.0.0', 'subnet 10.40.0.0/24']
  for (const subject of named) assert.ok(result.subjects.includes(subject), subject)
  const others = result.subjects.filter(subject => !named.includes(subject))
  // Many names of one IP in ten minutes are both patterns at once.
  assert.deepEqual(
    others.filter(subject => subject !== 'single-ip 10.50.0.0'),
    [],
    'nobody honest is named',
  )
})

test('without attackers nobody is refused for long, and nothing is named', () => {
  const result = simulate({ ...setting, groups: honest })
  assert.deepEqual(result.named, {})
  for (const { name, clients, finished } of result.rows) assert.equal(finished, clients, name)
  assert.ok(row(result, 'newcomer').medianHours < 2)
})

test('who reconnects under new names has four sessions an hour, on an idle node with budgets without end', () => {
  const groups = attacks.filter(({ behaviour }) => behaviour === 'reconnect')
  const endless = [1e15, 1e15] as const
  const result = simulate({ ...setting, days: 1, groups, budgets: { peer: endless, ip: endless, prefix: endless } })
  const sessionBytes = (90 + 20) * (setting.uplinkBytesPerSecond / 3)
  assert.ok(result.sentBytes > 0 && result.sentBytes <= 24 * 4 * sessionBytes, `${result.sentBytes}`)
  assert.deepEqual(Object.keys(result.named), ['rapid-reconnection'])
})

test('same seed, same result', () => {
  const small = { ...setting, days: 0.2, groups: [...honest, ...attacks] }
  assert.deepEqual(simulate(small), simulate(small))
  assert.notDeepEqual(simulate(small).rows, simulate({ ...small, seed: small.seed + 1 }).rows)
})
