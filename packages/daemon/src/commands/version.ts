/** `sluice version` and `sluice help exit-codes`: what can be told without a daemon. */

import { EXIT, EXIT_CODES } from '../cli/exit-codes.ts'
import { print, printJson, printLines, table } from '../cli/output.ts'
import { versions } from '../version.ts'
import type { Command } from './command.ts'

export const version: Command = {
  name: 'version',
  summary: 'versions of sluice, libp2p and Node.js',
  printsData: true,
  async run({ io, format }) {
    const found = versions()
    if (format === 'json') printJson(io, found)
    else if (format === 'ndjson') printLines(io, [found])
    else print(io, table(Object.entries(found)))
    return EXIT.ok
  },
}

export const helpExitCodes: Command = {
  name: 'help exit-codes',
  summary: 'what each exit code means',
  printsData: true,
  async run({ io, format }) {
    if (format === 'json') printJson(io, { exitCodes: EXIT_CODES })
    else if (format === 'ndjson') printLines(io, EXIT_CODES)
    else
      print(
        io,
        table(
          EXIT_CODES.map(({ code, meaning }) => [String(code), meaning]),
          [0],
        ),
      )
    return EXIT.ok
  },
}
