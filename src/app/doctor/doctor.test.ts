import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CATALOG } from '../../exposure/catalog.ts'
import type { ExposurePlan } from '../../exposure/contract.ts'
import type { DnsSettings } from '../../exposure/dns/contract.ts'
import { DOCTOR_CHECK_TIMEOUT_MS } from '../../model/limits.ts'
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from '../../model/dns.ts'
import { DAY, type Clock } from '../../std/clock.ts'
import { createTestClock } from '../../std/test-clock.ts'
import { systemClock } from '../machine.ts'
import { changesSince } from './changes.ts'
import type { DoctorInput, Finding, HeldPort, Probes, ServerFacts, State } from './contract.ts'
import { printFindings, printSummary } from './print.ts'
import { containerOf, packageOf } from './probes/held-port.ts'
import { clockAhead } from './probes/time.ts'
import { doctorExitCode, runDoctor } from './run.ts'

const HOST = 'mail.example.org'
const NOW = Date.UTC(2026, 10, 24)
const PID = 100

const plan: ExposurePlan = {
  hostname: HOST,
  clients: 'office',
  layout: 'public',
  container: 'none',
  inside: { v4: ['10.0.0.0/8'], v6: [] },
  serverAddresses: { v4: ['203.0.113.10'], v6: [] },
  publicAddresses: { v4: ['203.0.113.10'], v6: [] },
  gateways: [],
  rows: CATALOG.map((row) => ({
    ...row,
    standardPort: row.port,
    networks: { v4: [], v6: [] },
    reason: 'set-by-hand',
    opening: ['mx', 'http', 'https'].includes(row.service)
      ? 'outside'
      : ['submission', 'imaps'].includes(row.service)
        ? 'inside'
        : 'off',
  })),
  outgoing: { port: 25, to: 'anywhere' },
  warnings: [],
}

const dns: DnsSettings = {
  hostname: HOST,
  domains: ['example.org'],
  plan,
  dkim: new Map([['example.org', [{ selector: 'gv1', record: 'v=DKIM1; k=rsa; p=AAAA' }]]]),
  stsPolicyId: 'abc',
  certificateAuthority: 'letsencrypt.org',
  keyDigests: [],
}

const server: ServerFacts = {
  pid: PID,
  evidence: CATALOG.map(({ service }) => ({
    service,
    listening: true,
    connections: 0,
    stranger: service === 'mx' ? { secondsAgo: 40, address: '198.51.100.7' } : null,
  })),
  hiddenBehind: null,
  certificateTrouble: null,
}

type Zone = Readonly<Record<string, readonly unknown[] | 'failed'>>

/** Everything published as it should be. */
const ZONE: Zone = {
  [`A ${HOST}`]: ['203.0.113.10'],
  [`TXT ${HOST}`]: ['v=spf1 a -all'],
  'MX example.org': [{ preference: 10, exchange: HOST }],
  'TXT example.org': ['google-site-verification=x', 'v=spf1 mx -all'],
  'TXT gv1._domainkey.example.org': ['k=rsa; p=AA AA'],
  'TXT _dmarc.example.org': ['v=DMARC1; p=reject'],
  'CNAME mta-sts.example.org': [HOST],
  'TXT _mta-sts.example.org': ['v=STSv1; id=abc;'],
  'TXT _smtp._tls.example.org': ['v=TLSRPTv1; rua=mailto:postmaster@example.org'],
  'A autoconfig.example.org': ['203.0.113.10'],
  'CNAME autodiscover.example.org': [HOST],
  'SRV _autodiscover._tcp.example.org': [{ priority: 0, weight: 1, port: 443, target: HOST }],
  'SRV _pop3._tcp.example.org': [{ priority: 0, weight: 0, port: 0, target: '.' }],
  'PTR 10.113.0.203.in-addr.arpa': [HOST],
  'A mx.one.example': ['192.0.2.1'],
  'A mx.two.example': ['192.0.2.2'],
}

function resolverOf(zone: Zone): Resolver {
  return {
    async query<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      const found = zone[`${type} ${name}`]
      if (found === 'failed') return { at: 'failed', why: 'timeout' }
      if (found === undefined) return { at: 'no-such-domain' }
      return { at: 'found', records: found as DnsRecords[T][], ttlSeconds: 60, authenticated: false }
    },
  }
}

const held = (more: Partial<HeldPort> = {}): HeldPort => ({
  pid: PID,
  name: 'node',
  unit: null,
  package: null,
  container: null,
  ...more,
})

function input(probes: Partial<Probes> = {}, more: Partial<DoctorInput> & { zone?: Zone } = {}): DoctorInput {
  const { zone = {}, ...rest } = more
  const resolver = resolverOf({ ...ZONE, ...zone })
  return {
    plan,
    dns,
    dataDir: '/var/lib/gavan',
    messageMaxOctets: 50 * 1024 ** 2,
    acme: true,
    targets: {
      outgoing: [
        { host: 'mx.one.example', port: 25 },
        { host: 'mx.two.example', port: 25 },
      ],
      blocklists: ['list.example'],
    },
    probes: {
      now: () => NOW,
      holderOf: async (port) => ([25, 80, 443, 587, 993].includes(port) ? held() : null),
      server: async () => server,
      connect: async () => 'open',
      resolver,
      authority: async (name) => ({ zone: name, resolver }),
      clockAhead: async () => 20,
      disk: async () => ({ freeOctets: 40e9, totalOctets: 50e9, freeInodes: 1e6, totalInodes: 2e6 }),
      memory: () => ({ freeOctets: 1e9, totalOctets: 2e9 }),
      certificate: async () => ({ names: [HOST], issuer: "Let's Encrypt", selfMade: false, notAfter: NOW + 52 * DAY }),
      ...probes,
    },
    ...rest,
  }
}

const run = (given: DoctorInput, clock: Clock = createTestClock()): Promise<Finding[]> => runDoctor(given, clock)

async function one(id: string, given: DoctorInput): Promise<Finding> {
  const found = (await run(given)).find((each) => each.id === id)
  assert.ok(found !== undefined, `no finding ${id}`)
  return found
}

test('a server where all is well', async () => {
  const findings = await run(input())
  const told = findings.filter(({ state }) => state !== 'ok').map(({ id, state }) => `${state} ${id}`)
  assert.deepEqual(told, ['not-checked seen:http', 'not-checked seen:https', 'not-checked outgoing:6'])
  assert.equal(doctorExitCode(findings), 0)
  assert.equal(printSummary(findings, 'en'), '3 not checked.')
  for (const { label, says, fix = [] } of findings)
    for (const each of [label, says, ...fix]) assert.ok(each.en !== '' && each.ru !== '')
})

test('a PTR record is called by its address', async () => {
  const { label } = await one('dns:ptr:ptr:10.113.0.203.in-addr.arpa', input())
  assert.deepEqual([label.en, label.ru], ['PTR 203.0.113.10', 'PTR 203.0.113.10'])
})

describe('this machine', () => {
  for (const [ahead, state] of [
    [0, 'ok'],
    [-1999, 'ok'],
    [-2000, 'warning'],
    [60_000, 'problem'],
    [null, 'not-checked'],
  ] as const)
    test(`a clock ${ahead} ms ahead: ${state}`, async () => {
      assert.equal((await one('clock', input({ clockAhead: async () => ahead }))).state, state)
    })

  test('disk: too little for a letter, a little, none of it there yet', async () => {
    const disk = (freeOctets: number): Partial<Probes> => ({
      disk: async () => ({ freeOctets, totalOctets: 50e9, freeInodes: 1, totalInodes: 100 }),
    })
    assert.equal((await one('disk', input(disk(70e6)))).state, 'problem')
    assert.equal((await one('disk', input(disk(1e9)))).state, 'warning')
    assert.equal((await one('inodes', input(disk(40e9)))).state, 'warning')
    assert.equal((await one('disk', input({ disk: async () => null }))).state, 'not-checked')
  })

  test('a port held by another program: its name, unit, package, and the line that frees it (D16)', async () => {
    const nginx = held({ pid: 812, name: 'nginx', unit: 'nginx.service', package: 'nginx-core' })
    const finding = await one('port:http', input({ holderOf: async (port) => (port === 80 ? nginx : held()) }))
    assert.equal(finding.state, 'problem')
    assert.match(finding.says.en, /nginx \(pid 812, nginx\.service, package nginx-core\).*certificate authority/)
    assert.match(finding.says.ru, /занят: nginx/)
    assert.deepEqual(
      finding.fix?.map(({ en }) => en.split(',')[0]),
      ['sudo systemctl disable --now nginx.service', 'or do without it: gavan.toml'],
    )
  })

  test('a port that another program has and hands on: in order while both are there', async () => {
    const rows = plan.rows.map((row) => (row.service === 'http' ? { ...row, behind: 2080 } : row))
    const nginx = held({ pid: 812, name: 'nginx', unit: 'nginx.service' })
    const at = (holders: Readonly<Record<number, HeldPort>>): DoctorInput =>
      input(
        { holderOf: async (port) => holders[port] ?? (port === 80 || port === 2080 ? null : held()) },
        { plan: { ...plan, rows } },
      )
    const both = at({ 80: nginx, 2080: held() })
    assert.equal((await one('front:http', both)).state, 'ok')
    assert.match(
      (await one('front:http', both)).says.en,
      /^nginx \(pid 812, nginx\.service\) has it, and hands on to 2080$/,
    )
    assert.match((await one('listening', both)).says.en, /\b2080\b/)
    assert.ok((await run(both)).every(({ id }) => id !== 'port:http' && id !== 'seen:http'))
    assert.equal((await one('front:http', at({ 2080: held() }))).state, 'problem')
    const taken = await one('port:http', at({ 80: nginx, 2080: held({ pid: 9, name: 'squid' }) }))
    assert.deepEqual([taken.state, taken.label.en], ['problem', 'port 2080'])
  })

  test('a container that publishes it is stopped, not its proxy', async () => {
    const proxy = held({ pid: 7, name: 'docker-proxy' })
    const finding = await one('port:mx', input({ holderOf: async (port) => (port === 25 ? proxy : null) }))
    assert.match(finding.fix?.[0]?.en ?? '', /^docker ps --filter publish=25/)
  })

  test('nobody on a port that is wanted; somebody on one that is off', async () => {
    const deaf = { ...server, evidence: server.evidence.map((each) => ({ ...each, listening: false })) }
    const given = input({
      server: async () => deaf,
      holderOf: async (port) => (port === 143 ? held({ pid: 9, name: 'dovecot' }) : null),
    })
    assert.equal((await one('port:mx', given)).state, 'problem')
    const off = await one('port:imap', given)
    assert.deepEqual([off.state, /dovecot \(pid 9\)/.test(off.says.en)], ['info', true])
  })

  test('an address to listen on that this host lacks', async () => {
    const warning = { id: 'address-missing' as const, severity: 'problem' as const, service: null }
    const facts = { address: '10.9.9.9', service: 'mx, imaps' }
    const lacking = await one('address:10.9.9.9', input({}, { plan: { ...plan, warnings: [{ ...warning, facts }] } }))
    assert.equal(lacking.state, 'warning')
    assert.match(lacking.says.en, /mx, imaps/)
    assert.match(lacking.says.ru, /У этого узла нет адреса/)
  })

  test('no server runs', async () => {
    const given = input({ server: async () => null, holderOf: async () => null })
    assert.equal((await one('server', given)).state, 'problem')
    assert.equal(
      (await run(given)).some(({ id }) => id.startsWith('port:')),
      false,
      'one cause, one line',
    )
  })
})

describe('outside', () => {
  test('a stranger is proof; that none came yet is none', async () => {
    const seen = await one('seen:mx', input())
    assert.match(seen.says.en, /40 s ago \(198\.51\.100\.7\)/)
    assert.equal((await one('seen:http', input())).state, 'not-checked')
  })

  for (const [name, reached, state] of [
    ['one target that answers is enough', ['timed-out', 'open'], 'ok'],
    ['a refusal came from there: packets pass', ['timed-out', 'refused'], 'ok'],
    ['silence of all is a block (D8)', ['timed-out', 'timed-out'], 'problem'],
    ['no way out at all', ['no-route', 'no-route'], 'problem'],
  ] as const)
    test(`outgoing 25: ${name}`, async () => {
      const connect = async (address: string): Promise<(typeof reached)[number]> =>
        reached[address === '192.0.2.1' ? 0 : 1]
      const finding = await one('outgoing:4', input({ connect }))
      assert.equal(finding.state, state)
      if (name.includes('block'))
        assert.match(finding.fix?.map(({ en }) => en).join(' ') ?? '', /letter port25.*smarthost/)
    })

  test('a target may be an address', async () => {
    const targets = { outgoing: [{ host: '192.0.2.7', port: 25 }], blocklists: [] }
    assert.equal((await one('outgoing:4', input({}, { targets }))).state, 'ok')
    assert.equal((await one('outgoing:6', input({}, { targets }))).state, 'not-checked')
  })

  test('no IPv6 is no fault; targets without address prove nothing', async () => {
    const zone = { 'AAAA mx.one.example': ['2001:db8::1'] }
    const six = await one('outgoing:6', input({ connect: async () => 'no-route' }, { zone }))
    assert.equal(six.state, 'info')
    assert.equal((await one('outgoing:6', input())).state, 'not-checked')
  })

  test('with a smarthost that one is asked', async () => {
    const relayed = { ...plan, outgoing: { port: 587, to: { host: 'mx.one.example' } } }
    assert.equal((await one('smarthost', input({}, { plan: relayed }))).state, 'ok')
    const shut = input({ connect: async () => 'timed-out' }, { plan: relayed })
    assert.equal((await one('smarthost', shut)).state, 'problem')
  })
})

describe('names', () => {
  const cases: readonly (readonly [string, string, Zone, State, RegExp])[] = [
    ['no address', `dns:address:a:${HOST}`, { [`A ${HOST}`]: [] }, 'problem', /not there yet/],
    ['another address', `dns:address:a:${HOST}`, { [`A ${HOST}`]: ['192.0.2.9'] }, 'problem', /something else/],
    [
      'one too many',
      `dns:address:a:${HOST}`,
      { [`A ${HOST}`]: ['203.0.113.10', '192.0.2.9'] },
      'problem',
      /more addresses/,
    ],
    ['its servers are silent', `dns:address:a:${HOST}`, { [`A ${HOST}`]: 'failed' }, 'not-checked', /timeout/],
    [
      'MX elsewhere',
      'dns:mx:mx:example.org',
      { 'MX example.org': [{ preference: 5, exchange: 'mx.oldhost.ru' }] },
      'problem',
      /oldhost.*last/,
    ],
    [
      'SPF of others',
      'dns:spf:txt:example.org',
      { 'TXT example.org': ['v=spf1 include:oldhost.ru -all'] },
      'problem',
      /does not let/,
    ],
    [
      'two SPF',
      'dns:spf:txt:example.org',
      { 'TXT example.org': ['v=spf1 mx -all', 'v=spf1 a -all'] },
      'problem',
      /two of them/,
    ],
    [
      'DKIM cut',
      'dns:dkim:txt:gv1._domainkey.example.org',
      { 'TXT gv1._domainkey.example.org': ['v=DKIM1; p=AAA'] },
      'problem',
      /cut on the way/,
    ],
    [
      'DMARC none',
      'dns:dmarc:txt:_dmarc.example.org',
      { 'TXT _dmarc.example.org': ['v=DMARC1; p=none'] },
      'ok',
      /raise it/,
    ],
    [
      'DMARC without policy',
      'dns:dmarc:txt:_dmarc.example.org',
      { 'TXT _dmarc.example.org': ['v=DMARC1; rua=x'] },
      'problem',
      /something else/,
    ],
    [
      'an old policy id',
      'dns:mta-sts:txt:_mta-sts.example.org',
      { 'TXT _mta-sts.example.org': ['v=STSv1; id=old'] },
      'warning',
      /another policy/,
    ],
    [
      'no TLS-RPT',
      'dns:tls-rpt:txt:_smtp._tls.example.org',
      { 'TXT _smtp._tls.example.org': [] },
      'warning',
      /not there/,
    ],
    [
      'SRV elsewhere',
      'dns:srv:example.org',
      { 'SRV _pop3._tcp.example.org': [{ priority: 0, weight: 0, port: 110, target: 'x.example' }] },
      'info',
      /something else/,
    ],
    [
      'CAA forbids',
      `dns:caa:caa:${HOST}`,
      { [`CAA example.org`]: [{ flags: 0, tag: 'issue', value: 'other.example' }] },
      'problem',
      /forbids letsencrypt/,
    ],
    [
      'CAA permits',
      `dns:caa:caa:${HOST}`,
      { [`CAA example.org`]: [{ flags: 0, tag: 'issue', value: 'letsencrypt.org; x=y' }] },
      'ok',
      /as it should/,
    ],
    [
      'another PTR',
      'dns:ptr:ptr:10.113.0.203.in-addr.arpa',
      { 'PTR 10.113.0.203.in-addr.arpa': ['host-10.isp.net'] },
      'problem',
      /something else/,
    ],
  ]
  for (const [name, id, zone, state, says] of cases)
    test(name, async () => {
      const finding = await one(id, input({}, { zone }))
      assert.equal(finding.state, state)
      assert.match(finding.says.en, says)
    })

  test('SPF is merged with what is there', async () => {
    const zone = { 'TXT example.org': ['v=spf1 include:oldhost.ru -all'] }
    const { have, want } = await one('dns:spf:txt:example.org', input({}, { zone }))
    assert.deepEqual([have, want], ['v=spf1 include:oldhost.ru -all', 'v=spf1 mx include:oldhost.ru -all'])
  })

  test('where the owners cannot be asked, a resolver is, and that is said', async () => {
    assert.match(
      (await one('dns:mx:mx:example.org', input({ authority: async () => null }))).says.en,
      /cache may be old/,
    )
  })
})

describe('certificate', () => {
  const shown = (more: object): Partial<Probes> => ({
    certificate: async () => ({ names: [HOST], issuer: 'CA', selfMade: false, notAfter: NOW + 52 * DAY, ...more }),
  })
  for (const [name, probes, state] of [
    ['a wildcard covers', shown({ names: ['*.example.org'] }), 'ok'],
    ['of our own CA', shown({ selfMade: true }), 'warning'],
    ['for another name', shown({ names: ['*.mail.example.org'] }), 'problem'],
    ['soon over', shown({ notAfter: NOW + 13 * DAY }), 'warning'],
    ['over', shown({ notAfter: NOW - 2 * DAY }), 'problem'],
    ['none shown', { certificate: async () => null }, 'not-checked'],
  ] as const)
    test(name, async () => {
      assert.equal((await one('certificate', input(probes))).state, state)
    })
})

describe('reputation', () => {
  const name = 'A 10.113.0.203.list.example'
  const id = 'blocklist:list.example:203.0.113.10'
  for (const [said, state] of [
    [['127.0.0.2'], 'problem'],
    [['127.0.0.1'], 'not-checked'],
    [['127.255.255.254'], 'not-checked'],
    [['203.0.113.99'], 'not-checked'],
    ['failed', 'not-checked'],
    [undefined, 'ok'],
  ] as const)
    test(`${JSON.stringify(said)} is ${state} (RFC 5782)`, async () => {
      const zone: Zone = said === undefined ? {} : { [name]: said }
      assert.equal((await one(id, input({}, { zone }))).state, state)
    })
})

describe('network', () => {
  test('behind the provider’s NAT no port can be opened', async () => {
    const carrier = {
      ...plan,
      layout: 'nat' as const,
      warnings: [{ id: 'carrier-nat' as const, severity: 'problem' as const, service: null, facts: {} }],
    }
    assert.equal((await one('layout', input({}, { plan: carrier }))).state, 'problem')
  })
  test('that the public address does not lead back from inside is no fault', async () => {
    const nat = { ...plan, layout: 'nat' as const }
    const finding = await one('hairpin', input({ connect: async () => 'timed-out' }, { plan: nat }))
    assert.equal(finding.state, 'info')
  })
  test('a router that hides addresses', async () => {
    const hiding = { ...server, hiddenBehind: { address: '192.168.88.1', percent: 98 } }
    assert.equal((await one('hidden-addresses', input({ server: async () => hiding }))).state, 'warning')
  })
})

describe('the run', () => {
  test('a check that throws or hangs is told, and the others stand', async () => {
    const clock = createTestClock()
    const running = run(
      input({
        disk: async () => {
          throw new Error('EIO')
        },
        clockAhead: () => new Promise(() => {}),
      }),
      clock,
    )
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
    clock.advance(DOCTOR_CHECK_TIMEOUT_MS)
    const findings = await running
    const says = (id: string): string | undefined => findings.find((each) => each.id === id)?.says.en
    assert.equal(says('disk'), 'could not be checked: EIO')
    assert.equal(says('clock'), 'could not be checked: took too long')
    assert.equal(findings.find(({ id }) => id === 'memory')?.state, 'ok')
  })

  test('exit codes as monitoring plugins have them', () => {
    const of = (...states: State[]): number =>
      doctorExitCode([
        { group: 'machine', state: 'ok' },
        ...states.map((state) => ({ group: 'names' as const, state })),
      ])
    assert.equal(of('ok', 'info', 'not-checked'), 0)
    assert.equal(of('ok', 'warning'), 1)
    assert.equal(of('warning', 'problem'), 2)
    assert.equal(of('not-checked'), 3, 'that there is room on the disk says nothing of the rest')
    assert.equal(of(), 0)
  })
})

const EMPTY = { en: '', ru: '' }

describe('what changed', () => {
  const finding = (state: State, flaky = false): Finding => ({
    id: 'x',
    group: 'names',
    state,
    label: EMPTY,
    says: EMPTY,
    ...(flaky ? { flaky: true } : {}),
  })
  /** What each of a series of runs tells. */
  const series = (...runs: Finding[]): State[][] => {
    let memory: ReturnType<typeof changesSince>['memory'] | null = null
    return runs.map((each) => {
      const told = changesSince([each], memory)
      memory = JSON.parse(JSON.stringify(told.memory)) as typeof memory
      return told.news.map(({ state }) => state)
    })
  }

  test('the first run tells what is not well, later ones what is new', () => {
    assert.deepEqual(series(finding('ok'), finding('problem'), finding('problem'), finding('ok')), [
      [],
      ['problem'],
      [],
      ['ok'],
    ])
    assert.deepEqual(series(finding('warning')), [['warning']])
  })
  test('what depends on others must fail twice', () => {
    assert.deepEqual(
      series(
        finding('ok', true),
        finding('problem', true),
        finding('ok', true),
        finding('problem', true),
        finding('problem', true),
      ),
      [[], [], [], [], ['problem']],
    )
  })
  test('that something could not be checked this once is no news', () => {
    assert.deepEqual(series(finding('ok'), finding('not-checked'), finding('ok')), [[], [], []])
  })
})

test('printed: marks, what is there, what is wanted, what to do; Russian by its own plurals', async () => {
  const zone = { 'TXT example.org': ['v=spf1 include:oldhost.ru -all'] }
  const findings = await run(input({ clockAhead: async () => 3000 }, { zone }))
  const screen = printFindings(findings, 'en', false)
  assert.match(screen, /^This machine\n {2}! clock +3\.00 s off/)
  assert.match(
    screen,
    / ✗ SPF example\.org +does not let this server send\n +have +v=spf1 include:oldhost\.ru -all\n +want +v=spf1 mx/,
  )
  assert.doesNotMatch(screen, /\u001b/)
  const russian = printFindings(findings, 'ru', false)
  assert.match(russian, /^Эта машина\n/)
  assert.match(printSummary(findings, 'ru'), /^1 ошибка, 1 замечание, 3 не проверено\.$/)
})

test('whose program it is', async () => {
  assert.equal(containerOf('0::/system.slice/docker-0123456789abcdef0123.scope'), '0123456789ab')
  assert.equal(containerOf('0::/system.slice/nginx.service'), null)
  const lists = await mkdtemp(join(tmpdir(), 'gavan-lists-'))
  try {
    await writeFile(join(lists, 'nginx-core:amd64.list'), '/.\n/usr/sbin/nginx\n')
    assert.equal(await packageOf('/usr/sbin/nginx', lists), 'nginx-core')
    assert.equal(await packageOf('/usr/sbin/ngin', lists), null)
  } finally {
    await rm(lists, { recursive: true })
  }
})

test('how far the clock is off, by a time server (RFC 4330)', async () => {
  const timeServer = createSocket('udp4')
  timeServer.on('message', (request, { address, port }) => {
    const reply = Buffer.alloc(48)
    reply.writeUInt8(0x24, 0)
    reply.writeUInt8(2, 1)
    const seconds = Math.floor((Date.now() - 3_600_000 + 2_208_988_800_000) / 1000) // An hour behind us.
    for (const at of [32, 40]) reply.writeUInt32BE(seconds, at)
    timeServer.send(request.length === 48 ? reply : 'x', port, address)
  })
  timeServer.bind(0, '127.0.0.1')
  await once(timeServer, 'listening')
  try {
    const ahead = await clockAhead({ address: '127.0.0.1', port: timeServer.address().port }, systemClock, 5000)
    assert.ok(ahead !== null && Math.abs(ahead - 3_600_000) < 60_000, `${ahead}`)
  } finally {
    timeServer.close()
  }
  const clock = createTestClock()
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  await once(silent, 'listening')
  const asked = clockAhead({ address: '127.0.0.1', port: silent.address().port }, clock, 1000)
  await once(silent, 'message')
  clock.advance(1000)
  assert.equal(await asked, null)
  silent.close()
})
