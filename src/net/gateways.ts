/** The default gateways of this host (Linux), from /proc/net. Elsewhere none are known. */
import { readFileSync } from 'node:fs'
import { networkAround, type Network } from '../model/network.ts'

const RTF_GATEWAY = 2
const NOTHING = /^0+$/

/** @param text /proc/net/route: addresses in hexadecimal, octets as this machine orders them (little-endian) */
export function defaultGateways4(text: string): readonly Network[] {
  return text.split('\n').flatMap((line) => {
    const [, destination = '', gateway = '', flags = '', , , , mask = ''] = line.trim().split(/\s+/)
    const isDefault =
      NOTHING.test(destination) && NOTHING.test(mask) && (Number.parseInt(flags, 16) & RTF_GATEWAY) !== 0
    if (!isDefault || !/^[\dA-F]{8}$/i.test(gateway)) return []
    return [networkAround(Uint8Array.from(Buffer.from(gateway, 'hex')).toReversed(), 32)]
  })
}

/** @param text /proc/net/ipv6_route: addresses in hexadecimal, network order */
export function defaultGateways6(text: string): readonly Network[] {
  return text.split('\n').flatMap((line) => {
    const [destination = '', prefix = '', , , next = ''] = line.trim().split(/\s+/)
    if (!NOTHING.test(destination) || prefix !== '00' || !/^[\da-f]{32}$/.test(next) || NOTHING.test(next)) return []
    return [networkAround(Uint8Array.from(Buffer.from(next, 'hex')), 128)]
  })
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return otherwise
  }
}

/** As they are now: read anew each time, for a machine may move. */
export const defaultGateways = (folder = '/proc/net'): readonly Network[] => [
  ...defaultGateways4(readOr(`${folder}/route`, '')),
  ...defaultGateways6(readOr(`${folder}/ipv6_route`, '')),
]
