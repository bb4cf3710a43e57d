import { decode, encode, AUTHENTIC_DATA, RECURSION_DESIRED } from 'dns-packet'
import type { Answer, DecodedPacket } from 'dns-packet'
import {
  DNS_CNAMES_MAX,
  DNS_NEGATIVE_TTL_MAX_SECONDS,
  DNS_TTL_MAX_SECONDS,
  DNS_UDP_MAX_OCTETS,
} from '../model/limits.ts'
import type { DnsAnswer, DnsRecords, DnsType } from '../model/dns.ts'

export type DnsQuestion = {
  readonly id: number
  /** Lower-case. */
  readonly name: string
  readonly type: DnsType
  /** The name in mixed case, which the answer has to repeat; absent: no matter how it is written. */
  readonly spelling?: string
}

/** RFC 1035 §4.1, RFC 6891 §6.1.2. `askAd`: RFC 6840 §5.7, we understand the AD bit. */
export function encodeQuery(question: DnsQuestion, options: { edns: boolean; askAd: boolean }): Buffer {
  return encode({
    type: 'query',
    id: question.id,
    flags: RECURSION_DESIRED | (options.askAd ? AUTHENTIC_DATA : 0),
    questions: [{ name: question.spelling ?? question.name, type: question.type, class: 'IN' }],
    additionals: options.edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: DNS_UDP_MAX_OCTETS,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  })
}

export type DecodedReply =
  /** Not the answer to this question (late, forged): wait on. */
  | { readonly at: 'not-ours' }
  | { readonly at: 'malformed' }
  | { readonly at: 'truncated' }
  /** FORMERR or NOTIMP: a server from before EDNS (RFC 6891 §7). */
  | { readonly at: 'no-edns' }
  | { readonly at: 'refused' }
  | { readonly at: 'servfail' }
  | { readonly at: 'answer'; readonly packet: DecodedPacket; /** NXDOMAIN. */ readonly noSuchDomain: boolean }

/** Never throws. */
export function decodeReply(bytes: Uint8Array, question: DnsQuestion): DecodedReply {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length < 12 || buffer.readUInt16BE(0) !== question.id) return { at: 'not-ours' }
  if ((buffer.readUInt8(2) & 0x80) === 0) return { at: 'not-ours' } // QR: a query.
  const truncated = (buffer.readUInt8(2) & 0x02) !== 0
  const rcode = buffer.readUInt8(3) & 0x0f
  if (rcode === 1 || rcode === 4) return { at: 'no-edns' }
  let packet: DecodedPacket
  try {
    packet = decode(buffer)
  } catch {
    return { at: truncated ? 'truncated' : 'malformed' }
  }
  const [asked] = packet.questions ?? []
  if (asked !== undefined || rcode === 0) {
    if (asked === undefined || normal(asked.name) !== question.name || asked.type !== question.type)
      return { at: 'not-ours' }
  }
  if (truncated) return { at: 'truncated' }
  // Forged by who cannot see the question, or a server that does not keep the case: TCP tells them apart.
  if (question.spelling !== undefined && asked !== undefined && asked.name !== question.spelling)
    return { at: 'truncated' }
  if (rcode === 5) return { at: 'refused' }
  if (rcode !== 0 && rcode !== 3) return { at: 'servfail' }
  return { at: 'answer', packet, noSuchDomain: rcode === 3 }
}

export type Reading<T extends DnsType> =
  | { readonly at: 'done'; readonly answer: DnsAnswer<DnsRecords[T]>; readonly ttlSeconds: number }
  /** The chain of CNAMEs leaves what the server told: ask for its end. */
  | { readonly at: 'ask-for'; readonly name: string; readonly ttlSeconds: number; readonly authenticated: boolean }

/** Takes the records asked for out of an answer, along its CNAMEs. `ttlSeconds` 0: not to be kept. */
export function readAnswer<T extends DnsType>(
  { packet, noSuchDomain }: Extract<DecodedReply, { at: 'answer' }>,
  question: DnsQuestion & { type: T },
  trustAd: boolean,
): Reading<T> {
  const answers = packet.answers ?? []
  const authenticated = trustAd && packet.flag_ad
  let owner = question.name
  let ttl = DNS_TTL_MAX_SECONDS
  for (let hops = 0; ; hops++) {
    if (hops > DNS_CNAMES_MAX) return { at: 'done', answer: { at: 'failed', why: 'malformed' }, ttlSeconds: 0 }
    const own = answers.filter((record) => normal(record.name) === owner)
    const found = own.filter((record) => record.type === question.type)
    if (found.length > 0) {
      for (const record of found) ttl = Math.min(ttl, ttlOf(record))
      const records = found.map((record) => recordOf(question.type, record)).filter((record) => record !== null)
      const canonical = owner === question.name ? {} : { canonical: owner }
      return {
        at: 'done',
        answer: { at: 'found', records, ttlSeconds: ttl, authenticated, ...canonical },
        ttlSeconds: ttl,
      }
    }
    const alias = own.find((record) => record.type === 'CNAME') // RFC 1034 §3.6.2
    if (alias?.type !== 'CNAME') break
    ttl = Math.min(ttl, ttlOf(alias))
    owner = normal(alias.data)
  }
  const negativeTtl = Math.min(ttl, negativeTtlOf(packet))
  const proven = authenticated ? { authenticated } : {}
  if (noSuchDomain) return { at: 'done', answer: { at: 'no-such-domain', ...proven }, ttlSeconds: negativeTtl }
  if (owner !== question.name && negativeTtlOf(packet) === 0)
    return { at: 'ask-for', name: owner, ttlSeconds: ttl, authenticated }
  return { at: 'done', answer: { at: 'no-data', ...proven }, ttlSeconds: negativeTtl }
}

/** Lower-case, without the final dot. */
export function normal(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

function ttlOf(record: Answer): number {
  const ttl = 'ttl' in record && typeof record.ttl === 'number' ? record.ttl : 0
  return ttl < 0 || ttl > 0x7fffffff ? 0 : ttl // RFC 2181 §8
}

/** RFC 2308 §5: the lesser of the SOA's own TTL and its MINIMUM; without an SOA a "no" is not kept. */
function negativeTtlOf(packet: DecodedPacket): number {
  const soa = (packet.authorities ?? []).find((record) => record.type === 'SOA')
  if (soa === undefined || soa.type !== 'SOA') return 0
  return Math.min(ttlOf(soa), soa.data.minimum ?? 0, DNS_NEGATIVE_TTL_MAX_SECONDS)
}

function recordOf<T extends DnsType>(type: T, record: Answer): DnsRecords[T] | null
function recordOf(type: DnsType, record: Answer): DnsRecords[DnsType] | null {
  if (record.type !== type) return null
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.data
    case 'PTR':
    case 'CNAME':
    case 'NS':
      return normal(record.data)
    case 'SOA':
      return normal(record.data.mname)
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data
      return { priority, weight, port, target: target === '.' ? '.' : normal(target) }
    }
    case 'CAA': {
      const { flags = 0, tag, value } = record.data
      return { flags, tag: tag.toLowerCase(), value } // RFC 8659 §4.1: tags match in any case.
    }
    case 'TLSA': {
      const { usage, selector, matchingType, certificate } = record.data
      return { usage, selector, matching: matchingType, data: certificate.toString('hex') }
    }
    case 'DS': {
      const { keyTag, algorithm, digestType } = record.data
      return { keyTag, algorithm, digestType }
    }
    case 'MX':
      // RFC 7505 §3: the null MX's "." stays a dot.
      return {
        preference: record.data.preference ?? 0,
        exchange: record.data.exchange === '.' ? '.' : normal(record.data.exchange),
      }
    case 'TXT': {
      const parts: readonly (string | Buffer)[] = Array.isArray(record.data) ? record.data : [record.data]
      return parts.map((part) => part.toString()).join('') // RFC 7208 §3.3
    }
    default:
      return null
  }
}
