import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { loadKey } from '../../src/node/key.ts'
import { scratch } from '../scratch.ts'

test('made once, private, the same ever after, and nothing else is left behind', async t => {
  const directory = scratch(t)
  const path = join(directory, 'node.key')
  const first = await loadKey(path)
  assert.equal(first.type, 'Ed25519')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.ok((await loadKey(path)).equals(first))
  assert.deepEqual(readdirSync(directory), ['node.key'])
})

test('a key that others could read is made private', async t => {
  const path = join(scratch(t), 'node.key')
  await loadKey(path)
  chmodSync(path, 0o644)
  await loadKey(path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('any damaged byte, a missing or an additional one, is an error, and the file stays as it is', async t => {
  const path = join(scratch(t), 'node.key')
  await loadKey(path)
  const good = readFileSync(path)
  const damaged = [Buffer.alloc(0), Buffer.from('junk'), good.subarray(0, -1), Buffer.concat([good, Buffer.from([0])])]
  for (let i = 0; i < good.length; i++) {
    const bytes = Buffer.from(good)
    bytes[i] = (bytes[i] ?? 0) ^ 0x41
    damaged.push(bytes)
  }
  for (const bytes of damaged) {
    writeFileSync(path, bytes)
    await assert.rejects(loadKey(path), { exitCode: 1, message: /node\.key is corrupt.*left as it is/ })
    assert.deepEqual(readFileSync(path), bytes)
  }
})

test('a key of another type is refused', async t => {
  const path = join(scratch(t), 'node.key')
  writeFileSync(path, privateKeyToProtobuf(await generateKeyPair('secp256k1')))
  await assert.rejects(loadKey(path), { message: /secp256k1, not Ed25519/ })
})

test('what cannot be read or written says why', async t => {
  const directory = scratch(t)
  mkdirSync(join(directory, 'node.key'))
  await assert.rejects(loadKey(join(directory, 'node.key')), { code: 'ERR_SLUICE_STATE', message: /EISDIR/ })
  await assert.rejects(loadKey(join(directory, 'none', 'node.key')), {
    code: 'ERR_SLUICE_STATE',
    message: /Cannot write the node key.*ENOENT/,
  })
})
