import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { AuditLog, BanStore, openState, STATE_FORMAT } from '@sluice/runtime'
import { MIGRATIONS } from '../../src/state/schema.ts'
import { scratch } from '../scratch.ts'

const clock = { now: () => Date.UTC(2026, 10, 20, 12, 0, 0) }
const ban = (target: string, untilMs = Number.POSITIVE_INFINITY) => ({ target, createdMs: 1, untilMs, reason: 'test' })

test('a new database is private, in WAL mode, and keeps bans and audit rows over a restart', t => {
  const path = join(scratch(t), 'sluice.db')
  const first = openState({ path, clock })
  assert.equal(first.formatBefore, undefined)
  first.bans.put(ban('192.0.2.0/24'))
  first.bans.put(ban('12D3KooW', 5000))
  first.audit.append({ atMs: 7, who: 'admin.sock (alice)', action: 'ban', detail: { target: '192.0.2.0/24' } })
  for (const file of ['', '-wal', '-shm']) assert.equal(statSync(path + file).mode & 0o077, 0, `${file} is private`)
  first.close()
  first.close()
  using second = openState({ path, clock })
  assert.equal(second.formatBefore, STATE_FORMAT)
  assert.deepEqual(second.bans.load(0), [ban('12D3KooW', 5000), ban('192.0.2.0/24')])
  assert.deepEqual(second.bans.load(5000), [ban('192.0.2.0/24')], 'a ban is over at its end')
  assert.deepEqual(second.audit.newest(), [
    { id: 1, atMs: 7, who: 'admin.sock (alice)', action: 'ban', detail: { target: '192.0.2.0/24' } },
  ])
  assert.equal(second.bans.delete('192.0.2.0/24'), true)
  assert.equal(second.bans.delete('192.0.2.0/24'), false)
})

test('text from outside stays text', t => {
  using state = openState({ path: join(scratch(t), 'sluice.db'), clock })
  const nasty = `x'); DROP TABLE bans; --\u0000"`
  state.bans.put({ ...ban('a'), reason: nasty.replace('\u0000', '') })
  assert.equal(state.bans.load(0)[0]?.reason, nasty.replace('\u0000', ''))
})

test('bans and audit rows are bounded: the ban that ends first goes, and the oldest row', () => {
  using database = new DatabaseSync(':memory:')
  for (const step of MIGRATIONS) database.exec(step)
  const bans = new BanStore(database, 3)
  for (const [target, untilMs] of [
    ['a', 300],
    ['b', Number.POSITIVE_INFINITY],
    ['c', 100],
    ['d', 200],
  ] as const)
    bans.put(ban(target, untilMs))
  assert.deepEqual(
    bans.load(0).map(row => row.target),
    ['a', 'b', 'd'],
  )
  const audit = new AuditLog(database, 3)
  for (let i = 1; i <= 5; i++) audit.append({ atMs: i, who: 'w', action: 'a', detail: {} })
  assert.deepEqual(
    audit.newest().map(row => row.id),
    [5, 4, 3],
  )
  audit.append({ atMs: 40 * 24 * 3600 * 1000, who: 'w', action: 'a', detail: {} })
  assert.deepEqual(
    audit.newest().map(row => row.id),
    [6],
    'rows past the retention go',
  )
})

test('an older format is migrated and keeps its rows', t => {
  const path = join(scratch(t), 'sluice.db')
  const old = new DatabaseSync(path)
  old.exec(
    `${MIGRATIONS[0]}; PRAGMA application_id = ${0x534c5549}; PRAGMA user_version = 1; INSERT INTO bans VALUES ('a', 1, NULL, 'old')`,
  )
  old.close()
  using state = openState({ path, clock })
  assert.equal(state.formatBefore, 1)
  assert.deepEqual(
    state.bans.load(0).map(row => row.reason),
    ['old'],
  )
  state.audit.append({ atMs: 1, who: 'w', action: 'a', detail: {} })
})

test('a newer format and a foreign database are refused and left as they are, with recover too', t => {
  const directory = scratch(t)
  for (const [name, pragma, problem] of [
    ['newer', `application_id = ${0x534c5549}; PRAGMA user_version = ${STATE_FORMAT + 1}`, 'newer'],
    ['foreign', 'user_version = 1', 'foreign'],
  ] as const) {
    const path = join(directory, name)
    const database = new DatabaseSync(path)
    database.exec(`CREATE TABLE t (x); PRAGMA ${pragma}`)
    database.close()
    const before = readFileSync(path)
    for (const recover of [false, true]) {
      assert.throws(
        () => openState({ path, clock, recover }),
        error => {
          assert.ok(error instanceof Error && 'metadata' in error)
          assert.equal((error.metadata as { problem?: string }).problem, problem)
          return true
        },
      )
    }
    assert.deepEqual(readFileSync(path), before)
  }
})

/** Three ways to break a file: no database at all, cut short, a page overwritten. */
const BREAKAGES: Readonly<Record<string, (path: string) => void>> = {
  junk: path => writeFileSync(path, 'this is not a database, but long enough to look like one'.repeat(100)),
  truncated: path => truncateSync(path, 5000),
  'overwritten page': path => {
    const bytes = readFileSync(path)
    bytes.fill(0xff, 4096, 8192)
    writeFileSync(path, bytes)
  },
}

for (const [name, damage] of Object.entries(BREAKAGES)) {
  test(`a corrupt database (${name}) is refused untouched; with recover it is set aside whole, never deleted`, t => {
    const directory = scratch(t)
    const path = join(directory, 'sluice.db')
    const state = openState({ path, clock })
    state.bans.put(ban('a'))
    state.close()
    damage(path)
    const broken = readFileSync(path)
    assert.throws(() => openState({ path, clock }), { code: 'ERR_SLUICE_STATE', message: /corrupt.*--recover/s })
    assert.deepEqual(readFileSync(path), broken)
    for (let round = 1; round <= 2; round++) {
      writeFileSync(path, broken)
      using fresh = openState({ path, clock, recover: true })
      assert.deepEqual(fresh.bans.load(0), [], 'nothing of it is trusted')
      assert.match(fresh.setAside ?? '', round === 1 ? /\.corrupt-20261120T120000Z$/ : /\.corrupt-20261120T120000Z-2$/)
      assert.deepEqual(readFileSync(fresh.setAside ?? ''), broken)
    }
  })
}

test('the write-ahead log of a corrupt database is left alone too, and goes with it', t => {
  const path = join(scratch(t), 'sluice.db')
  writeFileSync(path, 'junk')
  writeFileSync(`${path}-wal`, 'what was written last')
  assert.throws(() => openState({ path, clock }), { message: /corrupt/ })
  assert.equal(readFileSync(`${path}-wal`, 'utf8'), 'what was written last')
  using fresh = openState({ path, clock, recover: true })
  assert.deepEqual(fresh.bans.load(0), [])
  assert.equal(readFileSync(`${fresh.setAside}-wal`, 'utf8'), 'what was written last')
})

test('rows that only the write-ahead log has are not lost by opening', t => {
  const directory = scratch(t)
  const state = openState({ path: join(directory, 'sluice.db'), clock })
  state.bans.put(ban('a'))
  for (const suffix of ['', '-wal']) copyFileSync(join(directory, `sluice.db${suffix}`), join(directory, `killed.db${suffix}`))
  state.close()
  using killed = openState({ path: join(directory, 'killed.db'), clock })
  assert.deepEqual(killed.bans.load(0), [ban('a')])
})

test('what cannot be opened says why', t => {
  const directory = scratch(t)
  mkdirSync(join(directory, 'folder'))
  writeFileSync(join(directory, 'file'), '')
  assert.throws(() => openState({ path: join(directory, 'folder'), clock }), { code: 'ERR_SLUICE_STATE', message: /EISDIR/ })
  assert.throws(() => openState({ path: join(directory, 'file', 'sluice.db'), clock }), { code: 'ERR_SLUICE_STATE', message: /ENOTDIR/ })
  assert.throws(() => openState({ path: join(directory, 'none', 'sluice.db'), clock }), { code: 'ERR_SLUICE_STATE', message: /ENOENT/ })
  assert.deepEqual(readdirSync(directory).sort(), ['file', 'folder'])
})
