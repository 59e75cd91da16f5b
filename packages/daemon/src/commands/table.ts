/** Every command, in the order the help shows them. */

import { banAdd, banList, banRemove } from './ban.ts'
import type { Command } from './command.ts'
import { explain } from './explain.ts'
import { resources } from './resources.ts'
import { status } from './status.ts'
import { up } from './up.ts'
import { helpExitCodes, version } from './version.ts'

export const COMMANDS: readonly Command[] = [up, status, resources, explain, banAdd, banRemove, banList, version, helpExitCodes]

/** What stands for a word that only groups others. */
export const GROUPS: Readonly<Record<string, string>> = { ban: 'refuse somebody until a time', help: 'help on commands and topics' }
