/**
 * The frame scanners against frames built here: counts and faults do not depend on how the bytes are cut into chunks.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { FrameScanner } from '../../src/muxer/frames.ts'
import { MplexFrames } from '../../src/muxer/mplex-frames.ts'
import { YamuxFrames } from '../../src/muxer/yamux-frames.ts'
import { mplexMessage, varint, yamuxFrame } from './wire.ts'

const MAX = 1024 * 1024
const seed = Number(process.env.SLUICE_SEED ?? Date.now() % 2 ** 31)
const options = { seed, numRuns: 200 }
console.log(`seed ${seed}`)

function scanAll(scanner: FrameScanner, bytes: Uint8Array, cuts: readonly number[]): ReturnType<FrameScanner['scan']> {
  const ends = [...cuts.map(cut => cut % (bytes.byteLength + 1)), bytes.byteLength].sort((a, b) => a - b)
  let start = 0
  for (const end of ends) {
    const fault = scanner.scan(bytes.subarray(start, end), MAX)
    if (fault !== undefined) return fault
    start = end
  }
  return undefined
}

/** A stream that is opened and says nothing. */
const SILENT = { type: 1, flags: 1, id: 7, length: 0 }

/** After each frame: how many silent openings there were in a row. */
function silentRuns(frames: readonly (typeof SILENT)[]): number[] {
  let run = 0
  return frames.map(f => {
    run = f.type === 1 && f.flags === 1 && f.length === 0 ? run + 1 : 0
    return run
  })
}

const cuts = fc.array(fc.nat(5000), { maxLength: 20 })

describe('yamux frames', () => {
  const frame = fc.record({ type: fc.nat(3), flags: fc.nat(15), id: fc.nat(2 ** 31), length: fc.nat(300) })

  it('counts every frame once, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, fc.constant(SILENT)), { maxLength: 40 }), cuts, (frames, at) => {
        const scanner = new YamuxFrames()
        const bytes = Buffer.concat(
          frames.map(f => yamuxFrame(f.type, f.flags, f.id, f.length, f.type === 0 ? Buffer.alloc(f.length, 2) : undefined)),
        )
        assert.equal(scanAll(scanner, bytes, at), undefined)
        const rst = (flags: number): boolean => (flags & 8) !== 0
        const stream = frames.filter(f => f.type < 2)
        assert.deepEqual(scanner.counts, {
          pings: frames.filter(f => f.type === 2).length,
          resets: stream.filter(f => rst(f.flags)).length,
          updates: stream.filter(f => !rst(f.flags) && (f.type === 1 || (f.length === 0 && (f.flags & 1) === 0))).length,
          control: frames.filter(f => f.type === 3).length,
          silentOpens: Math.max(0, ...silentRuns(frames)),
          silentRun: silentRuns(frames).at(-1) ?? 0,
        })
      }),
      options,
    )
  })

  it('finds a frame of 4 GB at its header', () => {
    const fault = new YamuxFrames().scan(yamuxFrame(0, 0, 99, 0xffffffff), MAX)
    assert.equal(fault?.reason, 'frame-length')
    assert.match(fault?.message ?? '', /4294967295 bytes, at most 1048576/)
  })

  it('accepts a frame of exactly the limit', () => {
    assert.equal(new YamuxFrames().scan(yamuxFrame(0, 0, 1, MAX), MAX), undefined)
    assert.equal(new YamuxFrames().scan(yamuxFrame(0, 0, 1, MAX + 1), MAX)?.reason, 'frame-length')
  })

  it('finds versions and types that do not exist', () => {
    assert.equal(new YamuxFrames().scan(yamuxFrame(4, 0, 1, 0), MAX)?.reason, 'malformed-frame')
    const version = yamuxFrame(0, 0, 1, 0)
    version[0] = 1
    assert.equal(new YamuxFrames().scan(version, MAX)?.reason, 'malformed-frame')
  })

  it('does not throw on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts, (bytes, at) => {
        scanAll(new YamuxFrames(), bytes, at)
      }),
      options,
    )
  })
})

describe('mplex messages', () => {
  const message = fc.record({ id: fc.nat(2 ** 28), type: fc.nat(6), length: fc.nat(300) })

  it('counts every message once, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), cuts, (messages, at) => {
        const scanner = new MplexFrames()
        const bytes = Buffer.concat(messages.map(m => mplexMessage(m.id, m.type, Buffer.alloc(m.length, 0xff))))
        assert.equal(scanAll(scanner, bytes, at), undefined)
        assert.equal(scanner.counts.resets, messages.filter(m => m.type >= 5).length)
        assert.equal(scanner.counts.updates, messages.filter(m => m.type > 0 && m.type < 5 && m.length === 0).length)
      }),
      options,
    )
  })

  it('finds an unknown type, an endless varint and a long message', () => {
    assert.equal(new MplexFrames().scan(mplexMessage(1, 7, Buffer.alloc(0)), MAX)?.reason, 'malformed-frame')
    assert.equal(new MplexFrames().scan(Buffer.alloc(20, 0xff), MAX)?.reason, 'malformed-frame')
    assert.equal(new MplexFrames().scan(Buffer.concat([varint(8 + 2), varint(MAX + 1)]), MAX)?.reason, 'frame-length')
  })

  it('does not throw on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts, (bytes, at) => {
        scanAll(new MplexFrames(), bytes, at)
      }),
      options,
    )
  })
})
