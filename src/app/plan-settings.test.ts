import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { after, before, describe, test } from 'node:test'
import type { ExposurePlan, HostFacts, Opening, PlanRow } from '../exposure/contract.ts'
import { planOf } from '../exposure/plan.ts'
import { FIREWALL_FORMATS } from '../exposure/firewall/contract.ts'
import { firewallRules } from '../exposure/firewall/render.ts'
import type { ServiceName } from '../model/service.ts'
import { loadConfig } from './config/load.ts'
import { printProblems } from './config/show.ts'
import { planSettings } from './plan-settings.ts'

let directory: string
before(async () => (directory = await mkdtemp(join(tmpdir(), 'gavan-plan-'))))
after(() => rm(directory, { recursive: true, force: true }))

const PUBLIC: HostFacts = {
  addresses: [
    { address: '203.0.113.10', family: 4, interface: 'eth0', network: '203.0.113.0/24', scope: 'global' },
    { address: '2001:db8:1::25', family: 6, interface: 'eth0', network: '2001:db8:1::/64', scope: 'global' },
    { address: '10.8.0.1', family: 4, interface: 'wg0', network: '10.8.0.0/24', scope: 'private' },
  ],
  gateways: ['203.0.113.1'],
  container: 'none',
}
const NAT: HostFacts = {
  addresses: [{ address: '192.168.88.25', family: 4, interface: 'eth0', network: '192.168.88.0/24', scope: 'private' }],
  gateways: ['192.168.88.1'],
  container: 'none',
}

async function planFrom(toml: string, facts: HostFacts): Promise<ExposurePlan> {
  const path = join(directory, 'gavan.toml')
  await writeFile(path, `hostname = "mail.example.org"\n${toml}`)
  const loaded = await loadConfig({ path, env: {}, cores: 1 })
  assert.ok(loaded.ok, loaded.ok ? '' : printProblems(loaded.error))
  return planOf(planSettings(loaded.value), facts)
}

/** Where they are not those of all. */
const networksOf = (plan: ExposurePlan, { opening: at, networks }: PlanRow): string =>
  at !== 'inside' || isDeepStrictEqual(networks, plan.inside) ? '' : [...networks.v4, ...networks.v6].join(' ')

function printPlan(plan: ExposurePlan): string {
  const list = ({ v4, v6 }: { v4: readonly string[]; v6: readonly string[] }): string => [...v4, ...v6].join(' ') || '–'
  const { to, port } = plan.outgoing
  const lines = [
    `${plan.hostname} ${plan.clients} ${plan.layout} ${plan.container}`,
    `inside ${list(plan.inside)}`,
    `server ${list(plan.serverAddresses)}`,
    `public ${list(plan.publicAddresses)}`,
    '',
    ...plan.rows.map((row) =>
      [String(row.port).padEnd(5), row.service.padEnd(12), row.opening.padEnd(9), networksOf(plan, row), row.reason]
        .filter((part) => part !== '')
        .join(' '),
    ),
    `out ${port} ${to === 'anywhere' ? to : to.host}`,
    '',
    ...plan.warnings.map(({ id, severity, service, facts }) =>
      [severity, id, service ?? 'host', JSON.stringify(facts)].join(' '),
    ),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

const PUBLIC_NAT = 'nat.public = ["203.0.113.10"]\n'
const CASES: Readonly<Record<string, { toml: string; facts: HostFacts }>> = {
  'http-handed-on': {
    toml: 'tls.acme = "letsencrypt"\nports.http = { port = 2080, handed_on = true }',
    facts: PUBLIC,
  },
  'public-browser': { toml: 'clients = "browser"', facts: PUBLIC },
  'public-office': { toml: 'clients = "office"\ninside = ["10.8.0.0/24"]', facts: PUBLIC },
  'public-anywhere': { toml: 'clients = "anywhere"', facts: PUBLIC },
  'nat-browser': { toml: `${PUBLIC_NAT}clients = "browser"`, facts: NAT },
  'nat-office': { toml: `${PUBLIC_NAT}clients = "office"\ninside = ["192.168.88.0/24"]`, facts: NAT },
  'nat-anywhere': { toml: `${PUBLIC_NAT}clients = "anywhere"`, facts: NAT },
  'nat-public-unknown': { toml: '', facts: NAT },
  'nat-carrier': {
    toml: '',
    facts: {
      ...NAT,
      addresses: [{ ...NAT.addresses[0]!, address: '100.70.1.2', network: '100.64.0.0/10', scope: 'shared' }],
    },
  },
  'no-pop3': { toml: 'clients = "anywhere"\nports.pop3 = "off"', facts: PUBLIC },
  'submissions-and-sieve': {
    toml: 'clients = "anywhere"\nports.submissions = "on"\nports.sieve = "on"',
    facts: PUBLIC,
  },
  'plain-login': {
    toml: 'clients = "anywhere"\nports.imap = { enabled = true, networks = "inside", plain_login = true }',
    facts: PUBLIC,
  },
  'explicit-networks': {
    toml: 'clients = "office"\nports.submission = { networks = "anywhere" }\nports.imaps = { networks = ["198.51.100.0/24"] }',
    facts: PUBLIC,
  },
  'loopback-networks': { toml: 'ports.imap = { networks = ["127.0.0.1", "::1"] }', facts: PUBLIC },
  'loopback-only': { toml: 'listen = ["127.0.0.1", "::1"]', facts: PUBLIC },
  'mx-off': { toml: 'ports.mx = "off"', facts: PUBLIC },
  'mx-moved': { toml: 'ports.mx = { port = 2525 }', facts: PUBLIC },
  offset: { toml: 'ports.offset = 2000', facts: PUBLIC },
  'http-closed-with-acme': { toml: 'tls.acme = "letsencrypt"\nports.http = "off"', facts: PUBLIC },
  'https-off': { toml: 'clients = "browser"\nports.https = "off"', facts: PUBLIC },
  smarthost: { toml: 'relay.smarthost = { host = "smtp.provider.example", port = 587 }', facts: NAT },
  'inside-global': { toml: 'inside = ["198.51.100.0/24"]', facts: PUBLIC },
  'container-bridge': { toml: '', facts: { ...NAT, container: 'bridge' } },
}

describe('what each port is open to, from the file and the host: golden files', () => {
  for (const [name, { toml, facts }] of Object.entries(CASES)) {
    test(name, async () => {
      const text = printPlan(await planFrom(toml, facts))
      const file = new URL(`golden/plan/${name}.txt`, import.meta.url)
      if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') {
        await mkdir(dirname(file.pathname), { recursive: true })
        await writeFile(file, text)
      }
      assert.equal(text, await readFile(file, 'utf8'))
    })
  }
})

// Every combination rather than a random one: there are few. ---------------------------------------------------------

const WIDTH: Readonly<Record<Opening, number>> = { off: 0, loopback: 1, inside: 2, outside: 3 }
const opening = (plan: ExposurePlan, service: ServiceName): Opening =>
  plan.rows.find((row) => row.service === service)!.opening

function* switches(): Generator<string> {
  for (const pop3 of ['on', 'off'])
    for (const submissions of ['on', 'off'])
      for (const sieve of ['on', 'off'])
        for (const mx of ['on', 'off'])
          for (const imap of ['', 'ports.imap = { networks = "inside", plain_login = true }'])
            yield `ports.pop3 = "${pop3}"\nports.submissions = "${submissions}"\nports.sieve = "${sieve}"\nports.mx = "${mx}"\n${imap}\n`
}

test('in every combination of the switches: what must hold, holds', async () => {
  let combinations = 0
  for (const toml of switches()) {
    for (const facts of [PUBLIC, NAT]) {
      const browser = await planFrom(`${toml}clients = "browser"`, facts)
      const office = await planFrom(`${toml}clients = "office"`, facts)
      const anywhere = await planFrom(`${toml}clients = "anywhere"`, facts)
      for (const plan of [browser, office, anywhere]) {
        combinations += 1
        const mxOff = toml.includes('ports.mx = "off"')
        assert.equal(opening(plan, 'mx'), mxOff ? 'off' : 'outside', 'D1')
        assert.equal(
          plan.warnings.some(({ id }) => id === 'mx-closed'),
          mxOff,
        )
        assert.equal(plan.rows.length, 10)
        if (toml.includes('plain_login')) assert.notEqual(opening(plan, 'imap'), 'outside', 'D10')
      }
      for (const { service } of office.rows) {
        const widths = [browser, office, anywhere].map((plan) => WIDTH[opening(plan, service)])
        // What is said of a port by hand holds for all; the rest only widens.
        assert.ok(widths[1]! <= widths[2]!, `${service}: anywhere opens all that office does`)
        assert.ok(widths[0]! <= widths[1]!, `${service}: office opens all that browser does`)
      }
      for (const service of ['submission', 'imaps'] as const) {
        assert.equal(opening(office, service), 'inside', 'D7')
        assert.equal(opening(anywhere, service), 'outside', 'D7')
      }
    }
  }
  assert.equal(combinations, 192)
})

test('a port that is handed on is opened as it is seen from outside; where we listen stays shut (D14)', async () => {
  const plan = await planFrom('tls.acme = "letsencrypt"\nports.http = { port = 2080, handed_on = true }', PUBLIC)
  assert.equal(plan.rows.find(({ service }) => service === 'http')?.behind, 2080)
  for (const format of FIREWALL_FORMATS) {
    const { text } = firewallRules(plan, format)
    assert.match(text, /\b80\b/, format)
    assert.doesNotMatch(text, /\b2080\b/, format)
  }
})

test('names that are proven in DNS need no port 80', async () => {
  const acme = 'tls.acme = "letsencrypt"\nports.http = "off"\n'
  const ids = async (toml: string): Promise<string[]> => (await planFrom(toml, PUBLIC)).warnings.map(({ id }) => id)
  assert.ok((await ids(acme)).includes('http-closed-with-acme'))
  await writeFile(
    join(directory, 'tsig.key'),
    `key "gavan." {\n\talgorithm hmac-sha256;\n\tsecret "${Buffer.alloc(32, 1).toString('base64')}";\n};\n`,
  )
  const dns = 'tls.acme_dns = { server = "192.0.2.53", zone = "example.org", key_file = "tsig.key" }\n'
  assert.ok(!(await ids(acme + dns)).includes('http-closed-with-acme'))
})

test('a plain login that the configuration let through would be a problem all the same (D10)', async () => {
  const path = join(directory, 'plain.toml')
  await writeFile(path, 'hostname = "mail.example.org"\nclients = "anywhere"\n')
  const loaded = await loadConfig({ path, env: {}, cores: 1 })
  assert.ok(loaded.ok)
  const settings = planSettings(loaded.value)
  const services = settings.services.map((each) => (each.service === 'imap' ? { ...each, plainLogin: true } : each))
  const plan = planOf({ ...settings, services }, PUBLIC)
  assert.deepEqual(
    plan.warnings.map(({ id, service }) => [id, service]),
    [['plain-login-exposed', 'imap']],
  )
})
