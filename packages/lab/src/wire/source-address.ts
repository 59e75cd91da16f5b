/**
 * The loopback address a connection comes from. js-libp2p hands `dialOpts` to `net.connect` as they are, where `localAddress` is known;
 * the option type does not name it. The object is read at every dial, so changing it changes the next connection.
 */

import type { TCPSocketOptions } from '@libp2p/tcp'

export interface SourceAddress extends TCPSocketOptions {
  localAddress: string
}

export function sourceAddress(localAddress: string): SourceAddress {
  return { localAddress }
}
