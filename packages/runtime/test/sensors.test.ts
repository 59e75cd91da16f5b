import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Sensors } from '@sluice/runtime'

test('a blocked event loop shows in the window it happened in, and only there', async () => {
  using sensors = new Sensors()
  // The histogram needs a few samples before and after; real time, because what is measured is the real event loop.
  await sleep(60)
  sensors.read()
  await sleep(60)
  const until = performance.now() + 200
  while (performance.now() < until);
  await sleep(60)
  const blocked = sensors.read()
  assert.ok(blocked.loopDelayMaxMs >= 150, `delay max ${blocked.loopDelayMaxMs} ms`)
  assert.ok(blocked.loopDelayP50Ms < blocked.loopDelayMaxMs)
  assert.ok(blocked.cpuRatio > 0.1, `cpu ratio ${blocked.cpuRatio}`)
  assert.ok(blocked.windowMs >= 200)
  await sleep(60)
  assert.ok(sensors.read().loopDelayMaxMs < blocked.loopDelayMaxMs)
})

test('an empty window reads as no delay; memory and descriptors are plausible; close is idempotent', () => {
  const sensors = new Sensors()
  const readings = sensors.read()
  assert.equal(readings.loopDelayMaxMs, 0)
  assert.equal(readings.loopDelayP99Ms, 0)
  assert.ok(readings.rssBytes > readings.heapUsedBytes / 2 && readings.heapUsedBytes > 1e6)
  assert.ok(readings.heapLimitBytes > readings.heapUsedBytes)
  if (process.platform === 'linux') assert.ok((readings.fileDescriptorsOpen ?? 0) >= 3)
  sensors.close()
  sensors.close()
})
