/**
 * The one table of ports. Listeners, the exposure plan, firewall rules, SRV records and docs/ports.md are made
 * from it; a port that is not here does not exist.
 */
import type { ServiceName, TlsMode } from '../model/service.ts'

export type Role = 'mta' | 'msa' | 'mda' | 'web' | 'filter'
export type Protocol = 'smtp' | 'imap' | 'pop3' | 'http' | 'managesieve'

/** Who must be able to connect. */
export type Reach =
  /** Anyone on the internet that has mail for us. */
  | 'mail-servers'
  /** The users' mail programs: wherever those are, and nowhere else (D11). */
  | 'mail-programs'
  /** Browsers of the users, and who checks or reads what is published there: the certificate authority, MTA-STS readers. */
  | 'browsers'

export type CatalogRow = {
  readonly service: ServiceName
  readonly role: Role
  readonly protocol: Protocol
  /** TCP. */
  readonly port: number
  readonly tls: TlsMode
  readonly reach: Reach
  /** Who must reach it, in words. */
  readonly who: string
  /** Where those are by default: `outside` and `inside` of the local networks. */
  readonly faces: 'outside' | 'inside' | 'both'
  /** Whether it listens when nobody decides otherwise. */
  readonly enabled: boolean
  /** Whether an administrator may allow passwords without TLS, from inner networks only (D10). */
  readonly plainLoginAllowed: boolean
  readonly why: string
  /** Rules of docs/rules.md that it obeys. */
  readonly rules: readonly string[]
}

export const CATALOG: readonly CatalogRow[] = [
  {
    service: 'mx',
    role: 'mta',
    protocol: 'smtp',
    port: 25,
    tls: 'starttls-offered',
    reach: 'mail-servers',
    who: 'other mail servers',
    faces: 'outside',
    enabled: true,
    plainLoginAllowed: false,
    why: 'Where other servers bring mail; it cannot be moved. Servers only: no sign-in here, and it relays for nobody.',
    rules: ['D1', 'D2', 'D3', 'D5', 'D7'],
  },
  {
    service: 'submission',
    role: 'msa',
    protocol: 'smtp',
    port: 587,
    tls: 'starttls-enforced',
    reach: 'mail-programs',
    who: 'the mail programs of your users',
    faces: 'inside',
    enabled: true,
    plainLoginAllowed: false,
    why: 'Where mail programs send: TLS first, then sign-in, then mail. Open outside only if there are users outside.',
    rules: ['D6', 'D7'],
  },
  {
    service: 'submissions',
    role: 'msa',
    protocol: 'smtp',
    port: 465,
    tls: 'implicit',
    reach: 'mail-programs',
    who: 'mail programs set up for SSL/TLS',
    faces: 'inside',
    enabled: false,
    plainLoginAllowed: false,
    why: 'As 587 with TLS from the first octet. Long deprecated as SMTPS; RFC 8314 (2018) prefers it to 587.',
    rules: ['D4', 'D7'],
  },
  {
    service: 'imap',
    role: 'mda',
    protocol: 'imap',
    port: 143,
    tls: 'starttls-enforced',
    reach: 'mail-programs',
    who: 'mail programs set up for STARTTLS',
    faces: 'inside',
    enabled: true,
    plainLoginAllowed: true,
    why: 'Reading mail where it is. No password before STARTTLS, so it is as safe as 993.',
    rules: ['D9', 'D10', 'D11'],
  },
  {
    service: 'imaps',
    role: 'mda',
    protocol: 'imap',
    port: 993,
    tls: 'implicit',
    reach: 'mail-programs',
    who: 'the mail programs of your users',
    faces: 'inside',
    enabled: true,
    plainLoginAllowed: false,
    why: "Reading mail where it is, TLS from the first octet. The default of today's mail programs.",
    rules: ['D9', 'D10', 'D11'],
  },
  // Choice: POP3 is on for inner networks unless it is switched off. D12 says that it can be off, where D4 says of 465 that
  // it is; UX.md shows it off, and DOMAIN.md holds where they differ. One switch: gavan set pop3 off.
  {
    service: 'pop3',
    role: 'mda',
    protocol: 'pop3',
    port: 110,
    tls: 'starttls-enforced',
    reach: 'mail-programs',
    who: 'mail programs without IMAP',
    faces: 'inside',
    enabled: true,
    plainLoginAllowed: true,
    why: 'Fetching mail away. No password before STLS. IMAP is enough for most: one switch turns 110 and 995 off.',
    rules: ['D9', 'D10', 'D11', 'D12'],
  },
  {
    service: 'pop3s',
    role: 'mda',
    protocol: 'pop3',
    port: 995,
    tls: 'implicit',
    reach: 'mail-programs',
    who: 'mail programs without IMAP',
    faces: 'inside',
    enabled: true,
    plainLoginAllowed: false,
    why: 'As 110, TLS from the first octet.',
    rules: ['D9', 'D10', 'D11', 'D12'],
  },
  {
    service: 'http',
    role: 'web',
    protocol: 'http',
    port: 80,
    tls: 'none',
    reach: 'browsers',
    who: "browsers, and Let's Encrypt",
    faces: 'both',
    enabled: true,
    plainLoginAllowed: false,
    why: 'Redirects every request to 443 and answers the certificate check; certificates need it open.',
    rules: ['D13', 'D14'],
  },
  {
    service: 'https',
    role: 'web',
    protocol: 'http',
    port: 443,
    tls: 'implicit',
    reach: 'browsers',
    who: 'browsers',
    faces: 'both',
    enabled: true,
    plainLoginAllowed: false,
    why: 'Webmail, and what mail programs and servers look up to set themselves up.',
    rules: ['D13', 'D14'],
  },
  {
    service: 'sieve',
    role: 'filter',
    protocol: 'managesieve',
    port: 4190,
    tls: 'starttls-enforced',
    reach: 'mail-programs',
    who: 'filter editors of mail programs',
    faces: 'inside',
    enabled: false,
    plainLoginAllowed: false,
    why: 'Editing mail filters from a mail program.',
    rules: ['D11'],
  },
]

const byName = new Map(CATALOG.map((row) => [row.service, row]))

export function catalogRow(service: ServiceName): CatalogRow {
  const row = byName.get(service)
  if (row === undefined) throw new Error(`no such service: ${service}`)
  return row
}
