import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { HeldPort } from '../doctor/contract.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/config.ts'
import { completeAnswers, defaultDomain } from './answers.ts'
import { applySteps, type Hands } from './apply.ts'
import { systemName } from './around.ts'
import { NOTHING_FOUND, type Answers, type Found, type Step } from './contract.ts'
import { placesBelow } from './places.ts'
import { planSetup, settingsAfter } from './plan.ts'
import type { Ran } from './programs.ts'
import { planRemoval, readRecord, remove } from './remove.ts'
import { answersOf, diffLines } from './settings-file.ts'
import { handOnSnippet } from './snippet.ts'
import { isBelowHome, printUnit } from './unit.ts'
import { en } from './words/en.ts'
import { ru } from './words/ru.ts'

const ANSWERS: Answers = {
  hostname: 'mail.example.org',
  domain: 'example.org',
  first: 'anna@example.org',
  clients: 'office',
  port80: null,
  publicAddresses: [],
}
const NGINX: HeldPort = { pid: 812, name: 'nginx', unit: 'nginx.service', package: 'nginx', container: null }

describe('answers', () => {
  const complete = (given: object, earlier = {}, held = false): unknown => {
    const result = completeAnswers(given, earlier, held)
    return result.ok ? result.value : `${result.error.about}: ${result.error.why}`
  }
  test('by default', () => {
    assert.deepEqual(complete({ hostname: 'Mail.Example.org.' }), { ...ANSWERS, first: 'admin@example.org' })
    assert.equal(defaultDomain('example.org'), 'example.org')
    assert.equal(defaultDomain('mail.office.example.org'), 'office.example.org')
  })
  test('flags, then what was answered before; the earlier mailbox is none of another domain', () => {
    const earlier = { ...ANSWERS, clients: 'anywhere' }
    assert.deepEqual(complete({}, earlier), earlier)
    assert.deepEqual(complete({ domain: 'example.net', clients: '1' }, earlier), {
      ...ANSWERS,
      domain: 'example.net',
      first: 'admin@example.net',
      clients: 'browser',
    })
    assert.deepEqual(complete({ hostname: 'mail.example.org', first: 'anna' }), ANSWERS)
  })
  test('port 80 is asked about when another program holds it', () => {
    assert.deepEqual(complete({ ...ANSWERS, port80: 'stop' }, {}, true), { ...ANSWERS, port80: 'stop' })
    assert.deepEqual(complete({ ...ANSWERS, port80: undefined }, {}, true), { ...ANSWERS, port80: 'keep' })
    assert.deepEqual(complete({ ...ANSWERS, port80: 'stop' }), ANSWERS)
  })
  test('what cannot be one', () => {
    const hostname = 'mail.example.org'
    for (const [given, why] of [
      [{}, 'hostname: no-host'],
      [{ hostname: '192.0.2.1' }, 'hostname: is-address'],
      [{ hostname: '2001:db8::1' }, 'hostname: is-address'],
      [{ hostname: '[2001:db8::1]' }, 'hostname: is-address'],
      [{ hostname: 'localhost' }, 'hostname: single-label'],
      [{ hostname: 'a..b' }, 'hostname: no-name'],
      [{ hostname: 'mail_1.example.org' }, 'hostname: no-name'],
      [{ hostname, domain: 'example' }, 'domain: no-domain'],
      [{ hostname, domain: '192.0.2.1' }, 'domain: no-domain'],
      [{ hostname, domain: 'anna@example.org' }, 'domain: no-domain'],
      [{ hostname, first: 'a b' }, 'first: no-mailbox'],
      [{ hostname, first: '' }, 'first: no-mailbox'],
      [{ hostname, first: 'anna@example.net' }, 'first: other-domain'],
      [{ hostname, clients: '4' }, 'clients: no-choice'],
      [{ hostname, port80: 'yes' }, 'port80: no-choice'],
      [{ hostname, publicAddresses: ['router'] }, 'public: no-address'],
    ] as const)
      assert.equal(complete(given), why, JSON.stringify(given))
  })
})

const places = placesBelow('/nowhere')
const here = placesBelow(null)

async function configOf(text: string): Promise<Config> {
  const loaded = await loadConfig({ path: '/etc/gavan/gavan.toml', env: {}, text })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.value
}

async function after(answers: Answers, text: string | null): Promise<string> {
  const result = settingsAfter(answers, here, text === null ? null : { text, config: await configOf(text) })
  assert.ok(result.ok, result.ok ? '' : result.error)
  return result.value
}

describe('gavan.toml', () => {
  test('what is written is read again as it was answered', async () => {
    for (const port80 of [null, 'keep', 'dns'] as const) {
      const answers: Answers = { ...ANSWERS, port80, clients: 'anywhere', publicAddresses: ['203.0.113.10'] }
      const read = answersOf(await configOf(await after(answers, null)))
      assert.deepEqual(read, { ...answers, port80: port80 ?? 'keep' })
    }
    const config = await configOf(await after({ ...ANSWERS, port80: 'keep' }, null))
    const http = config.services.find(({ service }) => service === 'http')
    assert.deepEqual([http?.addresses, http?.port, http?.handedOn], [['127.0.0.1'], 2080, true])
    assert.notEqual(config.acme, null)
  })
  test('a file that is there keeps comments, order and what setup never asked', async () => {
    const mine = `# ours
hostname = 'mail.example.org' # the name
tls.acme = "off"
domains = ["example.org", "example.net"]
postmaster = "anna@example.org"
clients = "office"

[limits]
message_size = "20M" # small
`
    assert.equal(await after(ANSWERS, mine), mine)
    const changed = await after({ ...ANSWERS, clients: 'anywhere', publicAddresses: ['203.0.113.10'] }, mine)
    assert.deepEqual(diffLines(mine, changed), [
      '- clients = "office"',
      '+ clients = "anywhere"',
      '+ nat.public = ["203.0.113.10"]',
    ])
    const other = await after({ ...ANSWERS, domain: 'example.com', first: 'anna@example.com' }, mine)
    assert.match(other, /^domains = \["example.com", "example.org", "example.net"\]$/m)
  })
  test('written so that only a person can change it: the line to write', async () => {
    const text = 'hostname = "mail.example.org"\ndomains = [\n  "example.net",\n]\npostmaster = "anna@example.org"\n'
    const result = settingsAfter(ANSWERS, here, { text, config: await configOf(text) })
    assert.deepEqual(result, { ok: false, error: 'domains = ["example.org", "example.net"]' })
  })
  test('port 80 freed: the earlier answer is taken back', async () => {
    const kept = await after({ ...ANSWERS, port80: 'keep' }, null)
    assert.match(await after({ ...ANSWERS, port80: 'stop' }, kept), /^ports\.http = "on"$/m)
    assert.equal(await after(ANSWERS, kept), kept, 'when nobody is asked, it stays')
  })
})

describe('the plan', () => {
  const plan = async (options: {
    found?: Partial<Found>
    held?: boolean
    port80?: Answers['port80']
    systemd?: boolean
    blocked?: boolean
  }): Promise<string[]> => {
    const { found = {}, held = false, port80 = null, systemd = true, blocked = false } = options
    const answers = { ...ANSWERS, port80 }
    const steps = planSetup({
      answers,
      around: { held: held ? new Map([[80, NGINX]]) : new Map(), systemd },
      places: here,
      found: { ...NOTHING_FOUND, ...found },
      config: await after(answers, found.config ?? null),
      unitText: 'unit',
      blocked,
    })
    return steps.map((step) =>
      step.do === 'write-file' ? `write ${step.path}` : step.do === 'make-directory' ? `make ${step.path}` : step.do,
    )
  }
  const ALL = [
    'make-user',
    'make /var/lib/gavan',
    'make /etc/gavan',
    'write /etc/gavan/gavan.toml',
    'write /etc/systemd/system/gavan.service',
    'make-keys',
    'make-account',
    'start',
  ]
  test('of an empty machine', async () => {
    assert.deepEqual(await plan({}), ALL)
    assert.deepEqual(await plan({ systemd: false }), ALL.slice(0, -1))
    assert.deepEqual(await plan({ blocked: true }), ALL.slice(0, -1), 'no start in vain')
    assert.deepEqual(await plan({ held: true, port80: 'keep' }), ALL)
    assert.deepEqual(await plan({ held: true, port80: 'stop' }), [...ALL.slice(0, -1), 'stop-other', 'start'])
  })
  test('of one that is set up: nothing, or what differs', async () => {
    const found: Found = {
      config: await after(ANSWERS, null),
      unit: { text: 'unit', packaged: false },
      user: true,
      dataDir: true,
      keys: true,
      account: true,
      running: true,
      enabled: true,
    }
    assert.deepEqual(await plan({ found }), [])
    assert.deepEqual(await plan({ found: { ...found, unit: { text: 'older', packaged: false } } }), [
      'write /etc/systemd/system/gavan.service',
      'start',
    ])
    assert.deepEqual(await plan({ found: { ...found, unit: { text: 'older', packaged: true } } }), [])
    assert.deepEqual(await plan({ found: { ...found, running: false } }), ['start'])
    assert.deepEqual(await plan({ found: { ...found, account: false } }), ['make-account'])
  })
})

/** In two, for it is nobody's. */
const IN_A_HOME = ['/home', 'a/gavan'].join('/')

describe('the unit', () => {
  test('starts this very program, whatever its path holds', () => {
    const unit = printUnit({ program: ['/opt/my node/bin/node', '/opt/50%/$x/gavan.js'], homesReadable: false })
    assert.match(unit, /^ExecStart="\/opt\/my node\/bin\/node" \/opt\/50%%\/\$\$x\/gavan\.js serve$/m)
    assert.match(unit, /^ProtectHome=yes$/m)
    assert.match(printUnit({ program: [IN_A_HOME], homesReadable: isBelowHome(IN_A_HOME) }), /^ProtectHome=read-only$/m)
  })
})

// Real files, programs recorded ------------------------------------------------------------------------------------------

function stage(
  answer: (line: string) => Partial<Ran> = () => ({}),
): Disposable & { hands: Hands; calls: string[]; log: string[]; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'gavan-setup-'))
  const calls: string[] = []
  const log: string[] = []
  const ran = (line: string): Promise<Ran> => {
    calls.push(line)
    return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer(line) })
  }
  const below = placesBelow(folder)
  return {
    folder,
    calls,
    log,
    hands: {
      places: below,
      run: (program, args) => ran([program, ...args].join(' ')),
      owner: () => Promise.resolve(null),
      gavan: (args, input) => ran(['gavan', ...args, ...(input === undefined ? [] : [`< ${input.trim()}`])].join(' ')),
      dataDir: below.dataDir,
      makePassword: () => 'quiet-anchor-17',
      log: (line) => log.push(line),
      done: () => {},
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

const LINK = 'https://mail.example.org/welcome?once=dGhlIHNlY3JldCBvZiBpdHM'
const INVITED = { code: 0, stdout: JSON.stringify({ link: LINK, expiresAt: '2026-12-01T00:00:00.000Z' }) }
const FIRST = { by: 'link', link: LINK, expiresAt: '2026-12-01T00:00:00.000Z' } as const
const invites = (line: string): Partial<Ran> => (line.includes('user invite') ? INVITED : {})

const NONE = { user: false, unit: false, stopped: [] }

async function stepsIn(folder: string, more: Partial<Parameters<typeof planSetup>[0]> = {}): Promise<readonly Step[]> {
  const below = placesBelow(folder)
  const config = settingsAfter(ANSWERS, below, null)
  assert.ok(config.ok)
  return planSetup({
    answers: ANSWERS,
    around: { held: new Map(), systemd: false },
    places: below,
    found: NOTHING_FOUND,
    config: config.value,
    unitText: 'unit\n',
    blocked: false,
    ...more,
  })
}

const WHOLE: readonly Step[] = [
  { do: 'make-user' },
  { do: 'make-account', address: 'anna@example.org' },
  { do: 'stop-other', unit: 'nginx.service' },
  { do: 'start', restart: false },
]

describe('applied', () => {
  test('files with their modes; the first account by a link, which is not in the log', async () => {
    using on = stage(invites)
    const outcome = await applySteps(await stepsIn(on.folder), NONE, on.hands)
    assert.deepEqual(outcome, { at: 'done', made: { ...NONE, unit: true }, first: FIRST, notStarted: null })
    const mode = (path: string): string => (statSync(join(on.folder, path)).mode & 0o777).toString(8)
    assert.deepEqual(
      [
        'var/lib/gavan',
        'etc/gavan',
        'etc/gavan/gavan.toml',
        'etc/systemd/system/gavan.service',
        'var/lib/gavan/dkim/example.org/gv1.pem',
      ].map(mode),
      ['700', '750', '640', '644', '600'],
    )
    assert.deepEqual(on.calls, ['gavan domain add example.org', 'gavan user invite anna@example.org --json'])
    assert.ok(!on.log.join('\n').includes('once='))
  })

  test('where no link leads anywhere, a password: by a pipe, never in arguments or the log', async () => {
    using on = stage((line) => {
      if (line.includes('user invite')) return { code: 1, stdout: '{"error":{"cause":"port 443 is off"}}' }
      return line.includes('user list') ? { stdout: '{"users":[]}' } : {}
    })
    const outcome = await applySteps([{ do: 'make-account', address: 'anna@example.org' }], NONE, on.hands)
    assert.deepEqual(outcome, {
      at: 'done',
      made: NONE,
      first: { by: 'password', password: 'quiet-anchor-17' },
      notStarted: null,
    })
    assert.equal(on.calls.at(-1), 'gavan user add anna@example.org --password-stdin < quiet-anchor-17')
    assert.ok(!on.log.join('\n').includes('quiet-anchor'))
  })

  test('the system is changed by programs with arguments of their own', async () => {
    using on = stage(invites)
    await applySteps(WHOLE, NONE, on.hands)
    assert.deepEqual(on.calls, [
      `useradd --system --home-dir ${on.folder}/var/lib/gavan --no-create-home --shell /usr/sbin/nologin --user-group --comment gavan mail server gavan`,
      'gavan domain add example.org',
      'gavan user invite anna@example.org --json',
      'systemctl disable --now nginx.service',
      'systemctl daemon-reload',
      'systemctl enable --now gavan.service',
    ])
  })

  test('a service that does not start is told, and all stays', async () => {
    using on = stage((line) =>
      line.includes('enable --now gavan') ? { code: 1, stderr: 'Job failed.\n' } : invites(line),
    )
    const outcome = await applySteps(WHOLE, NONE, on.hands)
    assert.ok(outcome.at === 'done')
    assert.equal(outcome.notStarted, 'Job failed.')
    assert.deepEqual(outcome.made.stopped, ['nginx.service'])
  })

  test('a failure half-way takes back what this run made, and says what it cannot', async () => {
    using on = stage((line) => {
      if (line.includes('disable --now nginx')) return { code: 1, stderr: 'no' }
      return line.startsWith('userdel') ? { code: 8, stderr: 'user gavan is used by process 7' } : invites(line)
    })
    const steps: readonly Step[] = [
      { do: 'make-user' },
      ...(await stepsIn(on.folder)),
      { do: 'stop-other', unit: 'nginx.service' },
    ]
    const outcome = await applySteps(steps, NONE, on.hands)
    assert.ok(outcome.at === 'failed')
    assert.equal(outcome.cause, 'systemctl disable --now nginx.service: no')
    assert.deepEqual(outcome.left, ['user gavan'])
    assert.deepEqual(readdirSync(on.folder), [])
  })

  test('a changed file is put back as it was, and folders of others stay', async () => {
    using on = stage((line) => (line.startsWith('systemctl') ? { code: 1 } : {}))
    const { places: below } = on.hands
    mkdirSync(below.configDir, { recursive: true })
    mkdirSync(below.dataDir, { recursive: true })
    writeFileSync(join(below.dataDir, 'mail'), 'x')
    writeFileSync(below.config, 'before')
    chmodSync(below.config, 0o600)
    const steps: readonly Step[] = [
      { do: 'make-directory', path: below.dataDir, mode: 0o700, owner: 'gavan' },
      {
        do: 'write-file',
        what: 'config',
        path: below.config,
        mode: 0o640,
        owner: 'group',
        before: 'before',
        after: 'after',
      },
      { do: 'stop-other', unit: 'nginx.service' },
    ]
    const outcome = await applySteps(steps, NONE, on.hands)
    assert.equal(outcome.at, 'failed')
    assert.equal(readFileSync(below.config, 'utf8'), 'before')
    assert.equal(statSync(below.config).mode & 0o777, 0o600)
    assert.ok(existsSync(join(below.dataDir, 'mail')))
  })

  test('the account of an earlier setup is none to fail of', async () => {
    const users = JSON.stringify({ users: [{ address: 'anna@example.org' }] })
    using on = stage((line) =>
      /user (add|invite)/.test(line) ? { code: 1, stderr: 'gavan: it is there' } : { stdout: users },
    )
    const outcome = await applySteps([{ do: 'make-account', address: 'anna@example.org' }], NONE, on.hands)
    assert.deepEqual(outcome, { at: 'done', made: NONE, first: null, notStarted: null })
    const failed = await applySteps([{ do: 'make-account', address: 'boris@example.org' }], NONE, on.hands)
    assert.ok(failed.at === 'failed')
    assert.equal(failed.cause, 'it is there')
  })
})

describe('removed', () => {
  const removal = (more: Partial<Parameters<typeof planRemoval>[1]>, at = here): string[] =>
    planRemoval(at, {
      made: { user: true, unit: true, stopped: ['nginx.service'] },
      dataDir: '/var/lib/gavan',
      withData: false,
      systemd: true,
      exists: () => true,
      ...more,
    }).map((each) => ('path' in each ? `${each.do} ${each.path}` : each.do))

  test('what setup made; mail and its user stay unless that is said', () => {
    const files = [
      'remove-file /etc/systemd/system/gavan.service',
      'remove-file /etc/gavan/gavan.toml',
      'remove-file /etc/gavan/setup.json',
      'remove-directory /etc/gavan',
    ]
    assert.deepEqual(removal({}), ['stop-service', ...files, 'start-other'])
    assert.deepEqual(removal({ withData: true }), [
      'stop-service',
      ...files,
      'remove-directory /var/lib/gavan',
      'remove-user',
      'start-other',
    ])
    assert.deepEqual(removal({ exists: () => false, made: NONE }), [])
    assert.deepEqual(removal({ made: { ...NONE, user: false }, withData: true }), [
      'remove-file /etc/gavan/gavan.toml',
      'remove-file /etc/gavan/setup.json',
      'remove-directory /etc/gavan',
      'remove-directory /var/lib/gavan',
    ])
  })

  test('somebody’s own files beside the settings stay, and a spoilt record is none', async () => {
    using on = stage()
    const { places: below } = on.hands
    mkdirSync(below.configDir, { recursive: true })
    for (const [path, text] of [
      [below.config, 'hostname = "x"'],
      [join(below.configDir, 'smarthost-password'), 'secret'],
      [below.record, '{ "user": tru'],
    ] as const)
      writeFileSync(path, text)
    const made = await readRecord(below)
    assert.deepEqual(made, NONE)
    const removals = planRemoval(below, { made, dataDir: below.dataDir, withData: false, systemd: false })
    const left = await remove(removals, { run: on.hands.run, log: () => {}, done: () => {} })
    assert.deepEqual(left, [`${below.configDir}: other files are in it`])
    assert.deepEqual(readdirSync(below.configDir), ['smarthost-password'])
  })
})

test('for each web server that keeps port 80 its own words', () => {
  const of = (program: string): string => handOnSnippet(program, 'mail.example.org', ['autoconfig.example.org'])
  assert.match(of('nginx'), /proxy_pass http:\/\/127\.0\.0\.1:2080;/)
  assert.match(of('apache2'), /ProxyPass \/\.well-known\/acme-challenge\/ http:\/\/127\.0\.0\.1:2080/)
  assert.match(of('caddy'), /^http:\/\/mail\.example\.org, http:\/\/autoconfig\.example\.org \{/)
})

test('the system by its own name', () => {
  assert.equal(systemName('NAME=x\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'), 'Debian GNU/Linux 13 (trixie)')
  assert.equal(systemName(''), process.platform)
})

test('both languages say every step, and nothing that is the same by mistake', () => {
  const steps: readonly Step[] = [...WHOLE, { do: 'make-keys', domain: 'example.org' }, { do: 'start', restart: true }]
  for (const step of steps) assert.notEqual(en.step(step), ru.step(step))
  assert.deepEqual(placesBelow('/nowhere').dataDirSetting, places.dataDir)
})
