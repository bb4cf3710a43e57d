import { isIpv4, isIpv6 } from '../../format/address/domain.ts'
import { MX_HOSTS_MAX } from '../../model/limits.ts'
import type { Answer } from '../../model/queue.ts'
import type { DnsAnswer, MxRecord, Resolver } from '../../model/dns.ts'
import type { Random } from '../../std/random.ts'
import type { Ourselves } from '../contract.ts'

/** A host that may take the mail. Its addresses are looked up when its turn comes. */
export type MailHost = {
  readonly name: string
  /** Fixed for address literals. */
  readonly addresses: readonly string[] | null
}

export type HostList =
  | {
      readonly at: 'hosts'
      readonly hosts: readonly MailHost[]
      /** Whether DNSSEC vouches for the list (RFC 8689 §4.2.1). */
      readonly authenticated: boolean
    }
  | { readonly at: 'failed'; readonly permanent: boolean; readonly answer: Answer }

const ADDRESSES_PER_HOST_MAX = 4

const failed = (permanent: boolean, status: string, text: string): HostList => ({
  at: 'failed',
  permanent,
  answer: { code: permanent ? 550 : 451, status, text, remote: null },
})

/** An address literal's address, or null for a domain. */
export function literalAddress(destination: string): string | null {
  if (!destination.startsWith('[')) return null
  const inner = destination.slice(1, -1)
  return inner.startsWith('IPv6:') ? inner.slice('IPv6:'.length) : inner
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === '0.0.0.0' || address === '::'
}

function isOwnAddress(address: string, ourselves: Ourselves): boolean {
  return ourselves.addresses.includes(address) || (!ourselves.loopbackIsForeign && isLoopback(address))
}

const isOwnName = (name: string, ourselves: Ourselves): boolean =>
  ourselves.names.includes(name) ||
  (!ourselves.loopbackIsForeign && (name === 'localhost' || name.endsWith('.localhost')))

const withoutDot = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()

/** RFC 5321 §5.1: by preference, in random order within one; and nothing as far away as we are, or further. */
function order(records: readonly MxRecord[], random: Random, ourselves: Ourselves): readonly string[] {
  const mine = records.filter((record) => isOwnName(record.exchange, ourselves)).map((record) => record.preference)
  const nearest = Math.min(...mine)
  return records
    .filter((record) => record.preference < nearest)
    .map((record) => ({ ...record, lot: random.float() }))
    .toSorted((a, b) => a.preference - b.preference || a.lot - b.lot)
    .map((record) => record.exchange)
}

/**
 * The hosts that take mail for a domain (R18): its MX hosts, or itself where it has none.
 * Permanent: the domain does not exist (5.1.2), takes no mail (RFC 7505, 5.1.10), or leads back to us (5.4.6).
 */
export async function findMailHosts(
  destination: string,
  options: { resolver: Resolver; random: Random; ourselves: Ourselves },
): Promise<HostList> {
  const { resolver, random, ourselves } = options
  const literal = literalAddress(destination)
  if (literal !== null) {
    if (isOwnAddress(literal, ourselves)) return loop(destination)
    return { at: 'hosts', hosts: [{ name: destination, addresses: [literal] }], authenticated: true }
  }
  const answer = await resolver.query(destination, 'MX')
  switch (answer.at) {
    case 'no-such-domain':
      return failed(true, '5.1.2', `The domain ${destination} does not exist`)
    case 'failed':
      return failed(false, '4.4.3', `The DNS did not say where mail for ${destination} goes (${answer.why})`)
    case 'no-data':
      if (isOwnName(destination, ourselves)) return loop(destination)
      // RFC 5321 §5.1: a domain without MX records is its own mail host.
      return {
        at: 'hosts',
        hosts: [{ name: destination, addresses: null }],
        authenticated: answer.authenticated === true, // RFC 7672 §2.2.1: proven that there is no MX.
      }
    case 'found':
      break
  }
  const named = answer.records.map((record) => ({ ...record, exchange: withoutDot(record.exchange) }))
  const records = named.filter((record) => record.exchange !== '')
  if (records.length === 0) return failed(true, '5.1.10', `${destination} takes no mail (null MX, RFC 7505)`)
  // RFC 5321 §5.1: an MX names a host; an address there is a mistake of theirs that may be mended.
  const usable = records.filter((record) => !isIpv4(record.exchange) && !isIpv6(record.exchange))
  if (usable.length === 0)
    return failed(false, '4.4.4', `The MX records of ${destination} hold addresses, not host names`)
  const names = [...new Set(order(usable, random, ourselves))].slice(0, MX_HOSTS_MAX)
  if (names.length === 0) return loop(destination)
  const hosts = names.map((name) => ({ name, addresses: null }))
  return { at: 'hosts', hosts, authenticated: answer.authenticated }
}

function loop(destination: string): HostList {
  return failed(true, '5.4.6', `Mail for ${destination} leads back to this server, which does not take it`)
}

export type AddressList =
  | {
      readonly at: 'addresses'
      readonly addresses: readonly string[]
      /** What DNS said; empty where it was not asked. */
      readonly answers: readonly DnsAnswer<string>[]
    }
  | { readonly at: 'ourselves' }
  | { readonly at: 'failed'; readonly answer: Answer }

/** A host's addresses, IPv6 and IPv4 in turn. A failure of one family does not matter while the other has some. */
export async function findAddresses(
  host: MailHost,
  options: {
    resolver: Resolver
    ourselves: Ourselves
    /** A route of the operator's, who knows. */ mayBeOurselves: boolean
  },
): Promise<AddressList> {
  const { resolver, ourselves, mayBeOurselves } = options
  if (host.addresses !== null) return { at: 'addresses', addresses: host.addresses, answers: [] }
  const [six, four] = await Promise.all([resolver.query(host.name, 'AAAA'), resolver.query(host.name, 'A')])
  const sixes = six.at === 'found' ? six.records : []
  const fours = four.at === 'found' ? four.records : []
  const inTurn: string[] = []
  for (let i = 0; i < Math.max(sixes.length, fours.length); i++) {
    if (i < sixes.length) inTurn.push(sixes[i]!)
    if (i < fours.length) inTurn.push(fours[i]!)
  }
  if (inTurn.length > 0) {
    const foreign = mayBeOurselves ? inTurn : inTurn.filter((address) => !isOwnAddress(address, ourselves))
    if (foreign.length === 0) return { at: 'ourselves' }
    return { at: 'addresses', addresses: foreign.slice(0, ADDRESSES_PER_HOST_MAX), answers: [six, four] }
  }
  const temporary = six.at === 'failed' || four.at === 'failed'
  const text = temporary ? `The DNS did not give the address of ${host.name}` : `The host ${host.name} has no address`
  return { at: 'failed', answer: { code: 451, status: temporary ? '4.4.3' : '4.4.4', text, remote: null } }
}
