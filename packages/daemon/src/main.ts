#!/usr/bin/env node
/**
 * The `sluice` command. Loads nothing before it has checked that this Node.js can run it: an old one would only say that a module is missing.
 */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`sluice: needs Node.js 22.13 or newer; this is ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  // A reader that went away (`sluice status | head -1`) is no failure.
  process.stdout.on('error', error => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const { runCli } = await import('./cli/program.ts')
  const code = await runCli(process.argv.slice(2), process)
  // The native QUIC library keeps threads of its own; everything of ours is closed by now.
  process.stdout.write('', () => process.exit(code))
}
