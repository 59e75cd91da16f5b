/**
 * What each transport and muxer lets us do. Measured or read from its source (see the README's table); what is not in the table gets the generic hooks and says so.
 *
 * - `backpressure`: pausing our reader makes the sender stop, so that memory can wait.
 * - `reset-only`: it cannot be made to wait; what does not fit is reset.
 * - `uncounted-handshake`: it accepts and shakes hands before JavaScript hears of it, so half-open connections are not counted and the upgrade deadline does not apply to them.
 */

export interface Capabilities {
  readonly name: string
  readonly kind: 'transport' | 'muxer'
  readonly flow: 'backpressure' | 'reset-only'
  readonly handshake: 'counted' | 'uncounted-handshake' | 'not applicable'
  /** False: nobody has looked; the conservative answers stand. */
  readonly known: boolean
  /** One clause; empty when there is nothing to add. */
  readonly note: string
}

const transport = (
  name: string,
  flow: Capabilities['flow'],
  handshake: 'counted' | 'uncounted-handshake',
  note = '',
  known = true,
): Capabilities => ({ name, kind: 'transport', flow, handshake, known, note })

const muxer = (name: string, flow: Capabilities['flow'], note = '', known = true): Capabilities => ({
  name,
  kind: 'muxer',
  flow,
  handshake: 'not applicable',
  known,
  note,
})

const TRANSPORTS: Readonly<Record<string, Capabilities>> = {
  tcp: transport('tcp', 'backpressure', 'counted'),
  ws: transport('ws', 'reset-only', 'counted', 'counted from the TCP accept; a paused WebSocket keeps reading'),
  quic: transport('quic', 'reset-only', 'uncounted-handshake', 'the native part accepts, shakes hands and grants windows'),
  memory: transport('memory', 'reset-only', 'counted'),
  circuit: transport('circuit', 'reset-only', 'counted', "inherits the relayed stream's flow control where that has one"),
  webrtc: transport('webrtc', 'reset-only', 'uncounted-handshake'),
  webtransport: transport('webtransport', 'reset-only', 'uncounted-handshake', 'stops reading, but cannot resume reliably'),
}

const MUXERS: Readonly<Record<string, Capabilities>> = {
  '/yamux/1.0.0': muxer('/yamux/1.0.0', 'backpressure', 'a paused stream stops granting its window'),
  '/mplex/6.7.0': muxer('/mplex/6.7.0', 'reset-only', 'the protocol has no flow control'),
  quic: muxer('quic', 'reset-only', 'the native part grants windows'),
  '/webrtc': muxer('/webrtc', 'reset-only'),
  webtransport: muxer('webtransport', 'reset-only'),
}

/** @param name as `transportOf` spells it */
export function transportCapabilities(name: string): Capabilities {
  return TRANSPORTS[name] ?? transport(name, 'reset-only', 'uncounted-handshake', 'unknown: generic hooks only', false)
}

/** @param protocol the muxer's protocol id */
export function muxerCapabilities(protocol: string): Capabilities {
  return MUXERS[protocol] ?? muxer(protocol, 'reset-only', 'unknown: generic hooks only', false)
}

/** Plain text, one line each, columns aligned; for the terminal and logs. */
export function formatCapabilities(table: readonly Capabilities[]): string {
  const rows = [
    ['', 'kind', 'flow', 'handshake', ''],
    ...table.map(row => [row.name, row.kind, row.flow, row.kind === 'muxer' ? '-' : row.handshake, row.note]),
  ]
  const widths = [0, 1, 2, 3, 4].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
