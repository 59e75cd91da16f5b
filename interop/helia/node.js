/**
 * A Helia node in a process of its own, on loopback, for the interop check `helia`. One JSON object per line:
 *
 *     {"command":"listen","policy":{…}}                  wrapped in protect() when there is a policy; answers {"addresses"}
 *     {"command":"connect","address":…}
 *     {"command":"add","bytes":N,"salt":1}               makes a file of N bytes; answers {"cid"}
 *     {"command":"fetch","cid":…,"bytes":N,"salt":1}     reads that file, over bitswap, and compares it; answers {"bytes","seconds"}
 *
 * Muxers, encrypters, identify and ping are Helia's defaults. Left out is what would reach beyond loopback: public bootstrap nodes, mDNS, UPnP, delegated routing, relays, WebRTC.
 */

import { createHash } from 'node:crypto'
import { withBitswap } from '@helia/bitswap'
import { libp2pDefaults, withLibp2pLight } from '@helia/libp2p'
import { unixfs } from '@helia/unixfs'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import { serveLines } from '../../packages/lab/src/interop/lines.ts'
import { pattern } from '../../packages/lab/src/interop/protocols.ts'

const FETCH_TIMEOUT_MS = 150_000

let helia
let files

/** `bytes` bytes of the pattern, numbered and salted within every block, so that no block was ever sent before. */
function* content(bytes, salt) {
  let index = 0
  for (const chunk of pattern(bytes)) {
    const numbered = Buffer.from(chunk)
    if (numbered.length >= 8) {
      numbered.writeUInt32BE(salt, 0)
      numbered.writeUInt32BE(index++, 4)
    }
    yield numbered
  }
}

async function listen(policy) {
  const defaults = libp2pDefaults()
  const { identify, identifyPush, ping } = defaults.services
  const options = {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: defaults.connectionEncrypters,
    streamMuxers: defaults.streamMuxers,
    services: { identify, identifyPush, ping },
  }
  const wrapped = policy === undefined ? options : (await import('@sluice/libp2p')).protect(options, policy)
  helia = withBitswap(withLibp2pLight(createHeliaLight(), wrapped))
  await helia.start()
  files = unixfs(helia)
  return { addresses: helia.libp2p.getMultiaddrs().map(String) }
}

async function fetch({ cid, bytes, salt }) {
  const wanted = createHash('sha256')
  for (const chunk of content(bytes, salt)) wanted.update(chunk)
  const started = performance.now()
  const got = createHash('sha256')
  let received = 0
  for await (const chunk of files.cat(CID.parse(cid), { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })) {
    received += chunk.byteLength
    got.update(chunk)
  }
  const seconds = (performance.now() - started) / 1000
  if (received !== bytes) throw new Error(`received ${received} of ${bytes} bytes`)
  if (!got.digest().equals(wanted.digest())) throw new Error('the file differs')
  return { bytes, seconds }
}

await serveLines(async request => {
  switch (request.command) {
    case 'listen':
      return listen(request.policy)
    case 'connect':
      await helia.libp2p.dial(multiaddr(request.address), { signal: AbortSignal.timeout(30_000) })
      return {}
    case 'add':
      return { cid: (await files.addByteStream(content(request.bytes, request.salt))).toString() }
    case 'fetch':
      return fetch(request)
    default:
      throw new Error(`unknown command ${request.command}`)
  }
})
await helia?.stop()
process.exit(0)
