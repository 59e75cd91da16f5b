/** Bitcoin's P2P wire: framing, and the messages a gateway has to understand. */

export * from './wire/index.ts'
