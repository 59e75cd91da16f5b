/** The program of `lines.test.ts`. */

import { serveLines } from '../../src/interop/lines.ts'

await serveLines(async ({ command, value, afterMs }) => {
  if (command === 'fail') throw new TypeError('asked to')
  if (command === 'exit') {
    process.stderr.write('last words')
    process.exit(7)
  }
  if (typeof afterMs === 'number') await new Promise(resolve => setTimeout(resolve, afterMs))
  return { value }
})
