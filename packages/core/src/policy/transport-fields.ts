/**
 * Fields of `transports`: what the libp2p adapter enforces below the engine's scopes.
 */

import type { Field, FieldType } from './fields.ts'

const KIB = 1024
const MIB = 1024 * KIB

type Row = readonly [name: string, type: FieldType, value: number, min: number, max: number, text: string, source: string]

const ROWS: readonly Row[] = [
  [
    'upgradeDeadlineMs',
    'duration',
    10_000,
    100,
    600_000,
    'Deadline of an inbound upgrade while the pending table is empty.',
    "js-libp2p's inboundUpgradeTimeout",
  ],
  [
    'upgradeDeadlineMinMs',
    'duration',
    3_000,
    100,
    600_000,
    'Deadline of an inbound upgrade when the pending table is full; linear in between. At most `upgradeDeadlineMs`.',
    'ours: two round trips of 500 ms each for TCP, noise and muxer negotiation, threefold',
  ],
  [
    'negotiationBytesMax',
    'size',
    4 * KIB,
    128,
    MIB,
    'Bytes of multistream messages a stream may send before its protocol is agreed. Data sent optimistically behind the last message is not counted.',
    'ours: the header (20 B) and 16 protocol ids of up to 250 B; known ids are 12 to 80 B',
  ],
  [
    'negotiationMessagesMax',
    'count',
    16,
    2,
    4096,
    'Multistream messages a stream may send before its protocol is agreed.',
    'ours: the header and up to 15 tries; js-libp2p and go-libp2p offer at most as many ids as they know of one protocol (bitswap: 4)',
  ],
  [
    'yamuxFrameBytesMax',
    'size',
    4 * MIB,
    64 * KIB,
    16 * MIB,
    'Largest yamux DATA frame accepted. At most `yamuxWindowBytesMax`: nothing longer can be legal.',
    'yamux spec: a frame fits the receive window; go sends up to 64 KiB, rust 16 KiB, js-libp2p as much as the window takes when an application sends it at once',
  ],
  [
    'yamuxWindowBytesMax',
    'size',
    4 * MIB,
    256 * KIB,
    16 * MIB,
    'Largest receive window a yamux stream may grow to. At most `streamReadBytesMax`: a paused stream still receives its window.',
    'the read buffer behind it: at 1 MiB bulk transfers cost a quarter more CPU than plain js-libp2p, at 4 MiB as much; the spec starts at 256 KiB, js-libp2p lets it grow to 16 MiB over a 4 MiB buffer and resets',
  ],
  ['mplexMessageBytesMax', 'size', MIB, 16 * KIB, MIB, 'Largest mplex message accepted.', 'mplex spec: 1 MiB'],
  [
    'streamReadBytesMax',
    'size',
    4 * MIB,
    64 * KIB,
    1024 * MIB,
    'Bytes a stream may hold unread before its reader is paused, or the stream reset where the transport cannot pause.',
    "js-libp2p's maxReadBufferLength",
  ],
  [
    'streamWriteBytesMax',
    'size',
    16 * MIB,
    64 * KIB,
    1024 * MIB,
    'Bytes a stream may hold unsent before it is reset.',
    'ours: the largest single message known in use is 10 MiB (Ethereum gossip); js-libp2p has no bound',
  ],
  [
    'negotiatingStreamsMax',
    'count',
    128,
    1,
    65_536,
    'Streams open and not yet negotiated on one connection.',
    "go-libp2p's inbound transient stream limit of the whole node",
  ],
  [
    'socketPauseMs',
    'duration',
    1_000,
    10,
    8_000,
    'Longest a socket is paused at once.',
    "ours: a tenth of js-libp2p's 10 s ping interval, so that no ping monitor on either side is tripped",
  ],
]

export const TRANSPORT_FIELDS: readonly Field[] = ROWS.map(([name, type, value, min, max, text, source]) => ({
  path: `transports.${name}`,
  type,
  scale: 'fixed',
  default: value,
  min,
  max,
  text,
  source,
}))
