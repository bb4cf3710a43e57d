import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CATALOG } from '../../exposure/catalog.ts'
import { LOOPBACK_NETWORKS } from '../../model/network.ts'
import type { ServiceName } from '../../model/service.ts'
import { readCertificates } from './certificates.ts'
import type { Config, ConfigProblem, ServiceConfig } from './config.ts'
import { ALL_KEYS } from './keys.ts'
import { loadConfig } from './load.ts'
import { describeKeys, effectiveConfig, printProblems } from './show.ts'
import { nearest } from './suggest.ts'

let directory: string
before(async () => (directory = await mkdtemp(join(tmpdir(), 'gavan-config-'))))
after(() => rm(directory, { recursive: true, force: true }))

type Env = Record<string, string>
const MINIMAL = 'hostname = "mail.example.org"\n'

async function load(text: string | null, env: Env = {}, flags: Env = {}): ReturnType<typeof loadConfig> {
  const path = join(directory, 'gavan.toml')
  if (text !== null) await writeFile(path, text)
  return loadConfig({ path: text === null ? null : path, env, flags, cores: 2 })
}

async function good(text: string | null, env: Env = {}, flags: Env = {}): Promise<Config> {
  const loaded = await load(text, env, flags)
  assert.ok(loaded.ok, loaded.ok ? '' : printProblems(loaded.error))
  return loaded.value
}

async function bad(text: string | null, env: Env = {}): Promise<readonly ConfigProblem[]> {
  const loaded = await load(text, env)
  assert.ok(!loaded.ok, 'must be refused')
  return loaded.error
}

/** Exactly one problem; key, cause and fix. */
async function refuses(text: string, key: string, cause: RegExp, fix: RegExp | null = null): Promise<void> {
  const problems = await bad(MINIMAL + text)
  assert.equal(problems.length, 1, printProblems(problems))
  assert.equal(problems[0]?.key, key)
  assert.match(problems[0]?.cause ?? '', cause)
  if (fix !== null) assert.match(problems[0]?.fix ?? '', fix)
}

const service = (config: Config, name: ServiceName): ServiceConfig => {
  const found = config.services.find((each) => each.service === name)
  assert.ok(found)
  return found
}
const enabled = (config: Config): string =>
  config.services
    .filter((each) => each.enabled)
    .map((each) => each.service)
    .join(' ')

describe('defaults', () => {
  test('the smallest useful file is three lines', async () => {
    const config = await good('hostname = "Mail.Example.org"\ndomains = ["example.org"]\nclients = "anywhere"\n')
    assert.equal(config.hostname, 'mail.example.org')
    assert.deepEqual(config.domains, ['example.org'])
    assert.equal(config.dataDir, '/var/lib/gavan')
    assert.equal(config.admin.socket, '/var/lib/gavan/ctl.sock')
    assert.equal(enabled(config), 'mx submission imap imaps pop3 pop3s http https')
    assert.equal(config.workers, 2)
    assert.equal(config.limits.messageMaxOctets, 50 * 1024 * 1024)
    assert.equal(config.relay.smarthost, null)
    assert.deepEqual(service(config, 'mx').addresses, ['0.0.0.0', '::'])
  })

  test('without a word about clients their ports serve inner networks only (D7, D11); servers and browsers come from anywhere', async () => {
    const config = await good(MINIMAL)
    for (const { service: name, networks } of config.services) {
      const anywhere = ['mx', 'http', 'https'].includes(name)
      assert.equal(networks === 'anywhere', anywhere, name)
      if (!anywhere) assert.equal(networks, config.inside)
    }
    assert.equal(
      config.inside.some((network) => network.text === '192.168.0.0/16'),
      true,
    )
    assert.equal(enabled(await good(`${MINIMAL}clients = "browser"`)), 'mx http https')
  })

  test('systemd says where data and the socket go', async () => {
    const config = await good(MINIMAL, { STATE_DIRECTORY: '/srv/state:/srv/other', RUNTIME_DIRECTORY: '/run/gavan' })
    assert.equal(config.dataDir, '/srv/state')
    assert.equal(config.admin.socket, '/run/gavan/ctl.sock')
  })
})

describe('what a file can say', () => {
  test('an office, whole', async () => {
    const config = await good(`
hostname = "mail.example.org"
domains  = ["example.org", "Пример.рф"]
data_dir = "data"
clients  = "office"
inside   = ["192.168.88.0/24", "10.8.0.0/24"]
listen   = ["192.168.88.25", "2001:db8::25"]
workers  = 4
ports.pop3        = "off"
ports.submissions = "on"
ports.imap        = { networks = "inside", plain_login = true, addresses = ["192.168.88.25"] }
[ports.imaps]
networks = "anywhere"
[limits]
message_size = "25 MiB"
[log]
level = "debug"
format = "json"
[resolver]
servers = ["127.0.0.1", "192.0.2.53:5353", "[2001:db8::53]:53"]
trust_ad = true
`)
    assert.deepEqual(config.domains, ['example.org', 'пример.рф'])
    assert.equal(config.dataDir, join(directory, 'data'))
    assert.equal(enabled(config), 'mx submission submissions imap imaps http https')
    assert.deepEqual(
      config.inside.map((network) => network.text),
      [...LOOPBACK_NETWORKS.map((network) => network.text), '192.168.88.0/24', '10.8.0.0/24'],
    )
    const imap = service(config, 'imap')
    assert.equal(imap.plainLogin, true)
    assert.deepEqual(imap.addresses, ['192.168.88.25'])
    assert.equal(imap.networks, config.inside)
    assert.equal(service(config, 'imaps').networks, 'anywhere')
    assert.deepEqual(service(config, 'mx').addresses, ['192.168.88.25', '2001:db8::25'])
    assert.equal(config.limits.messageMaxOctets, 25 * 1024 * 1024)
    assert.deepEqual(config.log, { level: 'debug', format: 'json' })
    assert.deepEqual(config.resolver, {
      servers: [
        { address: '127.0.0.1', port: 53 },
        { address: '192.0.2.53', port: 5353 },
        { address: '2001:db8::53', port: 53 },
      ],
      trustAd: true,
    })
  })

  test('one switch turns POP3 off (D12), and one port of it alone can stay', async () => {
    assert.equal(enabled(await good(`${MINIMAL}ports.pop3 = "off"`)), 'mx submission imap imaps http https')
    const alone = await good(`${MINIMAL}ports.pop3 = "off"\nports.pop3s = "on"`)
    assert.equal(enabled(alone), 'mx submission imap imaps pop3s http https')
  })

  test("ports: an offset, and a number of one's own", async () => {
    const config = await good(`${MINIMAL}ports.offset = 2000\nports.https = { port = 8443 }`)
    assert.deepEqual(
      config.services.map((each) => each.port),
      CATALOG.map((row) => (row.service === 'https' ? 8443 : row.port + 2000)),
    )
  })

  test('a smarthost (D8) and routes', async () => {
    await writeFile(join(directory, 'password'), 'geheim\n')
    const config = await good(`${MINIMAL}
[relay.smarthost]
host = "smtp.provider.example"
user = "anna"
password_file = "password"
[relay.routes]
"Branch.Example" = "[2001:db8::25]:2525"
"partner.example" = { host = "mx.partner.example", security = "implicit", verify = false }
`)
    const { smarthost, routes } = config.relay
    assert.equal(smarthost?.port, 587)
    assert.equal(smarthost?.security, 'starttls')
    assert.equal(smarthost?.credentials?.password.reveal(), 'geheim')
    assert.deepEqual(routes.get('branch.example'), {
      host: '2001:db8::25',
      port: 2525,
      security: 'opportunistic',
      credentials: null,
      verify: true,
    })
    assert.deepEqual(routes.get('partner.example'), {
      host: 'mx.partner.example',
      port: 465,
      security: 'implicit',
      credentials: null,
      verify: false,
    })
  })

  test('certificates, one or several, read when they are wanted', async () => {
    await writeFile(join(directory, 'a.pem'), 'A')
    await writeFile(join(directory, 'a.key'), 'B')
    const config = await good(`${MINIMAL}tls.cert = "a.pem"\ntls.key = "a.key"`)
    assert.deepEqual(await readCertificates(config), { ok: true, value: [{ certificate: 'A', key: 'B' }] })
    const two = await good(`${MINIMAL}tls.cert = ["a.pem", "none.pem"]\ntls.key = ["a.key", "none.key"]`)
    const read = await readCertificates(two)
    assert.ok(!read.ok)
    assert.deepEqual(
      read.error.map((problem) => [problem.key, /ENOENT/.test(problem.cause)]),
      [
        ['tls.cert', true],
        ['tls.key', true],
      ],
    )
  })
})

test('a CA to get certificates from: its names, its directory, and its secrets never shown', async () => {
  assert.equal((await good(MINIMAL)).acme, null)
  assert.equal((await good(`${MINIMAL}tls.acme = "off"\ntls.acme_contact = "anna@example.org"`)).acme, null)
  const known = await good(`${MINIMAL}tls.acme = "letsencrypt"\ntls.names = ["IMAP.example.org"]`)
  assert.equal(known.acme?.directory, 'https://acme-v02.api.letsencrypt.org/directory')
  assert.deepEqual(known.acme?.names, ['imap.example.org'])
  const secret = Buffer.from('secret').toString('base64')
  await writeFile(join(directory, 'tsig.key'), `key "gavan" { algorithm hmac-sha256; secret "${secret}"; };`)
  await writeFile(join(directory, 'eab.key'), 'c2VjcmV0\n')
  const own = await good(`${MINIMAL}tls.acme = "https://ca.example:9000/acme/directory"
tls.acme_eab_kid = "kid"
tls.acme_eab_key_file = "eab.key"
tls.acme_dns = { server = "192.0.2.53:5353", zone = "example.org", key_file = "tsig.key" }`)
  assert.equal(own.acme?.binding?.macKey.reveal(), 'c2VjcmV0')
  assert.deepEqual(own.acme?.dns?.server, { address: '192.0.2.53', port: 5353 })
  const shown = JSON.stringify(effectiveConfig(own))
  assert.match(shown, /192\.0\.2\.53:5353/)
  assert.ok(!shown.includes('c2VjcmV0') && !shown.includes(secret))
})

describe('who wins', () => {
  test('flags over environment over file over defaults', async () => {
    const file = `${MINIMAL}workers = 3\nlog.level = "warn"\n`
    const env = {
      GAVAN_WORKERS: '4',
      GAVAN_DOMAINS: 'a.example, b.example',
      GAVAN_PORTS_POP3: 'off',
      GAVAN_RESOLVER_TRUST_AD: 'true',
    }
    const config = await good(file, env, { workers: '5' })
    assert.equal(config.workers, 5)
    assert.deepEqual(config.domains, ['a.example', 'b.example'])
    assert.equal(config.resolver.trustAd, true)
    assert.equal(service(config, 'pop3s').enabled, false)
    const sources = ['workers', 'domains', 'log.level', 'clients'].map((key) => config.sources.get(key) ?? 'default')
    assert.deepEqual(sources, ['flag', 'env', 'file', 'default'])
    assert.equal((await good(file, env)).workers, 4)
  })

  test('no file at all is enough', async () => {
    const config = await good(null, {
      GAVAN_HOSTNAME: 'mail.example.org',
      GAVAN_RELAY_ROUTES: 'example.net=127.0.0.1:2526',
    })
    assert.equal(config.file, null)
    assert.equal(config.relay.routes.get('example.net')?.port, 2526)
  })

  test('a password may come by the environment, or by a file it names', async () => {
    await writeFile(join(directory, 'password'), 'geheim')
    const file = `${MINIMAL}relay.smarthost = { host = "smtp.example", user = "anna" }`
    const direct = await good(file, { GAVAN_RELAY_SMARTHOST_PASSWORD: 'direct' })
    assert.equal(direct.relay.smarthost?.credentials?.password.reveal(), 'direct')
    const named = await good(file, { GAVAN_RELAY_SMARTHOST_PASSWORD_FILE: join(directory, 'password') })
    assert.equal(named.relay.smarthost?.credentials?.password.reveal(), 'geheim')
  })
})

describe('what is refused', () => {
  test('everything wrong is told at once, with its place', async () => {
    const problems = await bad('hostnme = "mail.example.org"\nworkers = 0\nports.imap = "of"\n', {
      GAVAN_CLIENTS: 'ofice',
    })
    assert.deepEqual(
      problems.map(({ key, from, where }) => `${key} ${from} ${where.replace(`${directory}/`, '')}`).toSorted(),
      [
        'clients env GAVAN_CLIENTS',
        'hostname default gavan.toml',
        'hostnme file gavan.toml',
        'ports.imap file gavan.toml',
        'workers file gavan.toml',
      ],
    )
    assert.match(
      printProblems(problems),
      /gavan\.toml: hostnme: there is no key "hostnme"\n {4}did you mean "hostname"\?/,
    )
  })

  test('unknown keys, with what may have been meant', async () => {
    await refuses('port.pop3 = "off"', 'port', /no key "port"/, /./)
    await refuses('pop3 = "off"', 'pop3', /no key/, /did you mean "ports\.pop3"/)
    await refuses('ports.pop4 = "off"', 'ports.pop4', /no key/, /did you mean "ports\.pop3"/)
    await refuses('ports.imap = { enable = true }', 'ports.imap.enable', /no key/, /did you mean "enabled"/)
    await refuses('ports = "all"', 'ports', /is a table/, /ports\.mx/)
    await refuses('log.levle = "info"', 'log.levle', /no key/, /log\.level/)
    await refuses('zzzzzzzzzz = 1', 'zzzzzzzzzz', /no key/)
    const [slip] = await bad(MINIMAL, { GAVAN_HOSTNAM: 'x' })
    assert.match(slip?.fix ?? '', /GAVAN_HOSTNAME/)
    await good(MINIMAL, { GAVAN_DEBUG: '1', GAVAN_SOMETHING_ELSE: '1', OTHER: '1' })
  })

  test('how people may sign in: certificates, tokens', async () => {
    await writeFile(join(directory, 'ca.pem'), '-----BEGIN CERTIFICATE-----')
    await writeFile(join(directory, 'secret'), 'hush\n')
    const plain = await good(MINIMAL)
    assert.deepEqual(plain.access, { clientCertificates: null, oauth: null, pop3LoginDelayMs: 0 })
    assert.deepEqual((await good(`${MINIMAL}tls.client_certificates = true`)).access.clientCertificates, { ca: null })
    assert.deepEqual((await good(`${MINIMAL}tls.client_ca_file = "ca.pem"`)).access.clientCertificates, {
      ca: '-----BEGIN CERTIFICATE-----',
    })
    assert.equal((await good(`${MINIMAL}limits.pop3_login_delay = 60`)).access.pop3LoginDelayMs, 60_000)
    const issuer = `${MINIMAL}oauth.issuer = "https://id.example.org"\noauth.audience = ["mail"]\n`
    assert.deepEqual((await good(issuer)).access.oauth, {
      issuer: 'https://id.example.org',
      audiences: ['mail'],
      claim: 'email',
      scope: null,
      ca: null,
      client: null,
    })
    const { access } = await good(`${issuer}oauth.client_id = "gavan"\noauth.client_secret_file = "secret"`)
    assert.equal(access.oauth?.client?.secret.reveal(), 'hush')
    await refuses('tls.client_ca_file = "nowhere.pem"', 'tls.client_ca_file', /ENOENT/)
    await refuses('tls.client_ca_file = "secret"', 'tls.client_ca_file', /no PEM certificate/)
    const both = 'tls.client_ca_file = "ca.pem"\ntls.client_certificates = false'
    await refuses(both, 'tls.client_ca_file', /client_certificates is false/)
    await refuses('oauth.issuer = "http://id.example.org"', 'oauth.issuer', /not a URL with https/)
    await refuses('oauth.issuer = "https://id.example.org"', 'oauth.audience', /any token/)
    await refuses('oauth.scope = "mail"', 'oauth.scope', /no issuer/)
    await refuses('limits.pop3_login_delay = 3601', 'limits.pop3_login_delay', /from 0 to 3600/)
  })

  test('what is checked on port 25', async () => {
    const { screening } = await good(MINIMAL)
    const { greetingDelayMs, clamav, rspamd, whenDown } = screening!
    assert.deepEqual([greetingDelayMs, clamav, rspamd, whenDown], [3000, null, null, 'accept'])
    const lines =
      'screening.greeting_delay = 0\nscreening.clamav = "127.0.0.1:3310"\nscreening.rspamd = "[::1]:11333"\n'
    const set = await good(`${MINIMAL}${lines}screening.when_down = "defer"`)
    assert.equal(set.screening?.greetingDelayMs, 0)
    assert.deepEqual(set.screening?.clamav, { address: '127.0.0.1', port: 3310 })
    assert.deepEqual(set.screening?.rspamd, { address: '::1', port: 11_333 })
    assert.equal(set.screening?.whenDown, 'defer')
    await refuses('screening.greeting_delay = 11', 'screening.greeting_delay', /from 0 to 10/)
    for (const value of ['127.0.0.1', '127.0.0.1:0', 'localhost:3310'])
      await refuses(`screening.clamav = "${value}"`, 'screening.clamav', /address with a port/)
    await refuses('screening.when_down = "drop"', 'screening.when_down', /accept/)
  })

  test('values that do not fit', async () => {
    await refuses('inside = ["192.168.88.1/24"]', 'inside.0', /192\.168\.88\.0\/24/)
    await refuses('inside = ["0.0.0.0/0"]', 'inside', /every address/)
    await refuses('inside = "10.0.0.0/8"', 'inside', /must be a list/)
    await refuses('domains = ["example..org"]', 'domains.0', /is not a domain/)
    await refuses('listen = ["localhost"]', 'listen.0', /is not an IP address/)
    await refuses('workers = 1.5', 'workers', /whole number/)
    await refuses('workers = "two"', 'workers', /whole number/)
    await refuses('limits.message_size = "50 parsecs"', 'limits.message_size', /not a size/)
    await refuses('limits.message_size = -1', 'limits.message_size', /not a size/)
    await refuses('clients = "everywhere"', 'clients', /none of/)
    await refuses('ports.imap = { port = 70000 }', 'ports.imap.port', /65535/)
    await refuses('ports.imap = { networks = "outside" }', 'ports.imap.networks', /"inside", "anywhere"/)
    await refuses('resolver.servers = ["dns.example"]', 'resolver.servers.0', /not an address/)
    await refuses('ports.offset = 60001', 'ports.offset', /from 0 to 60000/)
    for (const name of ['mail', '192.0.2.1', '', 'mail_1.example.org', '-x.example.org']) {
      const problems = await bad(`hostname = "${name}"`)
      assert.deepEqual(
        problems.map((problem) => problem.key),
        ['hostname'],
        name,
      )
    }
  })

  test('plain logins from outside, or where no password goes without TLS (D10)', async () => {
    await refuses(
      'ports.imap = { plain_login = true, networks = "anywhere" }',
      'ports.imap.plain_login',
      /in the clear/,
      /D10/,
    )
    await refuses(
      'clients = "anywhere"\nports.pop3 = { plain_login = true }',
      'ports.pop3.plain_login',
      /in the clear/,
      /"inside"/,
    )
    await refuses(
      'ports.submission = { plain_login = true, networks = "inside" }',
      'ports.submission.plain_login',
      /not for submission/,
    )
  })

  test('a port that another program hands on: http alone, by a port of its own', async () => {
    await refuses('ports.imap = { handed_on = true }', 'ports.imap.handed_on', /not for imap/)
    await refuses('ports.http = { handed_on = true }', 'ports.http.port', /has port 80/, /port = 2080/)
  })

  test('settings that contradict one another', async () => {
    await refuses('ports.imap = { port = 993 }', 'ports.imaps', /port 993 is that of imap/)
    await refuses('listen = ["0.0.0.0", "192.0.2.1"]', 'listen', /0\.0\.0\.0 is every address, 192\.0\.2\.1 too/)
    await refuses('listen = ["::1", "::1"]', 'listen', /::1 stands there twice/)
    await refuses('ports.imap = { addresses = ["::", "::1"] }', 'ports.imap.addresses', /:: is every address/)
    await good(`${MINIMAL}listen = ["0.0.0.0", "::"]\n`)
    await refuses('tls.cert = "a.pem"', 'tls.cert', /1 and tls\.key 0/)
    await refuses('relay.smarthost.port = 25', 'relay.smarthost.host', /no host/)
    await refuses('relay.smarthost = { host = "a.example", user = "x" }', 'relay.smarthost.user', /no password/)
    await refuses('relay.smarthost.password = "x"', 'relay.smarthost.password', /secret/, /password_file/)
    await refuses('relay.routes."a.example" = { port = 25 }', 'relay.routes.a.example.host', /missing/)
    await refuses('relay.routes."a.example" = "a.example"', 'relay.routes.a.example', /not HOST:PORT/)
    await refuses(
      'relay.smarthost = { host = "a.example", ca_file = "nowhere.pem" }',
      'relay.smarthost.ca_file',
      /ENOENT/,
    )
    await refuses(`data_dir = "/${'x'.repeat(120)}"`, 'admin.socket', /longer than/)
  })

  test('what is said of a CA, and does not fit', async () => {
    const acme = 'tls.acme = "letsencrypt"\n'
    await refuses('tls.acme = "lets"', 'tls.acme', /"lets" is not/)
    await refuses('tls.acme = "http://ca.example/dir"', 'tls.acme', /URL with https/)
    await refuses('tls.acme_contact = "anna@example.org"', 'tls.acme_contact', /no CA is named/, /tls\.acme = /)
    await refuses(`${acme}tls.cert = "a.pem"\ntls.key = "a.key"`, 'tls.acme', /tls\.cert too/)
    await refuses(`${acme}tls.names = ["*.example.org"]`, 'tls.names', /in DNS only/)
    await refuses(`${acme}tls.names = ["192.0.2.1"]`, 'tls.names.0', /not a host name/)
    await refuses(`${acme}tls.acme_eab_kid = "x"`, 'tls.acme_eab_kid', /not both/)
    await refuses(`${acme}tls.acme_ca_file = "none.pem"`, 'tls.acme_ca_file', /ENOENT/)
    await writeFile(join(directory, 'no.key'), 'nothing')
    const dns = (keyFile: string): string =>
      `${acme}tls.acme_dns = { server = "192.0.2.53", zone = "example.org", key_file = "${keyFile}" }`
    await refuses(dns('none.key'), 'tls.acme_dns', /ENOENT/)
    await refuses(dns('no.key'), 'tls.acme_dns', /no TSIG key/)
    await refuses(
      `${acme}tls.acme_dns = { server = "192.0.2.53", key_file = "no.key" }`,
      'tls.acme_dns.zone',
      /missing/,
    )
  })

  test('a file that is no TOML, with its line; one that is not there', async () => {
    const [problem] = await bad(`${MINIMAL}workers = \n`)
    assert.match(problem?.where ?? '', /line 2$/)
    assert.match(problem?.cause ?? '', /not TOML/)
    const missing = await loadConfig({ path: join(directory, 'none.toml'), env: {} })
    assert.ok(!missing.ok)
    assert.match(missing.error[0]?.cause ?? '', /no such file/)
  })

  test('names made to confuse objects are keys like any other', async () => {
    await refuses('"__proto__" = { x = 1 }', '__proto__', /no key/)
    await refuses('"constructor" = 1', 'constructor', /no key/)
  })
})

describe('showing', () => {
  test('the effective configuration has every value and its source, and no secret', async () => {
    const config = await good(`${MINIMAL}relay.smarthost = { host = "smtp.example", user = "anna" }`, {
      GAVAN_RELAY_SMARTHOST_PASSWORD: 'geheim',
    })
    const rows = effectiveConfig(config)
    const row = (key: string): unknown => rows.find((each) => each.key === key)
    assert.deepEqual(row('hostname'), { key: 'hostname', value: '"mail.example.org"', source: 'file' })
    assert.deepEqual(row('clients'), { key: 'clients', value: '"office"', source: 'default' })
    assert.deepEqual(row('ports.imap'), {
      key: 'ports.imap',
      value: '{ enabled = true, port = 143, addresses = ["0.0.0.0", "::"], networks = "inside", plain_login = false }',
      source: 'default',
    })
    assert.equal(JSON.stringify(rows).includes('geheim'), false)
  })

  test('every key is described, and every example is a file that loads', async () => {
    const described = describeKeys()
    assert.equal(described.length, ALL_KEYS.length)
    await writeFile(join(directory, 'smarthost-password'), 'x')
    for (const { key, example, about, values } of described) {
      assert.ok(about !== '' && values !== '', key)
      if (example === '' || /^(?:relay\.smarthost|tls\.|oauth\.)/.test(key)) continue
      await good(key === 'hostname' ? example : MINIMAL + example)
    }
  })
})

test('the nearest word', () => {
  assert.equal(nearest('hostnme', ['hostname', 'domains']), 'hostname')
  assert.equal(nearest('dmoains', ['hostname', 'domains']), 'domains')
  assert.equal(nearest('x', ['hostname', 'domains']), null)
  assert.equal(nearest('y'.repeat(10_000), ['hostname']), null)
})
