/** Every key of gavan.toml: what it means, what it may hold, what it is when nobody says. docs/config.md is made from it. */
import { CATALOG } from '../../exposure/catalog.ts'
import {
  GREETING_DELAY_MAX_S,
  GREETING_DELAY_S,
  MESSAGE_MAX_OCTETS,
  METRICS_PORT,
  POP3_LOGIN_DELAY_MAX_S,
  TRACE_DAYS,
  SENDING_LIMIT_MAX,
  SENDING_MESSAGES_PER_DAY,
  SENDING_RECIPIENTS_PER_DAY,
} from '../../model/limits.ts'
import type { ServiceName } from '../../model/service.ts'
import { LOG_LEVELS } from '../log.ts'
import * as kind from './kinds.ts'
import type { Kind, PortSetting } from './kinds.ts'

export type Key<T> = {
  /** As written in the file: `tls.cert`. */
  readonly name: string
  readonly kind: Kind<T>
  /** What holds when nobody decides, for people. */
  readonly otherwise: string
  readonly about: string
  /** As a line of the file. */
  readonly example: string
  /** May not stand in the file. */
  readonly secret?: true
}

const key = <T>(
  name: string,
  of: Kind<T>,
  says: { otherwise: string; about: string; example: string; secret?: true },
): Key<T> => ({ name, kind: of, ...says })

export const KEYS = {
  hostname: key('hostname', kind.hostName, {
    otherwise: 'must be given',
    about: 'The name under which others reach this machine; it greets with it.',
    example: 'hostname = "mail.example.org"',
  }),
  domains: key('domains', kind.domainNames, {
    otherwise: 'none',
    about: 'Domains whose mail is kept here; added at start. `gavan domain add` adds more.',
    example: 'domains = ["example.org"]',
  }),
  postmaster: key('postmaster', kind.mailAddress, {
    otherwise: 'nobody: mail for postmaster needs an account or alias of that name',
    about: 'Who reads mail for the postmaster of each domain, which every mail server must take (RFC 5321 §4.5.1).',
    example: 'postmaster = "anna@example.org"',
  }),
  clients: key('clients', kind.oneOf('browser', 'office', 'anywhere'), {
    otherwise: '"office"',
    about:
      "Where mail programs are used: none (`browser`: their ports are off), in the inner networks (`office`), or everywhere (`anywhere`). A port's own setting goes first.",
    example: 'clients = "office"',
  }),
  dataDir: key('data_dir', kind.path, {
    otherwise: '"/var/lib/gavan", or what systemd\'s StateDirectory says',
    about: 'Mail, queue, accounts, keys.',
    example: 'data_dir = "/var/lib/gavan"',
  }),
  inside: key('inside', kind.networks, {
    otherwise: 'the private networks: RFC 1918, RFC 4193, link-local',
    about: 'The inner networks. Loopback always belongs to them.',
    example: 'inside = ["192.168.88.0/24", "10.8.0.0/24"]',
  }),
  natPublic: key('nat.public', kind.ipAddresses, {
    otherwise: "the host's own addresses, when the internet routes them",
    about: 'The addresses under which the internet reaches this server: of the router, when it stands behind one.',
    example: 'nat.public = ["203.0.113.10"]',
  }),
  natNeverBan: key('nat.never_ban', kind.networks, {
    otherwise: 'none; loopback, gateways and nat.proxies are spared anyway',
    about:
      'Networks that are never banned for failed logins, for instance the router whose address everybody in the house has.',
    example: 'nat.never_ban = ["192.168.88.1"]',
  }),
  natProxies: key('nat.proxies', kind.networks, {
    otherwise: 'none',
    about:
      'Load balancers in front of this server. Each connection from them must begin with a PROXY protocol header (version 1 or 2) that names the real peer; from others none is taken.',
    example: 'nat.proxies = ["10.0.0.5"]',
  }),
  listen: key('listen', kind.ipAddresses, {
    otherwise: '["0.0.0.0", "::"]',
    about: 'Addresses to listen on. "::" is IPv6 alone.',
    example: 'listen = ["192.168.88.25"]',
  }),
  portsOffset: key('ports.offset', kind.whole(0, 60_000), {
    otherwise: '0',
    about: 'Added to every standard port, for trying out.',
    example: 'ports.offset = 2000',
  }),
  tlsCert: key('tls.cert', kind.paths, {
    otherwise: 'a certificate of our own CA',
    about: 'PEM files with certificate chains, leaf first; several for several names.',
    example: 'tls.cert = "/etc/gavan/tls/fullchain.pem"',
  }),
  tlsKey: key('tls.key', kind.paths, {
    otherwise: '–',
    about: 'PEM files with the private keys, in the order of tls.cert.',
    example: 'tls.key = "/etc/gavan/tls/privkey.pem"',
  }),
  tlsAcme: key('tls.acme', kind.acmeDirectory, {
    otherwise: '"off"',
    about:
      'The certificate authority (CA) to get certificates from by ACME: "letsencrypt", "letsencrypt-staging", the URL of another directory, or "off". Whoever sets it agrees to the terms of service of that CA.',
    example: 'tls.acme = "letsencrypt"',
  }),
  tlsAcmeContact: key('tls.acme_contact', kind.mailAddress, {
    otherwise: 'none',
    about: 'Where the CA may write to.',
    example: 'tls.acme_contact = "anna@example.org"',
  }),
  tlsNames: key('tls.names', kind.certificateNames, {
    otherwise: 'none more',
    about:
      'Further names for the certificate, besides the hostname and `autoconfig.`, `mta-sts.` and `autodiscover.` of each domain. Wildcards need tls.acme_dns.',
    example: 'tls.names = ["imap.example.org"]',
  }),
  tlsAcmeDns: key('tls.acme_dns', kind.acmeDns, {
    otherwise: 'none: names are proven on ports 80 and 443',
    about:
      'Proves names in DNS (DNS-01) by dynamic update (RFC 2136) of a zone, signed with the TSIG key in the file, as `tsig-keygen` writes it.',
    example: 'tls.acme_dns = { server = "192.0.2.53", zone = "example.org", key_file = "/etc/gavan/tsig.key" }',
  }),
  // Choice: the key stays. A TLSA record of it stays good by itself (RFC 7671 §8), and who forgets to change one loses mail.
  tlsAcmeKey: key('tls.acme_key', kind.oneOf('keep', 'new'), {
    otherwise: '"keep"',
    about:
      'Whether a renewal keeps the key, so that TLSA records stay as they are (`keep`), or takes another one (`new`), which is made a certificate ahead: `gavan dns` shows the records of both, and the next one must be published before the renewal.',
    example: 'tls.acme_key = "new"',
  }),
  tlsAcmeProfile: key('tls.acme_profile', kind.words, {
    otherwise: "the CA's default",
    about: 'The profile to ask for, of those that the CA has.',
    example: 'tls.acme_profile = "tlsserver"',
  }),
  tlsAcmeEabKid: key('tls.acme_eab_kid', kind.words, {
    otherwise: 'none',
    about: 'External account binding, for CAs that want an account made with them before: its key identifier.',
    example: 'tls.acme_eab_kid = "kid-1"',
  }),
  tlsAcmeEabKeyFile: key('tls.acme_eab_key_file', kind.path, {
    otherwise: 'none',
    about: 'A file with its key, base64url.',
    example: 'tls.acme_eab_key_file = "/etc/gavan/eab.key"',
  }),
  tlsAcmeCaFile: key('tls.acme_ca_file', kind.path, {
    otherwise: 'the public CAs',
    about: "A PEM file with a further CA to trust for the ACME server's own certificate: a CA of your own.",
    example: 'tls.acme_ca_file = "/etc/gavan/office-ca.pem"',
  }),
  tlsClientCertificates: key('tls.client_certificates', kind.flag, {
    otherwise: 'false; true with tls.client_ca_file',
    about:
      'Whether mail programs are asked for a certificate of their own, to sign in without a password (SASL EXTERNAL). Good are those that `gavan account certificate add` was given, and those of tls.client_ca_file.',
    example: 'tls.client_certificates = true',
  }),
  tlsClientCaFile: key('tls.client_ca_file', kind.path, {
    otherwise: 'none',
    about:
      'A PEM file with a CA of your own. Whoever has a certificate of it signs in as the account whose address is in it (subjectAltName, email).',
    example: 'tls.client_ca_file = "/etc/gavan/people-ca.pem"',
  }),
  oauthIssuer: key('oauth.issuer', kind.httpsUrl, {
    otherwise: 'none: no tokens are taken',
    about:
      'The OpenID Connect issuer whose bearer tokens let people sign in (OAUTHBEARER, XOAUTH2), exactly as it calls itself.',
    example: 'oauth.issuer = "https://id.example.org/realms/office"',
  }),
  oauthAudience: key('oauth.audience', kind.wordList, {
    otherwise: 'must be given with an issuer',
    about: 'For whom a token must be issued (its claim `aud`); one of these.',
    example: 'oauth.audience = ["mail"]',
  }),
  oauthClaim: key('oauth.claim', kind.words, {
    otherwise: '"email", which the issuer must not call unverified',
    about: 'Which claim of a token is the address of the account.',
    example: 'oauth.claim = "email"',
  }),
  oauthScope: key('oauth.scope', kind.words, {
    otherwise: 'none',
    about: 'A scope that a token must grant.',
    example: 'oauth.scope = "mail"',
  }),
  oauthCaFile: key('oauth.ca_file', kind.path, {
    otherwise: 'the public CAs',
    about: "A PEM file with a further CA to trust for the issuer's own certificate.",
    example: 'oauth.ca_file = "/etc/gavan/office-ca.pem"',
  }),
  oauthClientId: key('oauth.client_id', kind.words, {
    otherwise: 'none: only signed tokens (JWT) are taken',
    about: 'As which client the issuer is asked about tokens that are not signed (RFC 7662).',
    example: 'oauth.client_id = "gavan"',
  }),
  oauthClientSecretFile: key('oauth.client_secret_file', kind.path, {
    otherwise: '–',
    about: 'A file with its secret, readable by gavan alone.',
    example: 'oauth.client_secret_file = "/etc/gavan/oauth-secret"',
  }),
  pop3LoginDelay: key('limits.pop3_login_delay', kind.whole(0, POP3_LOGIN_DELAY_MAX_S), {
    otherwise: '0',
    about: 'Least time between two POP3 logins of an account, in seconds; sooner ones are refused (RFC 2449 §6.5).',
    example: 'limits.pop3_login_delay = 60',
  }),
  mtaStsMode: key('mta_sts.mode', kind.oneOf('off', 'none', 'testing', 'enforce'), {
    otherwise: '"testing"',
    about:
      'The policy published at `https://mta-sts.DOMAIN` (RFC 8461): whether other servers must bring mail by TLS with a good certificate (`enforce`), or report only when they could not (`testing`). `none` takes an earlier policy back; `off` publishes nothing.',
    example: 'mta_sts.mode = "enforce"',
  }),
  screeningEnabled: key('screening.enabled', kind.flag, {
    otherwise: 'true',
    about:
      'Whether letters from other servers are looked at: SPF, DKIM, DMARC, the name of the address. What is found stands in each letter (`Authentication-Results`); what speaks against it takes it to Junk.',
    example: 'screening.enabled = false',
  }),
  screeningDmarc: key('screening.dmarc', kind.oneOf('reject', 'junk', 'note'), {
    otherwise: '"reject"',
    about:
      'What is done with a letter whose author’s domain asks by DMARC to refuse such letters: that (`reject`), put it into Junk (`junk`), or only say so in its header (`note`).',
    example: 'screening.dmarc = "junk"',
  }),
  screeningDnsbl: key('screening.dnsbl', kind.domainNames, {
    otherwise: 'none: most lists ask to be registered with, and refuse who asks by a public resolver',
    about: 'Lists of addresses that send junk (RFC 5782). Letters of an address that is on one of them go to Junk.',
    example: 'screening.dnsbl = ["zen.spamhaus.org"]',
  }),
  screeningGreetingDelay: key('screening.greeting_delay', kind.whole(0, GREETING_DELAY_MAX_S), {
    otherwise: `${GREETING_DELAY_S}`,
    about:
      'Seconds that a server waits for its greeting on port 25 when its address has not been here since the start: robots speak first, and are refused. Inner networks, gateways and nat.never_ban are greeted at once. 0: everybody is.',
    example: 'screening.greeting_delay = 0',
  }),
  screeningClamav: key('screening.clamav', kind.endpoint, {
    otherwise: 'none: letters are not looked through for malware',
    about:
      "Where ClamAV's daemon (clamd) listens, on TCP. It sees each letter from other servers; what it finds infected is refused.",
    example: 'screening.clamav = "127.0.0.1:3310"',
  }),
  screeningRspamd: key('screening.rspamd', kind.endpoint, {
    otherwise: 'none',
    about:
      "Where rspamd's normal worker listens. It sees each letter from other servers, and what it says is done: `reject`, `soft reject`, or `add header`, which takes the letter to Junk.",
    example: 'screening.rspamd = "127.0.0.1:11333"',
  }),
  screeningWhenDown: key('screening.when_down', kind.oneOf('accept', 'defer'), {
    otherwise: '"accept"',
    about:
      'What is done with a letter while ClamAV or rspamd cannot be asked: it is taken unseen (`accept`), or its server is told to come again (`defer`).',
    example: 'screening.when_down = "defer"',
  }),
  traceDays: key('trace.days', kind.whole(0, 365), {
    otherwise: `${TRACE_DAYS}`,
    about:
      'How many days it is remembered what happened to each letter: `gavan trace` tells of it. With subjects and addresses; 0 keeps nothing.',
    example: 'trace.days = 30',
  }),
  smarthostHost: key('relay.smarthost.host', kind.remoteHost, {
    otherwise: 'none: mail goes straight to the servers of its domain',
    about: 'Hands all outgoing mail to this server, for instance when the provider blocks port 25.',
    example: 'relay.smarthost.host = "smtp.provider.example"',
  }),
  smarthostPort: key('relay.smarthost.port', kind.port, {
    otherwise: '587; 465 with security "implicit"',
    about: 'Its port.',
    example: 'relay.smarthost.port = 587',
  }),
  smarthostSecurity: key('relay.smarthost.security', kind.security, {
    otherwise: '"starttls"',
    about:
      '`starttls`: never without. `implicit`: TLS from the first octet. `opportunistic`: in the clear if need be, without sign-in.',
    example: 'relay.smarthost.security = "starttls"',
  }),
  smarthostUser: key('relay.smarthost.user', kind.words, {
    otherwise: 'none: no sign-in',
    about: 'Signs in with this name.',
    example: 'relay.smarthost.user = "anna@example.org"',
  }),
  smarthostPasswordFile: key('relay.smarthost.password_file', kind.path, {
    otherwise: '–',
    about: 'A file with the password, readable by gavan alone.',
    example: 'relay.smarthost.password_file = "/etc/gavan/smarthost-password"',
  }),
  smarthostPassword: key('relay.smarthost.password', kind.words, {
    otherwise: '–',
    about: 'The password itself; in the environment only.',
    example: '',
    secret: true,
  }),
  smarthostVerify: key('relay.smarthost.verify', kind.flag, {
    otherwise: 'true',
    about: 'Whether its certificate must be good for its name.',
    example: 'relay.smarthost.verify = true',
  }),
  smarthostCaFile: key('relay.smarthost.ca_file', kind.path, {
    otherwise: 'the public CAs',
    about: 'A PEM file with a further CA to trust there.',
    example: 'relay.smarthost.ca_file = "/etc/gavan/provider-ca.pem"',
  }),
  relayRoutes: key('relay.routes', kind.routes, {
    otherwise: 'none',
    about: 'Sends the mail of a domain to a host of its own. The short form is opportunistic, as between mail servers.',
    example: 'relay.routes."branch.example" = "10.1.0.25:25"',
  }),
  resolverServers: key('resolver.servers', kind.dnsServers, {
    otherwise: 'those of /etc/resolv.conf',
    about: 'DNS servers to ask.',
    example: 'resolver.servers = ["127.0.0.1"]',
  }),
  resolverTrustAd: key('resolver.trust_ad', kind.flag, {
    otherwise: 'false',
    about: 'Believe a DNS server on loopback that an answer was validated (DNSSEC).',
    example: 'resolver.trust_ad = true',
  }),
  workers: key('workers', kind.whole(1, 128), {
    otherwise: 'as many as there are processor cores',
    about: 'Threads that serve connections.',
    example: 'workers = 2',
  }),
  messageSize: key('limits.message_size', kind.size, {
    otherwise: `"${MESSAGE_MAX_OCTETS / 1024 / 1024}M"`,
    about: 'The largest message taken.',
    example: 'limits.message_size = "50M"',
  }),
  sendingMessages: key('limits.messages_per_day', kind.whole(1, SENDING_LIMIT_MAX), {
    otherwise: String(SENDING_MESSAGES_PER_DAY),
    about:
      'How many messages an account may send to other servers in 24 hours; a stolen password is worth no more. `gavan user sending` sets it for one.',
    example: 'limits.messages_per_day = 500',
  }),
  sendingRecipients: key('limits.recipients_per_day', kind.whole(1, SENDING_LIMIT_MAX), {
    otherwise: String(SENDING_RECIPIENTS_PER_DAY),
    about: 'To how many recipients on other servers, together.',
    example: 'limits.recipients_per_day = 2000',
  }),
  logLevel: key('log.level', kind.oneOf(...LOG_LEVELS), {
    otherwise: '"info"',
    about: 'The least important events that are logged.',
    example: 'log.level = "info"',
  }),
  logFormat: key('log.format', kind.oneOf('auto', 'json', 'pretty'), {
    otherwise: '"auto": pretty at a terminal, else JSON',
    about: 'How log lines look.',
    example: 'log.format = "json"',
  }),
  metricsListen: key('metrics.listen', kind.endpointOrOff, {
    otherwise: `"127.0.0.1:${METRICS_PORT}", the port with ports.offset`,
    about:
      'Where Prometheus finds `/metrics`, or "off". Whoever reaches it reads how much mail goes: keep it on loopback or an inner network.',
    example: `metrics.listen = "127.0.0.1:${METRICS_PORT}"`,
  }),
  adminSocket: key('admin.socket', kind.path, {
    otherwise: '"ctl.sock" in systemd\'s RuntimeDirectory, else in data_dir',
    about: 'The Unix socket through which the command line talks to the running server.',
    example: 'admin.socket = "/run/gavan/ctl.sock"',
  }),
} as const satisfies Record<string, Key<unknown>>

/** `ports.NAME`, one for each row of the catalog. */
export const PORT_KEYS: ReadonlyMap<ServiceName, Key<PortSetting>> = new Map(
  CATALOG.map((row) => [
    row.service,
    key(`ports.${row.service}`, kind.portSetting, {
      otherwise: row.service === 'pop3s' ? 'as ports.pop3' : row.enabled ? '"on"' : '"off"',
      about: `${row.port}: ${row.why}`,
      example: `ports.${row.service} = "${row.enabled ? 'off' : 'on'}"`,
    }),
  ]),
)

export const ALL_KEYS: readonly Key<unknown>[] = [...Object.values(KEYS), ...PORT_KEYS.values()]

/** `GAVAN_TLS_CERT` for `tls.cert`. */
export function envName(name: string): string {
  return `GAVAN_${name.toUpperCase().replaceAll('.', '_')}`
}
