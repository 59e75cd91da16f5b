/** Names shared by the hostile-input test and its server. */

/** Protocols whose handlers throw on anything they receive. */
export const THROWING = {
  sync: '/test/throws/sync',
  async: '/test/throws/async',
  listener: '/test/throws/listener',
  asyncListener: '/test/throws/async-listener',
} as const
