/**
 * The counted resources and scope classes as small integers, for the hot path and the denial counters; and what a usage looks like to a reader.
 */

import type { Resource, ScopeClass } from '../decision.ts'
import type { Usage } from '../handles.ts'

/** Index = code. 0 is "nothing blocks". */
export const RESOURCES: readonly Resource[] = [
  'none',
  'connections',
  'connectionsInbound',
  'connectionsOutbound',
  'connectionsPending',
  'streams',
  'streamsInbound',
  'streamsOutbound',
  'fileDescriptors',
  'memory',
  'rate',
]
export const NOTHING = 0
export const CONNECTIONS = 1
export const CONNECTIONS_INBOUND = 2
export const CONNECTIONS_OUTBOUND = 3
export const CONNECTIONS_PENDING = 4
export const STREAMS = 5
export const STREAMS_INBOUND = 6
export const STREAMS_OUTBOUND = 7
export const FILE_DESCRIPTORS = 8
export const MEMORY = 9
export const RATE = 10

/** Index = code. */
export const SCOPE_CLASSES: readonly ScopeClass[] = [
  'system',
  'transient',
  'allowlistedSystem',
  'allowlistedTransient',
  'prefix',
  'peer',
  'service',
  'servicePeer',
  'protocol',
  'protocolPeer',
  'connection',
  'stream',
  'span',
]
export const SYSTEM = 0
export const TRANSIENT = 1
export const ALLOWLISTED_SYSTEM = 2
export const ALLOWLISTED_TRANSIENT = 3
export const PREFIX = 4
export const PEER = 5
export const SERVICE = 6
export const SERVICE_PEER = 7
export const PROTOCOL = 8
export const PROTOCOL_PEER = 9
export const CONNECTION = 10
export const STREAM = 11
export const SPAN = 12

/** Usage of a leaf that holds memory alone. */
export function memoryUsage(bytes: number): Usage {
  return {
    streamsInbound: 0,
    streamsOutbound: 0,
    connectionsInbound: 0,
    connectionsOutbound: 0,
    connectionsPending: 0,
    fileDescriptors: 0,
    memory: bytes,
  }
}
