/** `gavan reload`, SIGHUP and `gavan set` with a server that runs: what changes live, what is refused, and that nobody is cut off. Peers are named by PROXY headers. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { ROOT } from '../../tools/tree.ts'
import { freeOffset, freePort } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { talkTo, type Talk } from './talk.ts'

const MAIN = join(ROOT, 'src/app/main.ts')
const folder = temporaryFolder('reload')
const config = join(folder.path, 'gavan.toml')
let offset = 0
let server: ChildProcess | null = null
let log = ''

const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
const gavanWith = (input: string, ...args: string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, '--config', config, ...args], { input })

const base = (): string => `hostname = "mail.reload.test"
domains = ["reload.test"]
data_dir = "data"
listen = ["127.0.0.1"]
inside = ["192.0.2.0/24"]
nat.proxies = ["127.0.0.0/8"]
log.format = "json"
workers = 2
ports.offset = ${offset}
`
const METRICS_OFF = 'metrics.listen = "off"\n'
const first = (): string => base() + METRICS_OFF
const write = (text: string): void => writeFileSync(config, text)

const INSIDE = '192.0.2.7'
const OUTSIDE = '198.51.100.7'
function peer(port: number, from = INSIDE): Talk {
  const talk = talkTo({ port: port + offset })
  talk.send(`PROXY TCP4 ${from} 192.0.2.1 40000 ${port}\r\n`)
  return talk
}
const isRefused = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket: Socket = connect(port + offset, host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
async function greeting(port: number, from = INSIDE): Promise<string> {
  using talk = peer(port, from)
  return await talk.hear(/\r\n/)
}
/** Each protocol thread must go by it, and the system chooses which one answers. */
async function greetings(port: number, from = INSIDE): Promise<string[]> {
  // From as many addresses: one alone may have a few connections only.
  const network = from.slice(0, from.lastIndexOf('.'))
  return Promise.all(Array.from({ length: 12 }, (_, host) => greeting(port, `${network}.${host + 100}`)))
}

async function works(...args: string[]): Promise<string> {
  const { code, stdout, all } = await gavan(...args)
  assert.equal(code, 0, all)
  return stdout
}

before(async () => {
  offset = await freeOffset()
  write(first())
  const added = await gavanWith('right password\n', 'user', 'add', 'anna@reload.test', '--password-stdin')
  assert.equal(added.code, 0, added.all)
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], { stdio: ['ignore', 'ignore', 'pipe'] })
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
})

beforeEach(async () => {
  write(first())
  await works('reload')
})

after(async () => {
  server?.kill('SIGTERM')
  if (server !== null) assert.deepEqual(await once(server, 'exit'), [0, null])
  folder[Symbol.dispose]()
})

suite('what changes live', () => {
  test('a signed-in session survives; a new port greets, a removed one refuses, one moves', async () => {
    using imap = peer(993)
    const tls = connectTls({ socket: imap.socket, rejectUnauthorized: false })
    let heard = ''
    tls
      .on('error', () => {})
      .setEncoding('latin1')
      .on('data', (text: string) => (heard += text))
    const ask = async (line: string): Promise<void> => {
      heard = ''
      tls.write(`${line}\r\n`)
      const tag = line.split(' ', 1)[0]!
      await until(`an answer to ${line}`, () => (heard.includes(`${tag} OK`) ? true : null))
    }
    await ask('a LOGIN anna@reload.test "right password"')
    await ask('b SELECT INBOX')
    using pop3 = peer(110)
    await pop3.hear(/\+OK/)
    assert.equal(await isRefused(465), true)

    write(
      `${first()}ports.submissions = "on"\nports.pop3 = "off"\nports.imaps = "off"\nports.imap.port = ${offset + 1430}\n`,
    )
    const told = await works('reload')
    assert.match(told, /^ports\.pop3: .*→ \{ enabled = false \}$/m)
    assert.equal(await isRefused(465), false)
    for (const port of [110, 995, 993, 143]) assert.equal(await isRefused(port), true, `port ${port}`)
    assert.match(await greeting(1430), /^\* OK/)
    const { rows } = JSON.parse(await works('ports', '--json')) as { rows: { service: string; now: { at: string } }[] }
    assert.equal(rows.find(({ service }) => service === 'submissions')?.now.at, 'running')
    await ask('c NOOP')
    await ask('d STATUS INBOX (MESSAGES)')
    assert.match(await pop3.ask('CAPA', /\r\n\.\r\n/), /STLS/)

    write(first())
    await works('reload')
    for (const port of [110, 993, 143]) assert.equal(await isRefused(port), false, `port ${port}`)
    for (const port of [465, 1430]) assert.equal(await isRefused(port), true, `port ${port}`)
    await ask('e NOOP')
  })

  test('a listener moves between addresses of one port, without a moment in which nobody listens', async () => {
    assert.equal(await isRefused(143, '127.0.0.3'), true)
    write(first().replace('["127.0.0.1"]', '["127.0.0.1", "127.0.0.3"]'))
    await works('reload')
    assert.equal(await isRefused(143, '127.0.0.3'), false)
    write(first().replace('["127.0.0.1"]', '["0.0.0.0"]'))
    await works('reload')
    assert.equal(await isRefused(143, '127.0.0.9'), false)
    write(first())
    await works('reload')
    assert.equal(await isRefused(143, '127.0.0.9'), true)
    assert.equal(await isRefused(143), false)
  })

  test('names, sizes, inside networks, who the clients are: for new connections, on every thread', async () => {
    using old = peer(25)
    await old.hear(/^220 mail\.reload\.test .*\r\n/)
    assert.match((await greetings(587, OUTSIDE)).join(''), /^(?:554 .*\r\n)+$/)
    write(
      `${first().replace('mail.reload', 'mx.reload')}clients = "anywhere"\nlimits.message_size = "1M"\npostmaster = "anna@reload.test"\n`,
    )
    await works('reload')
    for (const said of await greetings(25)) assert.match(said, /^220 mx\.reload\.test /)
    for (const said of await greetings(587, OUTSIDE)) assert.match(said, /^220 /)
    using fresh = peer(25)
    await fresh.hear(/\r\n/)
    assert.match(await fresh.ask('EHLO a.test', /250 .*\r\n/), /SIZE 1048576/)
    await old.ask('EHLO a.test', /250 .*\r\n/)

    write(first().replace('192.0.2.0/24', '203.0.113.0/24'))
    await works('reload')
    assert.match((await greetings(587)).join(''), /^(?:554 .*\r\n)+$/)
    for (const said of await greetings(587, '203.0.113.5')) assert.match(said, /^220 /)
  })

  test('whom bans spare: a ban on what is spared now is lifted', async () => {
    await works('ban', 'add', OUTSIDE, '--for', '1h')
    assert.match(await works('ban', 'list'), /198\.51\.100\.7/)
    write(`${first()}nat.never_ban = ["198.51.100.0/24"]\n`)
    await works('reload')
    assert.doesNotMatch(await works('ban', 'list'), /198\.51\.100\.7/)
    assert.equal((await gavan('ban', 'add', OUTSIDE)).code === 0, false)
  })

  test('where numbers are told, and how much is logged', async () => {
    const port = await freePort()
    const ask = (): Promise<number> => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.status)
    await assert.rejects(ask())
    write(`${base()}metrics.listen = "127.0.0.1:${port}"\nlog.level = "error"\n`)
    await works('reload')
    assert.equal(await ask(), 200)
    const from = log.length
    write(first())
    await works('reload')
    await assert.rejects(ask())
    await until('the level to be info again', () => (log.includes('"server.reloaded"', from) ? true : null))
    const between = log.slice(from)
    write(`${first()}log.level = "error"\n`)
    assert.equal((await gavan('reload')).code, 0)
    assert.doesNotMatch(between.slice(0, between.indexOf('server.reloaded')), /"level":"info","event":"net\.connection/)
  })

  test('outgoing mail: the next letter goes to the new smarthost', async () => {
    const seen: string[] = []
    const smarthost = createServer((socket) => {
      socket.setEncoding('latin1').on('error', () => {})
      socket.write('220 smart.test ready\r\n')
      socket.on('data', (text: string) => {
        seen.push(text)
        socket.write(text.startsWith('EHLO') ? '250 smart.test\r\n' : '550 5.7.1 no\r\n')
      })
    }).listen(0, '127.0.0.1')
    await once(smarthost, 'listening')
    const { port } = smarthost.address() as { port: number }
    try {
      write(
        `${first()}relay.routes."far.test" = { host = "127.0.0.1", port = ${port}, security = "opportunistic" }\nports.submission.plain_login = false\n`,
      )
      await works('reload')
      await submit('bert@far.test')
      await until('the letter at the smarthost', () =>
        seen.join('').includes('MAIL FROM:<anna@reload.test>') ? true : null,
      )
    } finally {
      smarthost.close()
    }
  })

  test('SIGHUP does the same', async () => {
    write(`${first()}ports.submissions = "on"\n`)
    server?.kill('SIGHUP')
    await until('465 to open', async () => ((await isRefused(465)) ? null : true))
  })

  test('a CA: asked from the next reload on, and no more', async () => {
    write(`${first()}tls.acme = "https://127.0.0.1:1/directory"\n`)
    await works('reload')
    const status = JSON.parse(await works('cert', 'status', '--json')) as { acme: { directory: string } | null }
    assert.equal(status.acme?.directory, 'https://127.0.0.1:1/directory')
    write(first())
    await works('reload')
    assert.equal((JSON.parse(await works('cert', 'status', '--json')) as { acme: unknown }).acme, null)
  })
})

/** One letter by 587, signed in. */
async function submit(to: string): Promise<void> {
  using talk = peer(587)
  await talk.hear(/^220 .*\r\n/)
  await talk.ask('EHLO a.test', /250 .*\r\n/)
  await talk.ask('STARTTLS', /220 .*\r\n/)
  const tls = connectTls({ socket: talk.socket, rejectUnauthorized: false })
  let heard = ''
  tls.setEncoding('latin1').on('data', (text: string) => (heard += text))
  const say = async (line: string, wanted: RegExp): Promise<void> => {
    heard = ''
    tls.write(`${line}\r\n`)
    await until(`${wanted} after ${line}`, () => (wanted.test(heard) ? true : null))
  }
  await say('EHLO a.test', /^250 /m)
  await say(`AUTH PLAIN ${Buffer.from('\0anna@reload.test\0right password').toString('base64')}`, /^235 /m)
  await say('MAIL FROM:<anna@reload.test>', /^250 /m)
  await say(`RCPT TO:<${to}>`, /^250 /m)
  await say('DATA', /^354 /m)
  await say('From: anna@reload.test\r\nSubject: x\r\n\r\nx\r\n.', /^250 /m)
  tls.destroy()
}

suite('what is refused changes nothing', () => {
  const ports = [25, 587, 143, 993, 110, 995]
  async function nothingChanged(): Promise<void> {
    for (const port of ports) assert.equal(await isRefused(port), false, `port ${port}`)
    assert.equal(await isRefused(465), true)
    for (const said of await greetings(25)) assert.match(said, /^220 mail\.reload\.test /)
  }

  test('a bad file: exit 78, each mistake with its place; by SIGHUP it is logged', async () => {
    using imap = peer(143)
    await imap.hear(/\* OK/)
    write(`${first()}ports.submissions = "on"\nports.imap = "of"\nhostnam = "x.test"\n`)
    const { code, stderr } = await gavan('reload')
    assert.equal(code, 78)
    assert.match(stderr, /gavan\.toml[^\n]*ports\.imap: /)
    assert.match(stderr, /gavan\.toml[^\n]*hostnam: [\s\S]*did you mean "hostname"/)
    const from = log.length
    server?.kill('SIGHUP')
    const line = await until('the refusal', () => /.*"server\.reload\.refused".*/.exec(log.slice(from))?.[0] ?? null)
    const { why, problems } = JSON.parse(line) as { why: string; problems: string[] }
    assert.equal(why, 'bad-file')
    assert.equal(problems.length, 2)
    await nothingChanged()
    await imap.ask('a NOOP', /a OK/)
  })

  test('what a server that runs cannot change is named, and the rest of the file waits with it', async () => {
    for (const [line, key] of [
      ['data_dir = "elsewhere"', 'data_dir'],
      ['workers = 3', 'workers'],
      ['log.format = "pretty"', 'log.format'],
    ] as const) {
      const [name] = line.split(' ', 1)
      const rest = first()
        .split('\n')
        .filter((each) => !each.startsWith(`${name} `))
        .join('\n')
      write(`${rest}ports.submissions = "on"\n${line}\n`)
      const { code, stderr } = await gavan('reload')
      // The command finds the socket by the file: with another data folder, nobody is there.
      if (key === 'data_dir') {
        assert.equal(code, 69, stderr)
        assert.match(stderr, /needs a restart/)
        const from = log.length
        server?.kill('SIGHUP')
        const told = await until(
          'the refusal',
          () => /.*"server\.reload\.refused".*/.exec(log.slice(from))?.[0] ?? null,
        )
        assert.match(told, /data_dir: needs a restart/)
        continue
      }
      assert.equal(code, 1, stderr)
      assert.match(
        stderr,
        new RegExp(`gavan: ${key.replace('.', '\\.')}: needs a restart \\(now .*, in the file .*\\)`),
      )
    }
    await nothingChanged()
  })

  test('a port that another program holds, and a certificate that cannot be read', async () => {
    const other = createServer().listen(465 + offset, '127.0.0.1')
    await once(other, 'listening')
    try {
      write(`${first()}ports.submissions = "on"\nports.pop3 = "off"\n`)
      const { code, stderr } = await gavan('reload')
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`port ${465 + offset} \\(submissions\\).*pid ${process.pid}`))
    } finally {
      await new Promise((resolve) => void other.close(resolve))
    }
    mkdirSync(join(folder.path, 'tls'), { recursive: true })
    writeFileSync(join(folder.path, 'tls', 'cert.pem'), 'no certificate')
    write(`${first()}ports.pop3 = "off"\ntls.cert = "tls/cert.pem"\ntls.key = "tls/none.pem"\n`)
    const { code, stderr } = await gavan('reload')
    assert.equal(code, 1)
    assert.match(stderr, /none\.pem cannot be read: ENOENT/)
    await nothingChanged()
  })
})

test('gavan set: the running server goes by it at once, and that is said; a refusal is said too', async () => {
  const { code, stderr } = await gavan('set', 'submissions', 'on')
  assert.equal(code, 0)
  assert.match(stderr, /The running server goes by it already/)
  assert.equal(await isRefused(465), false)
  const dry = await gavan('set', 'submissions', 'off', '--dry-run')
  assert.match(dry.stderr, /Nothing was changed/)
  assert.equal(await isRefused(465), false)
  const json = JSON.parse((await gavan('set', 'submissions', 'off', '--json')).stdout) as { server: { at: string } }
  assert.equal(json.server.at, 'done')
  assert.equal(await isRefused(465), true)

  write(readFileSync(config, 'utf8').replace('workers = 2', 'workers = 3'))
  const refused = await gavan('set', 'submissions', 'on', '--lang', 'ru')
  assert.equal(refused.code, 0)
  assert.match(refused.stderr, /Файл изменён, но работающий сервер его не принял/)
  assert.match(refused.stderr, /workers: needs a restart/)
  assert.equal(await isRefused(465), true)
})

test('nobody there: exit 69', async () => {
  const other = join(folder.path, 'other.toml')
  writeFileSync(other, 'hostname = "mail.other.test"\ndata_dir = "other"\n')
  const { code, stderr } = await run(process.execPath, [MAIN, '--config', other, 'reload'])
  assert.equal(code, 69)
  assert.match(stderr, /no server answers/)
})
