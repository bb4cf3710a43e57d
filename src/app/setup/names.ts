/** The DNS records that are wanted, beside what is published already. */
import { printData, relativeName } from '../../exposure/dns/print.ts'
import { addressOf, wantedRecords } from '../../exposure/dns/records.ts'
import type { DnsSettings, WantedRecord } from '../../exposure/dns/contract.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { Language } from '../../exposure/words/contract.ts'
import { LOOPBACK_NETWORKS, networksContain, parseNetwork, PRIVATE_NETWORKS } from '../../model/network.ts'
import { DOCTOR_DNS_TIMEOUT_MS } from '../../model/limits.ts'
import { createResolver } from '../../net/resolver.ts'
import type { Config } from '../config/config.ts'
import { nameChecks } from '../doctor/checks/names.ts'
import type { Finding } from '../doctor/contract.ts'
import { machineProbes } from '../doctor/probes/machine.ts'
import { runCheck } from '../doctor/run.ts'
import { createSystemRandom, systemClock, systemResolvers } from '../machine.ts'

export type RecordLine = {
  readonly mark: '✓' | '✗' | '?'
  readonly type: string
  readonly name: string
  readonly value: string
  /** How it stands there now. */
  readonly says: string
}

/** Asks the authoritative servers, all at once. Never throws for what others do not answer. */
export async function findNames(config: Config, dns: DnsSettings): Promise<readonly Finding[]> {
  const checks = nameChecks({
    plan: dns.plan,
    dns,
    dataDir: config.dataDir,
    messageMaxOctets: config.limits.messageMaxOctets,
    acme: config.acme !== null,
    targets: { outgoing: [], blocklists: [] },
    probes: machineProbes(config, null, { time: [], dnsPort: 53 }),
  })
  return (await Promise.all(checks.map((check) => runCheck(check, systemClock)))).flat()
}

/** Required and recommended ones; optional ones are only counted. @param notAsked says what stands for no finding */
export function recordLines(
  dns: DnsSettings,
  findings: readonly Finding[],
  language: Language,
  notAsked: string,
): { readonly lines: readonly RecordLine[]; readonly optional: number } {
  const shown = wantedRecords(dns).filter(({ place }) => place !== 'inside')
  const lines = shown
    .filter(({ need }) => need !== 'optional')
    .map((record) => lineOf(record, findings, language, notAsked))
  return { lines, optional: shown.length - lines.length }
}

function lineOf(record: WantedRecord, findings: readonly Finding[], language: Language, notAsked: string): RecordLine {
  const id = `dns:${record.id}:${record.data.type.toLowerCase()}:${record.name}`
  const finding = findings.find((each) => each.id === id)
  const state = finding?.state ?? 'not-checked'
  const have = finding?.have
  const isTold = have === undefined || state === 'ok' || finding!.says.en.includes(have.split(' ').at(-1) ?? '')
  return {
    mark: state === 'ok' ? '✓' : state === 'not-checked' ? '?' : '✗',
    type: record.data.type,
    name: record.place === 'provider' ? addressOf(record.name) : relativeName(record),
    // Merged with what is there, where one record holds for several senders.
    value: (record.id === 'spf' ? finding?.want : undefined) ?? printData(record.data, 'whole'),
    says: finding === undefined ? notAsked : `${finding.says[language]}${isTold ? '' : `: ${have}`}`,
  }
}

/** A longer value is a line of its own. */
const VALUE_COLUMNS = 36

export function printLines(lines: readonly RecordLine[]): string[] {
  const width = (of: (line: RecordLine) => string): number => Math.max(0, ...lines.map((line) => of(line).length))
  const [types, names] = [width(({ type }) => type), width(({ name }) => name)]
  return lines.flatMap(({ mark, type, name, value, says }) => {
    const left = `  ${mark} ${type.padEnd(types)}  ${name.padEnd(names)}`
    if (value.length <= VALUE_COLUMNS) return [`${left}  ${value.padEnd(VALUE_COLUMNS)}  ${says}`]
    return [`${left}  ${value}`, `${' '.repeat(left.length)}  ${says}`]
  })
}

const SHARED = ['100.64.0.0/10', '169.254.0.0/16', 'fe80::/10'].flatMap((text) => {
  const network = parseNetwork(text)
  return network.ok ? [network.value] : []
})
const INNER = [...PRIVATE_NETWORKS, ...LOOPBACK_NETWORKS, ...SHARED]

/** What DNS says of the host already; behind NAT that is the router's address. Nobody else is asked who we are. */
export async function publishedAddresses(hostname: string): Promise<string[]> {
  const resolver = createResolver({
    clock: systemClock,
    random: createSystemRandom(),
    servers: systemResolvers(),
    limits: { timeoutMs: DOCTOR_DNS_TIMEOUT_MS, tries: 1 },
  })
  const answer = await resolver.query(hostname, 'A')
  return answer.at === 'found' ? answer.records.filter((address) => !networksContain(INNER, address)) : []
}

/** Ports by where they are open, for a line. */
export function openings({ rows }: ExposurePlan): Record<'outside' | 'inside' | 'loopback' | 'off', string> {
  const of = (opening: string): string =>
    rows
      .filter((row) => row.opening === opening)
      .map(({ port }) => port)
      .toSorted((a, b) => a - b)
      .join(' ')
  return { outside: of('outside') || '–', inside: of('inside') || '–', loopback: of('loopback'), off: of('off') || '–' }
}
