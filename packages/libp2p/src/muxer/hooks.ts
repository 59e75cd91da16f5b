import type { StreamMuxerFactory } from '@libp2p/interface'
import type { NodeContext } from '../context.ts'
export function addMuxerHook(_factory: StreamMuxerFactory, _context: NodeContext): void {}
