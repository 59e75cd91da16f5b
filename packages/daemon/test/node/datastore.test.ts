import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatastore } from '../../src/node/datastore.ts'
import { scratch } from '../scratch.ts'

test('a damaged datastore is refused and left; with recover it is set aside whole', async t => {
  const path = join(scratch(t), 'datastore')
  await (await openDatastore(path, false, 0)).datastore.close()
  const manifest = readdirSync(path).find(name => name.startsWith('MANIFEST')) ?? ''
  writeFileSync(join(path, manifest), 'junk')
  await assert.rejects(openDatastore(path, false, 0), { exitCode: 1, message: /Cannot open the datastore .*--recover/ })
  assert.equal(readFileSync(join(path, manifest), 'utf8'), 'junk')
  const { datastore, setAside } = await openDatastore(path, true, 0)
  await datastore.close()
  assert.equal(readFileSync(join(setAside ?? '', manifest), 'utf8'), 'junk')
})

test('a file in its place is refused and left', async t => {
  const path = join(scratch(t), 'datastore')
  writeFileSync(path, 'mine')
  await assert.rejects(openDatastore(path, false, 0), { exitCode: 1, message: /datastore/ })
  assert.ok(existsSync(path))
  assert.equal(readFileSync(path, 'utf8'), 'mine')
})
