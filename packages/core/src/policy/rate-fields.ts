/**
 * Default rates by kind and level, with the reasoning beside each number.
 *
 * Two demands pull apart. Honest and heavy: one connection that runs 10,000 request/response streams a second. Abuse, as measured against js-libp2p 3.3 (numbers per
 * connection): open and reset 35,000/s (event loop 4.5 s behind), open, negotiate and reset 3,500/s, 100,000 muxer pings/s, 8,500 protocol pings/s, 130,000 `ls`/s,
 * 800 identify exchanges/s. What tells them apart is seldom the opening of streams (the honest client opens more than two of the attackers): it is the reset, the ping,
 * the message that leads to no request. So opens are generous and the rest is tight.
 *
 * Levels. `connection` and `peer` bound what one partner does; a peer id costs nothing to make, so `ip` and the prefixes bound what one place does. The sums grow slower than the number of
 * partners (ip: two to sixteen connections' worth, /24 and /48 four times that) since abuse is the rule when many do the same rare thing at once. What every connection does once, whoever makes it, must
 * pass wherever connections may open as fast as that. A level that is absent is not limited.
 */

import type { Field } from './fields.ts'
import type { Rate, RateLevel } from './policy.ts'

type Levels = Readonly<Partial<Record<RateLevel, Rate>>>

interface Kind {
  readonly kind: string
  readonly text: string
  readonly source: string
  readonly levels: Levels
}

function rate(perSecond: number, burst: number): Rate {
  return { perSecond, burst }
}

/** The same rate for every prefix of the size of a household or office (/56), a site (/24, /48), and a provider (/16, /32). */
function places(ip: Rate, site: Rate, provider?: Rate): Levels {
  const levels = { ip, '/56': ip, '/24': site, '/48': site }
  return provider === undefined ? levels : { ...levels, '/16': provider, '/32': provider }
}

function partner(one: Rate): Levels {
  return { connection: one, peer: one }
}

/** Every level a rate may be given for, narrow to wide. */
export const RATE_LEVELS: readonly RateLevel[] = ['connection', 'peer', 'ip', '/24', '/16', '/56', '/48', '/32', 'node']

/** Each level in words. */
const LEVEL_TEXTS: Readonly<Record<RateLevel, string>> = {
  connection: 'one connection',
  peer: 'one peer',
  ip: 'one IP (IPv6: /64)',
  '/24': 'one IPv4 /24, one relay, or one kind of other address',
  '/16': 'one IPv4 /16',
  '/56': 'one IPv6 /56',
  '/48': 'one IPv6 /48',
  '/32': 'one IPv6 /32',
  node: 'everybody together',
}

/** The kinds the libp2p adapter spends. */
export const RATE_KINDS: readonly Kind[] = [
  {
    kind: 'stream-open',
    text: 'Inbound streams opened.',
    source: 'twice the 10,000/s of an honest request/response client; open and reset floods reach 35,000/s',
    levels: { ...partner(rate(20_000, 20_000)), ...places(rate(40_000, 40_000), rate(80_000, 80_000)) },
  },
  {
    kind: 'stream-reset',
    text: 'Streams reset by the remote.',
    source:
      'honest resets are cancelled requests, tens a second at most (a DHT query cancels 10 to 20); floods send 3,500 to 35,000/s, so a flooder is cut within 150 ms',
    levels: { ...partner(rate(50, 500)), ...places(rate(200, 2_000), rate(800, 8_000)) },
  },
  {
    kind: 'ping',
    text: 'Muxer PING frames and messages of the ping protocol.',
    source:
      'monitors send 1 per 10 to 30 s, a person watching 1/s, a measuring tool up to 20/s; floods 8,500 to 100,000/s; a new connection starts with 2 or 3, so a peer that reconnects as fast as handshakes go (500/s) needs 1,500/s, and an IP 3 times its rate of handshakes',
    levels: { connection: rate(20, 200), peer: rate(2_000, 4_000), ...places(rate(80, 800), rate(320, 3_200)) },
  },
  {
    kind: 'window-update',
    text: 'Muxer WINDOW_UPDATE frames.',
    source:
      'js-libp2p opens, acknowledges and credits with one each: 3 to 5 a request/response stream, so 50,000/s at 10,000 streams/s; one per DATA frame of 64 KiB otherwise',
    levels: { ...partner(rate(60_000, 60_000)), ...places(rate(120_000, 120_000), rate(240_000, 240_000)) },
  },
  {
    kind: 'multistream',
    text: 'Multistream messages (header, protocol ids, `ls`).',
    source:
      'two a stream at 10,000 streams/s is 20,000/s; floods of `ls` reach 130,000/s (a single stream is cut by `negotiationMessagesMax` long before)',
    levels: { ...partner(rate(40_000, 40_000)), ...places(rate(80_000, 80_000), rate(160_000, 160_000)) },
  },
  {
    kind: 'handshake',
    text: 'Inbound security handshakes begun.',
    source:
      'a handshake costs 1 to 3 ms of CPU; new connections are already held to 0.2/s and burst 16 an IP, or to what a network was given, so this only bounds a network that was given much; no peer level: the peer is not known yet',
    levels: places(rate(16, 256), rate(64, 1_024), rate(256, 4_096)),
  },
  {
    kind: 'identify',
    text: 'Identify exchanges asked of us.',
    source:
      'one per connection is the rule; floods ask 800/s. A connection may hold 8 of them at once; the number of connections is limited elsewhere, so no peer level',
    levels: { connection: rate(1, 8), ...places(rate(4, 128), rate(16, 512)) },
  },
  {
    kind: 'identify-push',
    text: 'Identify pushes received.',
    source:
      'go-libp2p: 0.2/s, burst 10 per prefix, node 2000/s, burst 3000; its prefix numbers are taken for a connection here, since 60 peers may share an IP and 64 a /24',
    levels: { ...partner(rate(0.2, 10)), ...places(rate(3.2, 160), rate(12.8, 640)), node: rate(2_000, 3_000) },
  },
  {
    kind: 'peer-store-write',
    text: 'Writes to the peer store caused by the remote.',
    source: 'an identify exchange causes up to 3, a push as many; fresh identities cost about 150 KB each with garbage',
    levels: { connection: rate(3, 32), ...places(rate(12, 384), rate(48, 1_536)) },
  },
  {
    kind: 'relay-reservation',
    text: 'Relay reservations and renewals asked of us.',
    source: 'rust-libp2p relay: peer 30, +1 per 2 min; IP 60, +1 per min; a site 16 peers',
    levels: { peer: rate(1 / 120, 30), ...places(rate(1 / 60, 60), rate(8 / 60, 480)) },
  },
  {
    kind: 'relay-circuit',
    text: 'Circuits opened through us as a relay, charged to who opens them.',
    source: 'rust-libp2p relay, the same buckets as for reservations: peer 30, +1 per 2 min; IP 60, +1 per min; a site 8 IPs',
    levels: { peer: rate(1 / 120, 30), ...places(rate(1 / 60, 60), rate(8 / 60, 480)) },
  },
  {
    kind: 'control',
    text: 'Other control frames of muxers: GO_AWAY, settings, types unknown.',
    source:
      'an honest peer sends one GO_AWAY in the life of a connection; the rest is room for extensions. Of a connection only: each one ends with a GO_AWAY, and how many there may be is limited where they open',
    levels: { connection: rate(1, 16) },
  },
]

/** The concrete fields, then the pattern that lets a policy add kinds and levels. */
export const RATE_FIELDS: readonly Field[] = [
  ...RATE_KINDS.flatMap(({ kind, levels, text, source }) =>
    RATE_LEVELS.map(
      (level): Field => ({
        path: `rates.${kind}.${level}`,
        type: 'rate',
        scale: 'fixed',
        default: levels[level] ?? 'unlimited',
        text: `${text} Of ${LEVEL_TEXTS[level]}.`,
        source,
      }),
    ),
  ),
  ...RATE_LEVELS.map(
    (level): Field => ({
      path: `rates.*.${level}`,
      type: 'rate',
      scale: 'fixed',
      text: `Events of a kind of your own. Of ${LEVEL_TEXTS[level]}.`,
      source: 'yours',
    }),
  ),
]
