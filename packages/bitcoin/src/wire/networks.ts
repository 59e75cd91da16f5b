/**
 * The Bitcoin networks this package can frame: the four magic bytes that open every message, the default port, and the genesis block's header, from which
 * every chain of that network grows. A test hashes each header, so a mistyped digit cannot pass.
 *
 * Sources: Bitcoin Core `src/kernel/chainparams.cpp` (pchMessageStart, nDefaultPort, CreateGenesisBlock) for all but simnet; btcd `wire/protocol.go` and
 * `chaincfg/params.go` for simnet. Custom signets have another magic (BIP 325) and are not covered.
 */

import { hash256, hashFromText } from './hash.ts'

export type NetworkName = 'mainnet' | 'testnet3' | 'testnet4' | 'signet' | 'regtest' | 'simnet'

export interface Network {
  readonly name: NetworkName
  /** Four bytes as they stand on the wire. */
  readonly magic: Buffer
  /** The same, read as a little-endian number, for one comparison per message. */
  readonly magicWord: number
  readonly defaultPort: number
  /** The 80 bytes of the genesis header. */
  readonly genesisHeader: Buffer
  /** Its hash in wire order. */
  readonly genesisHash: Buffer
}

/** Merkle root of Satoshi's coinbase, shared by all networks here but testnet4. */
const SATOSHI_ROOT = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b'
const TESTNET4_ROOT = '7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e'

function network(
  name: NetworkName,
  magicHex: string,
  defaultPort: number,
  time: number,
  bits: number,
  nonce: number,
  root: string = SATOSHI_ROOT,
): Network {
  const genesisHeader = Buffer.alloc(80)
  genesisHeader.writeInt32LE(1, 0)
  hashFromText(root).copy(genesisHeader, 36)
  genesisHeader.writeUInt32LE(time, 68)
  genesisHeader.writeUInt32LE(bits, 72)
  genesisHeader.writeUInt32LE(nonce, 76)
  const magic = Buffer.from(magicHex, 'hex')
  return { name, magic, magicWord: magic.readUInt32LE(0), defaultPort, genesisHeader, genesisHash: hash256(genesisHeader) }
}

export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  mainnet: network('mainnet', 'f9beb4d9', 8333, 1231006505, 0x1d00ffff, 2083236893),
  testnet3: network('testnet3', '0b110907', 18333, 1296688602, 0x1d00ffff, 414098458),
  testnet4: network('testnet4', '1c163f28', 48333, 1714777860, 0x1d00ffff, 393743547, TESTNET4_ROOT),
  signet: network('signet', '0a03cf40', 38333, 1598918400, 0x1e0377ae, 52613770),
  regtest: network('regtest', 'fabfb5da', 18444, 1296688602, 0x207fffff, 2),
  simnet: network('simnet', '161c1412', 18555, 1401292357, 0x207fffff, 2),
}

/** The network whose messages open with these four bytes, or undefined. @param word the four bytes as a little-endian number */
export function networkOfMagic(word: number): Network | undefined {
  return Object.values(NETWORKS).find(candidate => candidate.magicWord === word)
}
