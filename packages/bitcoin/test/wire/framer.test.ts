/** The framer, over every way to cut a stream, and every way to spoil one. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { classifyOpening, encodeHeader, encodeMessage, Framer, NETWORKS, payloadBytesMax } from '../../src/index.ts'

const NETWORK = NETWORKS.regtest

interface Seen {
  readonly command: string
  readonly payload: Buffer
}

/** Feeds chunks, checks the order of calls, and collects whole messages. */
function frame(chunks: readonly Buffer[]): { seen: Seen[]; framer: Framer; violation: ReturnType<Framer['push']> } {
  const seen: Seen[] = []
  let open: Buffer[] | undefined
  const framer = new Framer(NETWORK, {
    header: header => {
      assert.equal(open, undefined)
      assert.equal(header.bytes.length, 24)
      open = []
    },
    payload: slice => void open!.push(slice),
    end: header => {
      seen.push({ command: header.command, payload: Buffer.concat(open!) })
      assert.equal(seen.at(-1)!.payload.length, header.length)
      open = undefined
    },
  })
  let violation: ReturnType<Framer['push']>
  for (const chunk of chunks) violation = framer.push(chunk)
  return { seen, framer, violation }
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [...new Set([0, ...cuts.map(at => at % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

describe('framer', () => {
  it('reads any messages however the stream is cut', () => {
    const message = fc.tuple(fc.constantFrom('block', 'tx', 'unknown12345', 'x'), fc.uint8Array({ maxLength: 300 }))
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(3000), { maxLength: 40 }), (messages, cuts) => {
        const stream = Buffer.concat(messages.map(([command, payload]) => encodeMessage(NETWORK, command, Buffer.from(payload))))
        const { seen, framer, violation } = frame(cut(stream, cuts))
        assert.equal(violation, undefined)
        assert.ok(framer.atBoundary)
        assert.equal(framer.position, stream.length)
        assert.deepEqual(
          seen,
          messages.map(([command, payload]) => ({ command, payload: Buffer.from(payload) })),
        )
      }),
    )
  })

  it('hands payloads out as views of the chunks', () => {
    const chunk = encodeMessage(NETWORK, 'block', Buffer.alloc(5000, 7))
    let views = 0
    const framer = new Framer(NETWORK, {
      header: () => {},
      payload: slice => {
        views++
        assert.equal(slice.buffer, chunk.buffer)
      },
      end: () => {},
    })
    framer.push(chunk.subarray(0, 1000))
    framer.push(chunk.subarray(1000))
    assert.equal(views, 2)
  })

  it('stands at a boundary only between messages', () => {
    const bytes = encodeMessage(NETWORK, 'ping', Buffer.alloc(8))
    for (let length = 0; length <= bytes.length; length++) {
      assert.equal(frame([bytes.subarray(0, length)]).framer.atBoundary, length === 0 || length === bytes.length, String(length))
    }
  })

  const good = encodeMessage(NETWORK, 'verack')
  const spoil = (offset: number, value: number): Buffer => {
    const bytes = Buffer.from(good)
    bytes[offset] = value
    return bytes
  }
  const announce = (command: string, length: number): Buffer => {
    const bytes = encodeHeader(NETWORK, command, 0, 0)
    bytes.writeUInt32LE(length, 16)
    return bytes
  }
  const cases: readonly (readonly [string, Buffer, string, number])[] = [
    ['a wrong magic', spoil(0, 0), 'magic', 0],
    ['the magic of another network', encodeMessage(NETWORKS.mainnet, 'verack'), 'magic', 0],
    ['a command byte that is no text', spoil(4, 7), 'command', 4],
    ['a byte above ASCII', spoil(6, 0xc3), 'command', 6],
    ['bytes after the padding began', spoil(15, 97), 'command', 15],
    ['no command', Buffer.concat([NETWORK.magic, Buffer.alloc(20)]), 'command', 4],
    ['more than any message', announce('block', 4_000_001), 'length', 16],
    ['more than the command may have', announce('ping', 9), 'length', 16],
    ['50,001 items', announce('getdata', 3 + 50_001 * 36), 'length', 16],
    ['the largest length', announce('spam', 0xffffffff), 'length', 16],
  ]
  for (const [name, bytes, rule, position] of cases) {
    it(`stops for good at ${name}`, () => {
      for (const chunks of [[bytes], [...bytes].map(byte => Buffer.from([byte]))]) {
        const { seen, violation, framer } = frame([good, ...chunks])
        assert.equal(violation?.rule, rule)
        assert.equal(violation.position, good.length + position)
        assert.equal(seen.length, 1)
        assert.equal(framer.push(good), violation)
      }
    })
  }

  it('never throws on noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, withMagic) => {
        const bytes = Buffer.from(noise)
        if (withMagic) NETWORK.magic.copy(bytes)
        frame([bytes])
      }),
      { numRuns: 500 },
    )
  })

  it('writes no header that it would not read', () => {
    assert.throws(() => encodeHeader(NETWORK, 'block', 4_000_001, 0), RangeError)
    assert.throws(() => encodeMessage(NETWORK, 'thirteenchars'), RangeError)
    assert.throws(() => encodeMessage(NETWORK, ''), RangeError)
    assert.throws(() => encodeMessage(NETWORK, 'ping', Buffer.alloc(9)), RangeError)
    assert.equal(payloadBytesMax('getheaders'), 3269)
  })
})

describe('the opening of a connection', () => {
  const key = Buffer.alloc(64, 0x5a)
  it('is not judged before 24 bytes', () => {
    assert.equal(classifyOpening(NETWORK, key.subarray(0, 23)), 'waiting')
    assert.equal(classifyOpening(NETWORK, key.subarray(0, 24)), 'encrypted')
  })
  it('is v1 with our magic, another network with theirs', () => {
    assert.equal(classifyOpening(NETWORK, encodeMessage(NETWORK, 'version', Buffer.alloc(90))), 'v1')
    assert.equal(classifyOpening(NETWORK, encodeMessage(NETWORKS.signet, 'version', Buffer.alloc(90))), 'other-network')
  })
})
