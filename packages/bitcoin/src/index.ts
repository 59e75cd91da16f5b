/** Bitcoin's P2P wire, and a peer that serves blocks from files. */

export * from './serve/index.ts'
export * from './wire/index.ts'
