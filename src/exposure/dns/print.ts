/** Records as people need them: field by field for a panel, or as a zone file. */
import type { RecordData, WantedRecord } from './contract.ts'

/** RFC 1035 §3.3: a string of a TXT record is at most 255 octets. */
export const TXT_STRING_MAX_OCTETS = 255

/** The name as panels want it: relative to the zone, `@` for the zone itself. */
export function relativeName({ name, zone }: WantedRecord): string {
  if (name === zone) return '@'
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : `${name}.`
}

/** @param txt `whole`: as one text, unquoted, as most panels want it; `strings`: quoted, cut at 255 octets (RFC 1035 §5.1) */
export function printData(data: RecordData, txt: 'whole' | 'strings'): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return data.address
    case 'CNAME':
    case 'PTR':
      return `${data.target}.`
    case 'MX':
      return `${data.preference} ${data.exchange}.`
    case 'TXT':
      return txt === 'whole' ? data.text : textStrings(data.text).map(quote).join(' ')
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}.`
    case 'CAA':
      return `${data.flags} ${data.tag} ${quote(data.value)}`
    case 'TLSA':
      return `${data.usage} ${data.selector} ${data.matching} ${data.data}`
  }
}

/** Cut at 255 octets. The texts are ours, so ASCII. */
export function textStrings(text: string): string[] {
  const strings: string[] = []
  for (let at = 0; at < text.length; at += TXT_STRING_MAX_OCTETS)
    strings.push(text.slice(at, at + TXT_STRING_MAX_OCTETS))
  return strings
}

const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`

/** RFC 1035 §5.1; a comment names the zone that each group of lines belongs into. */
export function printZone(records: readonly WantedRecord[], ttlSeconds: number): string {
  const lines: string[] = []
  let zone = ''
  for (const each of records) {
    if (each.zone !== zone) {
      zone = each.zone
      if (each.id !== 'ptr') lines.push(lines.length === 0 ? `; ${zone}` : `\n; ${zone}`, `$ORIGIN ${zone}.`)
    }
    lines.push(`${each.name}. ${ttlSeconds} IN ${each.data.type} ${printData(each.data, 'strings')}`)
  }
  return `${lines.join('\n')}\n`
}
