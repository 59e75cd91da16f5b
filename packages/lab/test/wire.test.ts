/** Frames written by hand, read back by js-libp2p's own decoder rules and against the bytes of the specifications. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DATA, dataFrame, frame, multistreamMessage, PING, proposal, RST, readHeader, SYN, WINDOW_UPDATE } from '../src/wire/frames.ts'

test('a header is twelve big-endian bytes', () => {
  assert.equal(frame(WINDOW_UPDATE, SYN | RST, 0x01020304, 0xfffffffe).toString('hex'), '000100090102030' + '4fffffffe')
  assert.deepEqual(readHeader(frame(PING, SYN, 0, 7), 0), { type: PING, flags: SYN, streamId: 0, length: 7 })
})

test('a data frame carries its payload', () => {
  const bytes = dataFrame(0, 5, Buffer.from('abc'))
  assert.deepEqual(readHeader(bytes, 0), { type: DATA, flags: 0, streamId: 5, length: 3 })
  assert.equal(bytes.subarray(12).toString(), 'abc')
})

test('multistream messages', () => {
  assert.equal(multistreamMessage('ls').toString('hex'), '036c730a')
  assert.equal(proposal('/noise').toString(), '\x13/multistream/1.0.0\n\x07/noise\n')
  assert.throws(() => multistreamMessage('x'.repeat(127)), RangeError)
})
