/** `gavan dns`: the records that this server wants, for a panel, as a zone file, or in the clear. */
import type { Command } from 'commander'
import type { KeyDigest, WantedRecord } from '../../exposure/dns/contract.ts'
import { printData, printZone, relativeName } from '../../exposure/dns/print.ts'
import { addressOf, wantedRecords } from '../../exposure/dns/records.ts'
import { DNS_SIGNED_TIMEOUT_MS } from '../../model/limits.ts'
import { createResolver } from '../../net/resolver.ts'
import type { Config } from '../config/config.ts'
import { dnsSettings } from '../dns-settings.ts'
import { createSystemRandom, systemClock, systemResolvers } from '../machine.ts'
import { isZoneSigned, keyDigests } from '../tlsa.ts'
import { CliError, EXIT, print, printJson, printTable, say } from './output.ts'
import { keysUnread, readSite, runningApiOf } from './site.ts'

export type DnsFlags = { readonly zone?: true; readonly split?: true; readonly inside?: true; readonly tlsa?: true }

const TTL_SECONDS = 3600

export async function runDns(domain: string | undefined, flags: DnsFlags, command: Command): Promise<void> {
  const site = await readSite(command)
  const { config, hostname, plan, json, language } = site
  if (hostname === null)
    throw new CliError(EXIT.badConfig, 'no configuration: whose records?', 'gavan setup mail.example.org')
  const api = await runningApiOf(site)
  const answer = await api?.handle('GET', '/v1/domains', undefined)
  const known = (answer?.body['domains'] as { name: string }[] | undefined)?.map(({ name }) => name) ?? config.domains
  if (domain !== undefined && !known.includes(domain))
    throw new CliError(EXIT.usage, `${domain} is not a domain of this server`, `gavan domain add ${domain}`)
  const place = flags.inside === true ? 'inside' : 'public'
  const text = language === 'ru' ? RUSSIAN : ENGLISH
  const tlsa = await tlsaKeys(config, flags.tlsa === true)
  if (flags.tlsa === true && tlsa.length === 0) say(text.noKey)
  const settings = await dnsSettings(config, plan, domain === undefined ? known : [domain], keysUnread, tlsa)
  const all = wantedRecords(settings)
  const records = all.filter((record) => record.place === place || (place === 'public' && record.place === 'provider'))
  if (json) return printJson({ records: records.map(recordJson) })
  if (flags.zone === true)
    return print(
      printZone(
        records.filter((each) => each.place === place),
        TTL_SECONDS,
      ).trimEnd(),
    )
  const form = flags.split === true ? 'strings' : 'whole'
  printTable(
    text.head,
    records.map((record) => [
      record.data.type,
      record.place === 'provider' ? addressOf(record.name) : relativeName(record),
      printData(record.data, form),
      record.place === 'provider' ? text.provider : record.skippable ? text.skippable : text[record.need],
    ]),
  )
  if (plan.publicAddresses.v4.length + plan.publicAddresses.v6.length === 0) say(text.noAddress)
}

/** @param always also for a zone that is not signed, or of which nobody knows */
async function tlsaKeys(config: Config, always: boolean): Promise<readonly KeyDigest[]> {
  const { servers, trustAd } = config.resolver
  const resolver = createResolver({
    clock: systemClock,
    random: createSystemRandom(),
    servers: servers ?? systemResolvers(),
    trustAd,
    limits: { timeoutMs: DNS_SIGNED_TIMEOUT_MS, tries: 1 },
  })
  if (!always && (await isZoneSigned(config.hostname, resolver)) !== 'signed') return []
  return keyDigests(config).catch((error: unknown) => {
    say(`TLSA records are left out: ${error instanceof Error ? error.message : String(error)}`)
    return []
  })
}

function recordJson(record: WantedRecord): Record<string, unknown> {
  const { id, name, zone, data, need, place, skippable } = record
  return {
    id,
    name,
    zone,
    relativeName: relativeName(record),
    type: data.type,
    value: printData(data, 'whole'),
    zoneFileValue: printData(data, 'strings'),
    need,
    place,
    skippable,
  }
}

const ENGLISH = {
  head: ['TYPE', 'NAME', 'VALUE', 'NEED'],
  required: 'required',
  recommended: 'recommended',
  optional: 'optional',
  skippable: 'skip it if your panel refuses a dot',
  provider: 'set by whoever gave the address: gavan dns ptr-letter',
  noKey: 'No TLSA records: there is no certificate of a CA yet, nor one of tls.cert.',
  noAddress: 'The address outside is not known, so A and PTR are missing: nat.public = ["203.0.113.10"] in gavan.toml.',
} as const
const RUSSIAN = {
  head: ['ТИП', 'ИМЯ', 'ЗНАЧЕНИЕ', 'НУЖНА'],
  required: 'обязательно',
  recommended: 'желательно',
  optional: 'необязательно',
  skippable: 'пропустите, если панель не принимает точку',
  provider: 'её ставит тот, кто дал адрес: gavan dns ptr-letter',
  noKey: 'Записей TLSA нет: нет ни сертификата от CA, ни указанного в tls.cert.',
  noAddress: 'Внешний адрес не известен, поэтому нет A и PTR: nat.public = ["203.0.113.10"] в gavan.toml.',
} as const
