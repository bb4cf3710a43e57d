/** `gavan setup` as a person runs it: below a folder, and on a machine of its own with users and ports. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { printUnit, PACKAGED } from '../../src/app/setup/unit.ts'
import { ROOT } from '../../tools/tree.ts'
import { peerTest } from '../interop/peers.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { GAVAN, MACHINE_PEERS, startFreshMachine, type FreshMachine } from './fresh-machine.ts'

const gavan = (args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Ran> =>
  run(GAVAN[0], [GAVAN[1], ...args], options)

test('below a folder: set up, again, changed, and removed', async () => {
  using folder = temporaryFolder('setup')
  const root = join(folder.path, 'root')
  const setup = (...args: string[]): Promise<Ran> => gavan(['setup', ...args, '--no-input', '--root', root])
  const config = join(root, 'etc/gavan/gavan.toml')

  const dry = await setup('mail.example.org', '--dry-run')
  assert.equal(dry.code, 0, dry.all)
  assert.ok(!existsSync(root), 'a dry run changes nothing')

  const first = await setup('mail.example.org', '--first', 'anna@example.org')
  assert.equal(first.code, 0, first.all)
  const token = /https:\/\/mail\.example\.org\/welcome\?once=([\w-]{24})$/m.exec(first.stdout)?.[1]
  assert.ok(token !== undefined, first.all)
  assert.match(first.stdout, /TXT +gv2\._domainkey +v=DKIM1; k=ed25519/)
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, file)
    if (/\.(?:log|toml|json|service)$/.test(file)) assert.ok(!readFileSync(path, 'utf8').includes(token), file)
  }
  assert.equal((await gavan(['config', 'check', '--config', config])).code, 0)

  writeFileSync(config, `# of my own\n${readFileSync(config, 'utf8')}\nlimits.message_size = "20M"\n`)
  const kept = readFileSync(config, 'utf8')
  const second = await setup()
  assert.equal(second.code, 0, second.all)
  assert.match(second.stdout, /Everything is as it should be[\s\S]*Already there: .*anna@example\.org/)
  assert.doesNotMatch(second.stdout, /once=/)
  assert.equal(readFileSync(config, 'utf8'), kept)

  const third = await setup('--clients', 'anywhere', '--first', 'boris')
  assert.equal(third.code, 0, third.all)
  assert.match(third.stdout, /- clients = "office"\n +\+ postmaster = "boris@example\.org"\n +\+ clients = "anywhere"/)
  assert.match(third.stdout, /open outside 25 80 .*587/)
  const changed = kept
    .replace('clients = "office"', 'clients = "anywhere"')
    .replace('postmaster = "anna@', 'postmaster = "boris@')
  assert.equal(readFileSync(config, 'utf8'), changed)

  const removed = await setup('--remove')
  assert.equal(removed.code, 0, removed.all)
  assert.ok(!existsSync(join(root, 'etc/gavan')))
  assert.equal(readFileSync(join(root, 'var/lib/gavan/gavan.toml.removed'), 'utf8'), changed)
  const again = await setup('mail.example.org', '--first', 'anna')
  assert.equal(again.code, 0, again.all)
  assert.doesNotMatch(again.stdout, /once=/, 'her account, and its password, are what they were')

  const untyped = await setup('--remove', '--with-data')
  assert.equal(untyped.code, 130)
  assert.ok(existsSync(config), 'all mail is not thrown away by a default')
  const all = await gavan(['setup', '--remove', '--with-data', '--root', root], { input: 'mail.example.org\n' })
  assert.equal(all.code, 0, all.all)
  assert.ok(!existsSync(join(root, 'var/lib/gavan')))
})

test('asked at a terminal: back, explained, a wrong answer, and no', async () => {
  using folder = temporaryFolder('setup')
  const root = join(folder.path, 'root')
  const input = ['example', 'example.net', '?', 'b', '', 'anna@other.test', 'anna', '3', 'n', ''].join('\n')
  const ran = await gavan(['setup', 'mail.example.org', '--root', root], { input })
  assert.equal(ran.code, 130)
  assert.match(ran.stderr, /"example" is no mail domain/)
  assert.match(
    ran.stderr,
    /An account with this address is made[\s\S]*1\/3 Mail domain[\s\S]*anna@other\.test is not in example\.net/,
  )
  assert.match(ran.stdout, /\+ mailbox anna@example\.net/)
  assert.match(ran.stderr, /Nothing was changed/)
  assert.ok(!existsSync(root))
  const gone = await gavan(['setup', 'mail.example.org', '--root', root], { input: 'example.net\n' })
  assert.equal(gone.code, 130)
  const russian = await gavan(['setup', 'mail.example.org', '--root', root], {
    input: '\n\n\nн\n',
    env: { LC_ALL: 'ru_RU.UTF-8' },
  })
  assert.match(russian.stdout, /План \(пока ничего не изменено\)/)
  assert.equal(russian.code, 130)
  assert.ok(!existsSync(root))
})

test('bad input: one line, 78, nothing changed', async () => {
  using folder = temporaryFolder('setup')
  const root = join(folder.path, 'root')
  for (const [args, why] of [
    [['192.0.2.1'], 'is an address'],
    [['mail'], 'has no dot'],
    [[], 'the name of this mail server is missing'],
    [['mail.example.org', '--domain', 'example'], 'is no mail domain'],
    [['mail.example.org', '--first', 'anna@example.net'], 'is not in example.org'],
    [['mail.example.org', '--clients', 'home'], 'is no answer here'],
    [['mail.example.org', '--port80', 'no'], 'is no answer here'],
    [['mail.example.org', '--public', 'router'], 'is no IP address'],
  ] as const) {
    const ran = await gavan(['setup', ...args, '--no-input', '--root', root])
    assert.equal(ran.code, 78, ran.all)
    assert.ok(ran.stderr.includes(why), ran.all)
    assert.equal(
      ran.stderr
        .trimEnd()
        .split('\n')
        .filter((line) => line.startsWith('gavan:')).length,
      1,
    )
    assert.ok(!existsSync(root), why)
  }
  mkdirSync(join(root, 'etc/gavan'), { recursive: true })
  writeFileSync(join(root, 'etc/gavan/gavan.toml'), 'hostname = "mail.example.org"\nclient = "office"\n')
  const spoilt = await gavan(['setup', '--no-input', '--root', root])
  assert.equal(spoilt.code, 78)
  assert.match(spoilt.stderr, /there is no key "client"[\s\S]*did you mean "clients"/)
  assert.deepEqual(readdirSync(root), ['etc'])
})

test('a failure half-way: what this run made is gone, what was there stays', async () => {
  using folder = temporaryFolder('setup')
  const root = join(folder.path, 'root')
  mkdirSync(join(root, 'etc'), { recursive: true })
  writeFileSync(join(root, 'etc/systemd'), 'a file where a folder should be')
  const ran = await gavan(['setup', 'mail.example.org', '--no-input', '--root', root])
  assert.equal(ran.code, 1, ran.all)
  assert.match(ran.stderr, /taken back/)
  assert.match(ran.stderr, /gavan\.service: E(?:NOTDIR|EXIST)/)
  assert.deepEqual(readdirSync(join(root, 'etc')), ['systemd'])
  assert.ok(!existsSync(join(root, 'var/lib/gavan')))
  assert.match(
    readFileSync(join(root, 'var/log/gavan-setup.log'), 'utf8'),
    /failed write-file[\s\S]*taken back: .*gavan\.toml/,
  )
})

test('packages install the very unit that setup writes', () => {
  assert.equal(readFileSync(join(ROOT, 'packaging/systemd/gavan.service'), 'utf8'), printUnit(PACKAGED))
})

peerTest(['systemd-analyze'], 'systemd understands the unit, and finds it well shut', async () => {
  using folder = temporaryFolder('setup')
  const unit = join(folder.path, 'gavan.service')
  writeFileSync(unit, printUnit({ program: GAVAN, homesReadable: false }))
  const verified = await run('systemd-analyze', ['verify', '--man=no', unit])
  assert.doesNotMatch(verified.all, /gavan\.service/, verified.all)
  const security = await run('systemd-analyze', ['security', '--offline=true', '--threshold=25', unit])
  assert.equal(security.code, 0, security.all)
  assert.match(security.all, /Overall exposure level for gavan\.service: [012]\.\d OK/)
})

// A machine of its own --------------------------------------------------------------------------------------------------

/** On a machine with much else to do. */
const PATIENCE_MS = 120_000

/** As setup says it where no systemd runs. */
async function serveByHand(machine: FreshMachine, said: string): Promise<void> {
  const line = /^ +(setpriv .* serve)$/m.exec(said)?.[1]?.split(' ') ?? []
  const server = machine.start(line[0] ?? '', line.slice(1))
  let log = ''
  server.stderr?.on('data', (text: Buffer) => (log += text.toString()))
  await until(
    'the server',
    () => {
      if (log.includes('"server.ready"')) return true
      if (server.exitCode !== null) throw new Error(log)
      return null
    },
    PATIENCE_MS,
  )
}

peerTest(
  [...MACHINE_PEERS, 'swaks', 'curl'],
  'as root: the server starts from what was written, and takes a letter to the first mailbox',
  async () => {
    await using machine = await startFreshMachine()
    const ran = await machine.gavan('setup', 'mail.example.org', '--no-input', '--first', 'anna')
    assert.equal(ran.code, 0, ran.all)
    assert.match(ran.stdout, /this machine: 203\.0\.113\.10/)
    assert.match(ran.stdout, /\? MX .*no answer from its name servers/)
    const near = /^ +(https:\/\/203\.0\.113\.10\/welcome)\?once=([\w-]+)$/m.exec(ran.stdout)
    assert.ok(near !== null, ran.all)
    const password = 'a lighthouse of my own'

    const owners = await machine.run('find', ['/etc/gavan', '/var/lib/gavan', '-printf', '%u:%g %m %p\n'])
    assert.match(owners.stdout, /^root:gavan 750 \/etc\/gavan$/m)
    assert.match(owners.stdout, /^root:gavan 640 \/etc\/gavan\/gavan\.toml$/m)
    assert.match(owners.stdout, /^gavan:gavan 700 \/var\/lib\/gavan$/m)
    assert.match(owners.stdout, /^gavan:gavan 600 .*gv1\.pem$/m)
    assert.doesNotMatch(owners.stdout, /^root:.* \/var\/lib\/gavan\//m, 'nothing of the store is root’s')

    await serveByHand(machine, ran.stdout)
    const letter = ['--server', '127.0.0.1', '--from', 'boris@example.net', '--to', 'anna@example.org', '--tls']
    const sent = await machine.run('swaks', [...letter, '--header', 'Subject: the first letter', '--body', 'Hello'])
    assert.equal(sent.code, 0, sent.all)
    const form = [`once=${near[2]}`, `password=${password}`, `again=${password}`].flatMap((each) => [
      '--data-urlencode',
      each,
    ])
    const origin = ['--header', 'Origin: https://203.0.113.10']
    const chosen = await machine.run('curl', ['--silent', '--fail', '--insecure', ...origin, ...form, near[1] ?? ''])
    assert.equal(chosen.code, 0, chosen.all)
    assert.match(chosen.stdout, /Your password is set/)
    const fetched = await until('the letter', async () => {
      const where = ['--insecure', '--user', `anna@example.org:${password}`, 'imaps://127.0.0.1/INBOX;MAILINDEX=1']
      const got = await machine.run('curl', ['--silent', '--show-error', ...where])
      return got.code === 0 ? got.stdout : null
    })
    assert.match(fetched, /^Subject: the first letter\r$/m)

    // Again, with the server running and listening: its own ports are not held by a stranger.
    const second = await machine.gavan('setup', '--no-input')
    assert.equal(second.code, 0, second.all)
    assert.match(second.stdout, /Everything is as it should be/)
    assert.doesNotMatch(second.stdout, /is held by|setpriv/)
    const third = await machine.gavan('setup', '--no-input', '--clients', 'anywhere')
    assert.match(third.stdout, /The running server \(pid \d+\) follows/)
  },
)

peerTest(
  [...MACHINE_PEERS, 'curl'],
  'port 80 held by another program: named, kept, and the snippet printed',
  async () => {
    await using machine = await startFreshMachine('192.168.88.25')
    const holder = machine.start('python3', ['-m', 'http.server', '80'])
    await until('the holder', async () =>
      (await machine.run('curl', ['-s', 'http://127.0.0.1/'])).code === 0 ? true : null,
    )
    const ran = await machine.gavan('setup', 'mail.example.org', '--no-input', '--public', '203.0.113.10')
    assert.equal(ran.code, 0, ran.all)
    assert.match(ran.stdout, /this machine: 192\.168\.88\.25 · the internet reaches it as 203\.0\.113\.10/)
    assert.match(ran.stdout, /Port 80 is held by python3 \(pid \d+/)
    assert.match(ran.stdout, /Free: 25 443 587 993/)
    assert.match(ran.stdout, /proxy_pass http:\/\/127\.0\.0\.1:2080/)
    assert.match(ran.stdout, /gavan firewall --format routeros/)
    assert.equal(holder.exitCode, null)
    await serveByHand(machine, ran.stdout)

    const removed = await machine.gavan('setup', '--remove', '--no-input')
    assert.equal(removed.code, 0, removed.all)
    assert.equal((await machine.run('id', ['gavan'])).code, 0, 'the user stays with its mail')
  },
)

peerTest(MACHINE_PEERS, 'port 25 held: all is made, and the line that frees it told; not root: refused', async () => {
  await using machine = await startFreshMachine()
  machine.start('python3', ['-m', 'http.server', '25'])
  await until('the holder', async () =>
    (await machine.run('sh', ['-c', 'grep -q ":0019 .* 0A " /proc/net/tcp'])).code === 0 ? true : null,
  )
  const ran = await machine.gavan('setup', 'mail.example.org', '--no-input')
  assert.equal(ran.code, 0, ran.all)
  assert.match(ran.stdout, /Port 25 is held by python3 .* and gavan cannot start without it/)
  const somebody = await machine.run('setpriv', [
    '--reuid',
    'nobody',
    '--clear-groups',
    ...GAVAN,
    'setup',
    '--no-input',
  ])
  assert.equal(somebody.code, 77)
  const all = await machine.gavan('setup', '--remove', '--with-data', '--yes')
  assert.equal(all.code, 0, all.all)
  assert.equal((await machine.run('id', ['gavan'])).code, 1, all.all)
  assert.equal((await machine.run('ls', ['/var/lib/gavan'])).code, 2)
})
