/** The header with which a load balancer tells whom it speaks for (HAProxy, proxy-protocol.txt, versions 1 and 2). */
import type { Endpoint } from '../model/connection.ts'
import { PROXY_V1_LINE_MAX_OCTETS, PROXY_V2_MAX_OCTETS } from '../model/limits.ts'
import { networkAround, parseIp, printNetwork } from '../model/network.ts'

export type ProxyHeader =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'bad'; readonly why: string }
  /** `between` null: the balancer speaks for itself (LOCAL), or cannot say for whom (UNKNOWN, AF_UNSPEC). */
  | { readonly kind: 'header'; readonly octets: number; readonly between: ProxiedBetween | null }

export type ProxiedBetween = { readonly remote: Endpoint; readonly local: Endpoint }

const NEED_MORE: ProxyHeader = { kind: 'need-more' }
const bad = (why: string): ProxyHeader => ({ kind: 'bad', why })

const V1 = Buffer.from('PROXY ', 'latin1')
const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V2_FIXED_OCTETS = 16
/** §2.2: octets of address and ports by family. */
const V2_FAMILIES: Readonly<Record<number, number>> = { 1: 4, 2: 16 }
const V2_STREAM = 1

const startsLike = (bytes: Buffer, wanted: Buffer): boolean =>
  bytes.subarray(0, wanted.length).equals(wanted.subarray(0, bytes.length))

/** @param bytes all that has come so far; what follows the header is the conversation */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2)) return bytes.length < V2_FIXED_OCTETS ? NEED_MORE : readV2(bytes)
  if (startsLike(bytes, V1)) return readV1(bytes)
  return bad('no PROXY header')
}

/** §2.1: `PROXY TCP4 198.51.100.7 203.0.113.10 40000 25`. */
function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, PROXY_V1_LINE_MAX_OCTETS).indexOf('\r\n')
  if (end === -1) return bytes.length < PROXY_V1_LINE_MAX_OCTETS ? NEED_MORE : bad('line too long')
  const octets = end + 2
  const [, family, source = '', destination = '', from = '', to = '', ...rest] = bytes
    .toString('latin1', 0, end)
    .split(' ')
  if (family === 'UNKNOWN') return { kind: 'header', octets, between: null }
  const remote = endpoint(source, from, family)
  const local = endpoint(destination, to, family)
  if (rest.length > 0 || remote === null || local === null) return bad('malformed line')
  return { kind: 'header', octets, between: { remote, local } }
}

function endpoint(address: string, port: string, family: string | undefined): Endpoint | null {
  const isFamily = family === 'TCP4' ? !address.includes(':') : family === 'TCP6' && address.includes(':')
  if (!isFamily || address.includes('%') || !/^(?:0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return null
  const octets = parseIp(address)
  return octets === null ? null : { address: printed(octets), port: Number(port) }
}

/** An IPv4 address in IPv6 dress is the IPv4 address, here as everywhere. */
const printed = (octets: Uint8Array): string => printNetwork(networkAround(octets, octets.length * 8))

/** §2.2. */
function readV2(bytes: Buffer): ProxyHeader {
  const version = bytes[12]! >> 4
  const command = bytes[12]! & 15
  const family = bytes[13]! >> 4
  const transport = bytes[13]! & 15
  const octets = V2_FIXED_OCTETS + bytes.readUInt16BE(14)
  if (version !== 2) return bad('unknown version')
  if (command > 1) return bad('unknown command')
  if (octets > PROXY_V2_MAX_OCTETS) return bad('header too long')
  if (bytes.length < octets) return NEED_MORE
  if (command === 0 || family === 0) return { kind: 'header', octets, between: null }
  const size = V2_FAMILIES[family]
  if (size === undefined || transport !== V2_STREAM) return bad('neither TCP over IPv4 nor over IPv6')
  if (octets < V2_FIXED_OCTETS + 2 * size + 4) return bad('addresses cut short')
  const at = (index: number): Endpoint => {
    const start = V2_FIXED_OCTETS + index * size
    const parsed = parseIp(textOf(bytes.subarray(start, start + size)))!
    return { address: printed(parsed), port: bytes.readUInt16BE(V2_FIXED_OCTETS + 2 * size + 2 * index) }
  }
  return { kind: 'header', octets, between: { remote: at(0), local: at(1) } } // TLVs after them are left aside.
}

const textOf = (octets: Buffer): string =>
  octets.length === 4 ? octets.join('.') : octets.toString('hex').replace(/(.{4})(?!$)/g, '$1:')
