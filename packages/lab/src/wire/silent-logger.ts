/**
 * A logger that writes nothing, for js-libp2p parts that are built without a node (transport and encrypter of an attacker).
 * It is never enabled, so that logging costs the attacker no time.
 */

import type { ComponentLogger, Logger } from '@libp2p/interface'

function silent(): void {}

const log: Logger = Object.assign(silent, { error: silent, trace: silent, enabled: false, newScope: () => log })

export const silentLogger: ComponentLogger = { forComponent: () => log }
