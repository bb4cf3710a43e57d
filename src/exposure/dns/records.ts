/** The DNS records that this server wants, from the plan alone: setup, doctor and `gavan dns` show and check the same. */
import type { ServiceName } from '../../model/service.ts'
import { parseIp } from '../../model/network.ts'
import { rowsFor } from '../client-servers.ts'
import type { ExposurePlan, PlanRow } from '../contract.ts'
import type { DnsSettings, RecordData, RecordId, WantedRecord } from './contract.ts'

/** In the order in which a person would publish them: the host first, then each domain, then what only others can set. */
export function wantedRecords(settings: DnsSettings): WantedRecord[] {
  return [
    ...hostRecords(settings),
    ...settings.domains.flatMap((domain) => domainRecords(domain, settings)),
    ...reverseRecords(settings),
  ]
}

type More = Partial<Pick<WantedRecord, 'need' | 'place' | 'skippable'>>

const record = (id: RecordId, zone: string, name: string, data: RecordData, more: More = {}): WantedRecord => ({
  id,
  name,
  zone,
  data,
  need: 'required',
  place: 'public',
  skippable: false,
  ...more,
})

// The host -------------------------------------------------------------------------------------------------------------

function hostRecords({ hostname, domains, plan, certificateAuthority, keyDigests }: DnsSettings): WantedRecord[] {
  const zone = zoneOf(hostname, domains)
  const addresses = addressRecords(zone, hostname, plan.publicAddresses, 'public')
  // Behind NAT, names lead insiders straight to the server; many routers cannot turn them around (hairpin).
  const insiders = plan.layout === 'nat' ? addressRecords(zone, hostname, plan.serverAddresses, 'inside') : []
  // RFC 7208 §2.3: the name we greet with may send from its own addresses. As a domain of mail it has its record below.
  const helo = domains.includes(hostname)
    ? []
    : [record('spf-helo', zone, hostname, { type: 'TXT', text: 'v=spf1 a -all' }, { need: 'recommended' })]
  const caa =
    certificateAuthority === null
      ? []
      : [
          record(
            'caa',
            zone,
            hostname,
            { type: 'CAA', flags: 0, tag: 'issue', value: certificateAuthority }, // RFC 8659 §4.2
            { need: 'optional' },
          ),
        ]
  const mx = plan.rows.find(({ service }) => service === 'mx')
  const tlsa = keyDigests.map(({ digest: data }) =>
    // RFC 7672 §3.1.1: DANE-EE(3), the public key(1), SHA-256(1).
    record(
      'tlsa',
      zone,
      `_${mx?.standardPort ?? 25}._tcp.${hostname}`,
      { type: 'TLSA', usage: 3, selector: 1, matching: 1, data },
      { need: 'optional' },
    ),
  )
  return [...addresses, ...insiders, ...helo, ...caa, ...tlsa]
}

function addressRecords(
  zone: string,
  hostname: string,
  { v4, v6 }: ExposurePlan['publicAddresses'],
  place: 'public' | 'inside',
): WantedRecord[] {
  const need = place === 'public' ? 'required' : 'optional'
  return [
    ...v4.map((address) => record('address', zone, hostname, { type: 'A', address }, { place, need })),
    ...v6.map((address) => record('address', zone, hostname, { type: 'AAAA', address }, { place, need })),
  ]
}

/** The longest of our domains that the name lies in; else all behind its first label. */
function zoneOf(name: string, domains: readonly string[]): string {
  const [ours] = domains
    .filter((domain) => name === domain || name.endsWith(`.${domain}`))
    .toSorted((a, b) => b.length - a.length)
  return ours ?? name.slice(name.indexOf('.') + 1)
}

// A domain -------------------------------------------------------------------------------------------------------------

function domainRecords(domain: string, settings: DnsSettings): WantedRecord[] {
  const { hostname, plan, dkim, stsPolicyId } = settings
  const txt = (id: RecordId, name: string, text: string, more: More = {}): WantedRecord =>
    record(id, domain, name, { type: 'TXT', text }, more)
  const alias = (id: RecordId, label: string): WantedRecord =>
    record(id, domain, `${label}.${domain}`, { type: 'CNAME', target: hostname }, { need: 'recommended' })
  const postmaster = `mailto:postmaster@${domain}`
  return [
    record('mx', domain, domain, { type: 'MX', preference: 10, exchange: hostname }),
    txt('spf', domain, spfOf(plan)),
    ...(dkim.get(domain) ?? []).map(({ selector, record: text }) =>
      txt('dkim', `${selector}._domainkey.${domain}`, text),
    ),
    txt('dmarc', `_dmarc.${domain}`, `v=DMARC1; p=none; rua=${postmaster}`), // To be raised once the reports are clean.
    ...(stsPolicyId === null
      ? []
      : [
          alias('mta-sts-host', 'mta-sts'),
          txt('mta-sts', `_mta-sts.${domain}`, `v=STSv1; id=${stsPolicyId}`, { need: 'recommended' }), // RFC 8461 §3.1
        ]),
    txt('tls-rpt', `_smtp._tls.${domain}`, `v=TLSRPTv1; rua=${postmaster}`, { need: 'recommended' }), // RFC 8460 §3
    alias('autoconfig', 'autoconfig'),
    alias('autodiscover', 'autodiscover'),
    ...serviceRecords(domain, settings),
  ]
}

/** Only the servers of MX may send; a smarthost sends for us, and its own SPF may have to be included besides. */
function spfOf({ outgoing }: ExposurePlan): string {
  return outgoing.to === 'anywhere' ? 'v=spf1 mx -all' : `v=spf1 mx a:${outgoing.to.host} ~all`
}

/** RFC 6186, RFC 8314 §5.1, RFC 5804 §1.8. */
const SRV_LABELS: Partial<Record<ServiceName, string>> = {
  submissions: '_submissions',
  submission: '_submission',
  imaps: '_imaps',
  imap: '_imap',
  pop3s: '_pop3s',
  pop3: '_pop3',
  sieve: '_sieve',
}

/**
 * What is open outside is told to all; what is open inside only, to a name server of the inner networks, if there is
 * one. `.` says that a service is off (RFC 6186 §3.4), so mail programs do not try.
 */
function serviceRecords(domain: string, { hostname, plan }: DnsSettings): WantedRecord[] {
  const order = rowsFor(plan, 'loopback').map(({ service }) => service)
  const services = plan.rows.flatMap((row): WantedRecord[] => {
    const label = SRV_LABELS[row.service]
    if (label === undefined || row.opening === 'loopback') return []
    const off = row.opening === 'off'
    const data: RecordData = {
      type: 'SRV',
      priority: off ? 0 : Math.max(0, order.indexOf(row.service)),
      weight: off ? 0 : 1,
      port: off ? 0 : row.port,
      target: off ? '' : hostname,
    }
    const place = row.opening === 'inside' ? 'inside' : 'public'
    return [record('srv', domain, `${label}._tcp.${domain}`, data, { need: 'optional', place, skippable: off })]
  })
  const https = plan.rows.find(({ service }) => service === 'https')
  return [...services, ...autodiscoverRecord(domain, hostname, https)]
}

function autodiscoverRecord(domain: string, hostname: string, https: PlanRow | undefined): WantedRecord[] {
  if (https?.opening !== 'outside') return []
  const data: RecordData = { type: 'SRV', priority: 0, weight: 1, port: https.port, target: hostname }
  return [record('autodiscover-srv', domain, `_autodiscover._tcp.${domain}`, data, { need: 'optional' })]
}

// The provider of the addresses ----------------------------------------------------------------------------------------

/** Mail leaves from these addresses: their names must lead back, or large providers refuse it. */
function reverseRecords({ hostname, plan }: DnsSettings): WantedRecord[] {
  if (plan.outgoing.to !== 'anywhere') return []
  const { v4, v6 } = plan.publicAddresses
  return [...v4, ...v6].map((address) => {
    const name = reverseName(address)
    return record('ptr', name, name, { type: 'PTR', target: hostname }, { place: 'provider' })
  })
}

/** RFC 1035 §3.5, RFC 3596 §2.5. @throws for what is no address */
export function reverseName(address: string): string {
  const octets = parseIp(address)
  if (octets === null) throw new Error(`not an address: ${address}`)
  if (octets.length === 4) return `${[...octets].toReversed().join('.')}.in-addr.arpa`
  const nibbles = [...octets].flatMap((octet) => [octet >> 4, octet & 15])
  return `${nibbles
    .toReversed()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`
}

/** The address that a reverse name is of; the name itself when it is of none. */
export function addressOf(reverse: string): string {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(reverse)?.[1]
  if (v4 !== undefined) return v4.split('.').filter(Boolean).toReversed().join('.')
  const v6 = /^((?:[\da-f]\.){32})ip6\.arpa$/.exec(reverse)?.[1]
  if (v6 === undefined) return reverse
  const groups = v6.replaceAll('.', '').split('').toReversed().join('').match(/.{4}/g) ?? []
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) // As short as people write it (RFC 5952).
}
