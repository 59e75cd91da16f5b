/**
 * What an attacker checks before its first packet: the target is a numeric loopback address, the process behind it was started by the attacker's own
 * parent, and that process really listens on that port. Anything else is refused, so that this code cannot be turned on somebody's node.
 *
 * The last two read Linux's /proc; elsewhere they cannot be established and the attacker refuses.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { BlockList, isIP, isIPv6 } from 'node:net'

/** The parent's word about its own server, sent over the attacker's IPC channel. */
export interface Announcement {
  readonly host: string
  readonly port: number
  readonly serverPid: number
}

export class TargetRefusedError extends Error {
  readonly code = 'ERR_LAB_TARGET_REFUSED'
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Names are not loopback, whatever they resolve to. */
export function isLoopback(host: string): boolean {
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

/** Throws `TargetRefusedError` unless all three hold. @param parentPid process that started the attacker. @default the real one */
export function assertAttackable(target: Announcement, parentPid: number = process.ppid): void {
  if (!isLoopback(target.host)) throw new TargetRefusedError(`${target.host} is not a loopback address`)
  if (parentOf(target.serverPid) !== parentPid)
    throw new TargetRefusedError(`process ${target.serverPid} was not started by this attacker's parent`)
  if (!listensOn(target.serverPid, target.port))
    throw new TargetRefusedError(`process ${target.serverPid} does not listen on port ${target.port}`)
}

/** Parent of a process, or undefined when it is gone or cannot be read. */
export function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in the second field may hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[1])
  } catch {
    return undefined
  }
}

/** TCP state LISTEN in /proc/net/tcp. Source: linux/include/net/tcp_states.h */
const LISTEN = '0A'

export function listensOn(pid: number, port: number): boolean {
  try {
    const inodes = new Set<string>()
    for (const table of ['tcp', 'tcp6']) {
      for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/)
        const [, local, , state] = fields
        const inode = fields[9]
        if (state === LISTEN && inode !== undefined && Number.parseInt(local?.split(':')[1] ?? '', 16) === port)
          inodes.add(`socket:[${inode}]`)
      }
    }
    return inodes.size > 0 && readdirSync(`/proc/${pid}/fd`).some(fd => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
