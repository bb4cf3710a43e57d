/** Apple's configuration profile with one mail account; the device asks for the password when it installs it. */
import { createHash } from 'node:crypto'
import type { ClientServer } from '../../model/client-server.ts'
import { escapeXml } from './xml.ts'

export type MobileconfigFacts = {
  readonly address: string
  readonly hostname: string
  readonly servers: readonly ClientServer[]
  /** What the device shows, in its owner's language. */
  readonly words: { readonly name: string; readonly about: string }
}

/** @returns null when the servers do not suffice: a profile needs one to read from and one to send by */
export function printMobileconfig({ address, hostname, servers, words }: MobileconfigFacts): string | null {
  const incoming = servers.find(({ protocol }) => protocol !== 'smtp')
  const outgoing = servers.find(({ protocol }) => protocol === 'smtp')
  if (incoming === undefined || outgoing === undefined) return null
  const account: Plist = {
    EmailAccountDescription: address,
    EmailAccountType: incoming.protocol === 'imap' ? 'EmailTypeIMAP' : 'EmailTypePOP',
    EmailAddress: address,
    ...side('Incoming', incoming, address),
    ...side('Outgoing', outgoing, address),
    OutgoingPasswordSameAsIncomingPassword: true,
    ...identity('com.apple.mail.managed', `${address}.account`, hostname),
    PayloadDisplayName: address,
  }
  const profile: Plist = {
    PayloadContent: [account],
    PayloadDescription: words.about,
    PayloadDisplayName: words.name,
    PayloadOrganization: hostname,
    ...identity('Configuration', address, hostname),
  }
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${printPlist(profile, '')}
</plist>
`
}

function side(prefix: 'Incoming' | 'Outgoing', server: ClientServer, address: string): Plist {
  return {
    [`${prefix}MailServerAuthentication`]: 'EmailAuthPassword',
    [`${prefix}MailServerHostName`]: server.host,
    [`${prefix}MailServerPortNumber`]: server.port,
    [`${prefix}MailServerUseSSL`]: true, // On the ports of STARTTLS as well: the device then insists on it.
    [`${prefix}MailServerUsername`]: address,
  }
}

/** The same account always has the same identifiers, so a profile installed again takes the old one's place. */
function identity(type: string, of: string, hostname: string): Plist {
  return {
    PayloadIdentifier: `${hostname.split('.').toReversed().join('.')}.gavan.${uuidOf(of)}`,
    PayloadType: type,
    PayloadUUID: uuidOf(`${hostname} ${of}`),
    PayloadVersion: 1,
  }
}

/** RFC 9562 §5.8: a UUID of our own making, from the text alone. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`.toUpperCase()
}

type Value = string | number | boolean | readonly Value[] | Plist
type Plist = { readonly [key: string]: Value }

function printPlist(value: Value, indent: string): string {
  if (typeof value === 'string') return `${indent}<string>${escapeXml(value)}</string>`
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`
  if (typeof value === 'boolean') return `${indent}<${value}/>`
  if (isList(value))
    return `${indent}<array>\n${value.map((each) => printPlist(each, `${indent}  `)).join('\n')}\n${indent}</array>`
  const lines = Object.entries(value).map(
    ([key, each]) => `${indent}  <key>${escapeXml(key)}</key>\n${printPlist(each, `${indent}  `)}`,
  )
  return `${indent}<dict>\n${lines.join('\n')}\n${indent}</dict>`
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value)
