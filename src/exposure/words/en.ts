import { CATALOG } from '../catalog.ts'
import type { ServiceName } from '../../model/service.ts'
import type { PlanWords } from './contract.ts'

const fromCatalog = (of: (row: (typeof CATALOG)[number]) => string): Record<ServiceName, string> =>
  Object.fromEntries(CATALOG.map((row) => [row.service, of(row)])) as Record<ServiceName, string>

/** Short, to the unit that says something. */
function ago(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

const plural = new Intl.PluralRules('en')

export const en: PlanWords = {
  roles: { mta: 'MTA', msa: 'MSA', mda: 'MDA', web: 'Web', filter: 'Filters' },
  what: {
    mx: 'mail from other servers',
    submission: 'sending from mail programs',
    submissions: 'sending from mail programs, TLS from the start',
    imap: 'reading mail, by STARTTLS',
    imaps: 'reading mail',
    pop3: 'fetching mail, by STARTTLS',
    pop3s: 'fetching mail',
    http: 'redirect to 443, certificate check',
    https: 'webmail, set-up of mail programs',
    sieve: 'filter editors',
  },
  who: fromCatalog(({ who }) => who),
  peers: fromCatalog(({ who }) => who),
  ifShut: {
    mx: 'no mail comes in: other servers look nowhere else',
    submission: 'webmail goes on, mail programs cannot send',
    submissions: 'mail programs set up for SSL/TLS on 465 cannot send; 587 goes on',
    imap: 'programs set up for STARTTLS cannot read; 993 does the same',
    imaps: 'webmail goes on, mail programs cannot read',
    pop3: 'programs set up for POP3 with STARTTLS fetch nothing',
    pop3s: 'programs set up for POP3 fetch nothing; IMAP goes on',
    http: "Let's Encrypt cannot check the name by port 80, and who types the name without https:// finds nothing",
    https: 'no webmail; mail programs do not find their settings, other servers no MTA-STS policy',
    sieve: 'filters are edited in webmail only',
  },
  insists: {
    none: 'nothing is answered here but a redirect and the certificate check',
    'starttls-offered': 'no sign-in here; encrypted whenever the other server can',
    'starttls-enforced': 'encryption before sign-in; a password in the clear is refused unread',
    implicit: 'encrypted from the first octet, then sign-in',
  },
  tls: {
    none: 'HTTP',
    'starttls-offered': 'STARTTLS offered',
    'starttls-enforced': 'STARTTLS enforced',
    implicit: 'TLS',
  },
  opening: { outside: 'open', inside: 'inside', loopback: 'this host', off: 'off' },
  openOutside: { outside: 'open', inside: 'shut', loopback: 'shut', off: 'off' },
  reason: {
    'mx-must-be-open': 'servers only, no sign-in here; closed means no mail',
    'clients-outside': 'your people use mail programs anywhere; encryption and sign-in are mandatory',
    'clients-inside': 'your people use mail programs in the office only; open it outside only if they are there',
    'clients-browser-only': 'your people read mail in the browser',
    'off-by-default': 'not needed by default',
    'off-by-choice': 'turned off in gavan.toml',
    'web-open': 'wherever your people are, and who checks what is published there',
    'handed-on': 'another program of this host has it and hands on to gavan what is for it; open outside all the same',
    'set-by-hand': 'set in gavan.toml',
    'plain-login-inside': 'passwords without encryption are allowed here, so inner networks only',
    'loopback-only': 'listens on loopback only',
  },
  warning: {
    'mx-closed': () => 'Port 25 is not open to the outside: no mail will come in (D1).',
    'mx-port-moved': ({ port }) =>
      `Mail from other servers comes to 25 and nowhere else; this one listens on ${port} (D1).`,
    'http-closed-with-acme': () =>
      "Port 80 is not open, and certificates are asked for by ACME: Let's Encrypt checks there first (D14).",
    'https-closed-with-mta-sts': () =>
      'Port 443 is not open: the MTA-STS policy cannot be read, nor can phones set themselves up.',
    'submission-open-without-clients': () =>
      'Sending is open to the outside, but nobody is said to be there: gavan set clients anywhere, or close it (D7).',
    'plain-login-exposed': () => 'Passwords would travel in the clear from outside (D10).',
    'no-way-to-send': () => 'Nobody can send: 587, 465 and 443 are all off.',
    'no-way-to-read': () => 'Nobody can read mail: IMAP, POP3 and 443 are all off.',
    'port-offset': ({ offset }) =>
      `All ports are moved by ${offset}: good for a trial; the internet looks at the usual ones.`,
    'behind-nat-no-public': () =>
      'Behind a router, and the address outside is not known: say nat.public = ["203.0.113.10"] in gavan.toml.',
    'carrier-nat': ({ address }) =>
      `${address} is an address of the provider's own (RFC 6598): no port can be opened from outside. Ask for a public one.`,
    'inside-covers-global': ({ network }) =>
      `inside holds ${network}, which the internet routes: right only if all of it is yours.`,
    'address-missing': ({ address, service }) =>
      `This host has no address ${address}, on which is to listen: ${service}. Those it has: ip address`,
    'container-bridge': () =>
      "Behind a container's bridge every visitor looks like the bridge: SPF and bans cannot work. Use the host's network.",
  },
  submissions:
    'On 465 opinions differ. It was the number of SMTPS and was withdrawn in 1998; RFC 8314 (2018) gave it back and prefers TLS from the first octet to STARTTLS on 587. Both are as safe here, since 587 takes no sign-in before TLS. Turn it on for programs that want it: gavan set submissions on',
  outgoing: {
    what: 'mail to other servers',
    anywhere: 'this server → any',
    smarthost: (host) => `this server → ${host}`,
    why: 'mail leaves here; many providers block it',
  },
  clients: {
    browser: 'browser (no mail programs)',
    office: 'office (mail programs inside)',
    anywhere: 'anywhere (mail programs and phones outside too)',
  },
  labels: {
    port: 'PORT',
    role: 'ROLE',
    protocol: 'PROTOCOL',
    who: 'WHO MUST REACH IT',
    open: 'OUTSIDE',
    why: 'WHY',
    now: 'NOW',
    nowLong: 'Now',
    whoLong: 'Who needs it',
    openLong: 'Outside',
    insists: 'We insist on',
    ifShut: 'If shut',
    profile: 'profile',
    change: 'Change',
    rules: 'Rules',
    outside: 'OUTSIDE',
    inside: 'INSIDE',
    server: 'server',
    router: 'router',
    host: 'server',
    allow: 'allow',
    shutOnPurpose: 'shut on purpose',
    serviceOff: 'service off',
    open_: 'open',
    mapTitle: 'Which ports are open, to whom',
    listens: 'listens',
    silent: 'nothing listens',
    heldBy: (name) => `held by ${name}`,
    connections: (n) => `${n} ${plural.select(n) === 'one' ? 'connection' : 'connections'}`,
    live: (n) => `${n} now`,
    today: (n) => `${n} today`,
    refusedToday: (n) => `${n} refused today`,
    seen: (seconds, address) => `seen ${ago(seconds)} ago from ${address}`,
    stranger: (seconds, address) => `the last one from outside: ${ago(seconds)} ago from ${address}`,
    noStranger: 'nobody from outside so far',
    listensUnasked: 'somebody listens; whether it is gavan, root may ask',
    heldByUnknown: 'another program; root sees which',
    mayNotAsk: (socket) =>
      `This user may not open ${socket}, so the server could not be asked: run it as root or as the user gavan.`,
    noFile: 'No configuration file: this is the plan for the defaults on this host.',
  },
}
