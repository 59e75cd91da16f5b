import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RecordedInput } from '@sluice/core'
import type { RecordedLine } from '@sluice/runtime'
import { LINE_BYTES_MAX, openRecorder, RECORDING_FORMAT, readRecording } from '@sluice/runtime'
import fc from 'fast-check'
import { scratch } from '../scratch.ts'

const clock = { now: () => 1000 }
const advance = (t: number): RecordedInput => ({ v: 'advance', t })

async function read(path: string, filesMax?: number): Promise<RecordedLine[]> {
  const lines: RecordedLine[] = []
  for await (const line of readRecording(path, filesMax === undefined ? {} : { filesMax })) lines.push(line)
  return lines
}
const inputs = (lines: readonly RecordedLine[]): RecordedInput[] => lines.flatMap(line => ('input' in line ? [line.input] : []))
const problems = (lines: readonly RecordedLine[]): string[] =>
  lines.flatMap(line => ('problem' in line ? [`${line.line}: ${line.problem}`] : []))

test('what was written is read back in order, and the file is private', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const recorder = openRecorder({ path, clock })
  const written: RecordedInput[] = [
    { v: 'policy', t: 1, policy: { memory: '512MB' } },
    { v: 'open', t: 2, a: '/ip4/192.0.2.7/tcp/1\n', d: 'i' },
    { v: 'spend', t: 3, c: 1, k: 'ping', n: 1 },
    { v: 'advance', t: 4.25 },
  ]
  for (const input of written) recorder.write(input)
  await recorder.close()
  await recorder.close()
  assert.deepEqual(inputs(await read(path)), written)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(recorder.stats, { written: 4, dropped: 0, rotations: 0 })
})

test('rotation bounds files and bytes, and the reader says that the beginning is gone', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const recorder = openRecorder({ path, clock, fileBytesMax: 4096, filesMax: 3 })
  for (let i = 0; i < 2000; i++) {
    recorder.write(advance(i))
    if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await recorder.close()
  for (const file of [path, `${path}.1`, `${path}.2`]) assert.ok(statSync(file).size <= 4096)
  assert.ok(!existsSync(`${path}.3`))
  const lines = await read(path, 3)
  assert.match(problems(lines)[0] ?? '', /begins with part \d+; earlier parts were rotated away/)
  const times = inputs(lines).map(input => input.t)
  assert.equal(times.at(-1), 1999)
  for (const [i, time] of times.entries()) assert.equal(time, (times[0] ?? 0) + i, 'no line is lost between parts')
})

test('a recording that is there is kept as the part before, and not joined to the new run', async t => {
  const path = join(scratch(t), 'run.ndjson')
  for (const time of [1, 2]) {
    const recorder = openRecorder({ path, clock })
    recorder.write(advance(time))
    await recorder.close()
  }
  assert.deepEqual(inputs(await read(path)), [advance(2)])
  assert.deepEqual(inputs(await read(`${path}.1`)), [advance(1)])
})

test('a full queue drops, counts, and leaves the gap in the file', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const recorder = openRecorder({ path, clock, queueBytesMax: 100 })
  for (let i = 0; i < 50; i++) recorder.write(advance(i))
  await new Promise(resolve => setTimeout(resolve, 50))
  recorder.write(advance(99))
  await recorder.close()
  const { written, dropped } = recorder.stats
  assert.ok(dropped > 0)
  const lines = await read(path)
  assert.equal(problems(lines).filter(problem => problem.includes(`${dropped} inputs are missing here`)).length, 1)
  assert.equal(inputs(lines).length + dropped, 51)
  assert.equal(written, inputs(lines).length)
  assert.deepEqual(inputs(lines).at(-1), advance(99))
})

test('an input too long for a line is dropped, not split', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const recorder = openRecorder({ path, clock })
  recorder.write({ v: 'ban', t: 1, a: 'x'.repeat(LINE_BYTES_MAX), ms: 1, why: '' })
  await recorder.close()
  assert.equal(recorder.stats.dropped, 1)
  assert.match(problems(await read(path))[0] ?? '', /1 inputs are missing/)
})

test('opening says why it failed, and touches nothing that is not a recording', t => {
  const directory = scratch(t)
  const file = join(directory, 'notes.txt')
  writeFileSync(file, 'mine')
  mkdirSync(join(directory, 'folder'))
  const open = (path: string) => () => openRecorder({ path, clock })
  assert.throws(open(join(directory, 'missing', 'run.ndjson')), {
    code: 'ERR_SLUICE_STATE',
    message: /missing.*no such file or directory.*ENOENT/,
  })
  assert.throws(open(join(file, 'run.ndjson')), { code: 'ERR_SLUICE_STATE', message: /ENOTDIR/ })
  assert.throws(open(join(directory, 'folder')), { code: 'ERR_SLUICE_STATE', message: /EISDIR/ })
  assert.throws(open(file), { code: 'ERR_SLUICE_STATE', message: /not a recording/ })
  assert.equal(readFileSync(file, 'utf8'), 'mine')
  assert.throws(() => openRecorder({ path: join(directory, 'a'), clock, filesMax: 1 }), { code: 'ERR_SLUICE_MISUSE' })
  assert.throws(() => openRecorder({ path: join(directory, 'a'), clock, fileBytesMax: 10 }), { code: 'ERR_SLUICE_MISUSE' })
})

test('a rotation that fails ends the recording with one reason', async t => {
  const directory = scratch(t)
  const path = join(directory, 'run.ndjson')
  const failures: string[] = []
  const recorder = openRecorder({ path, clock, fileBytesMax: 4096, onFailure: error => failures.push(error.message) })
  // Rotation has to delete the oldest part, and never deletes a directory.
  mkdirSync(`${path}.7`)
  for (let i = 0; i < 300; i++) recorder.write(advance(i))
  await recorder.close()
  recorder.write(advance(301))
  assert.equal(failures.length, 1)
  assert.match(failures[0] ?? '', /Stopped writing the recording/)
  assert.equal(recorder.stats.written + recorder.stats.dropped, 301)
})

test('bad lines are reported with their line number and the rest is read', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const recorder = openRecorder({ path, clock })
  recorder.write(advance(1))
  await recorder.close()
  appendFileSync(
    path,
    [
      'junk',
      '[]',
      '{"v":"fly","t":1}',
      '{"v":"peer","t":1,"c":"7","p":"x"}',
      '{"v":"toString","t":1}',
      JSON.stringify(advance(2)),
      `"${'x'.repeat(LINE_BYTES_MAX)}"`,
      '{"v":"adv',
    ].join('\n'),
  )
  const lines = await read(path)
  assert.deepEqual(inputs(lines), [advance(1), advance(2)])
  assert.deepEqual(problems(lines), [
    '3: not a JSON object',
    '4: not a JSON object',
    '5: unknown verb "fly"',
    '6: field c of peer is not a number',
    '7: unknown verb "toString"',
    `9: longer than ${LINE_BYTES_MAX} bytes`,
    '10: the file ends in the middle of a line (not a JSON object)',
  ])
})

test('what is no recording, missing, or of a newer format cannot be read', async t => {
  const directory = scratch(t)
  const path = join(directory, 'run.ndjson')
  await assert.rejects(read(path), { code: 'ERR_SLUICE_STATE', message: /ENOENT/ })
  writeFileSync(path, '')
  await assert.rejects(read(path), { message: /not a recording's header/ })
  writeFileSync(path, `{"v":"recording","format":${RECORDING_FORMAT + 1},"run":"a","part":1,"startedMs":0}\n`)
  await assert.rejects(read(path), { message: /format is 2, this version reads up to 1/ })
})

test('no bytes after a header make the reader throw', async t => {
  const path = join(scratch(t), 'run.ndjson')
  const header = '{"v":"recording","format":1,"run":"a","part":1,"startedMs":0}\n'
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.string(), fc.json(), fc.constant('\n'))), async pieces => {
      writeFileSync(path, header + pieces.join(''))
      for (const line of await read(path)) assert.ok('problem' in line || typeof line.input.t === 'number')
    }),
    { numRuns: 50 },
  )
})
