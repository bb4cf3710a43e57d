/** `gavan ports`, `config check` and `probe` as an administrator runs them, against real servers. Strangers are named by PROXY headers. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { MAIN } from '../../tools/program.ts'
import { startGavan } from '../interop/gavan.ts'
import { peerTest } from '../interop/peers.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

type Now = Readonly<Record<string, unknown>>
type Row = { readonly service: string; readonly port: number; readonly opening: string; readonly now: Now }
type Ports = {
  readonly schema: number
  readonly hostname: string | null
  readonly clients: string
  readonly rows: readonly Row[]
  readonly warnings: readonly { readonly id: string; readonly text: string }[]
}

const rowOf = ({ rows }: Ports, service: string): Row => {
  const row = rows.find((each) => each.service === service)
  assert.ok(row)
  return row
}

type Stage = AsyncDisposable & {
  readonly folder: string
  readonly offset: number
  readonly config: string
  readonly gavan: (...args: string[]) => Promise<Ran>
  readonly ports: (...args: string[]) => Promise<Ports>
}

/** A server whose peers say by themselves where they come from. */
async function openStage(): Promise<Stage> {
  const folder = temporaryFolder('ports')
  const config = join(folder.path, 'gavan.toml')
  const offset = await freeOffset()
  writeFileSync(
    config,
    `hostname = "mail.ports.test"
domains = ["ports.test"]
data_dir = "data"
listen = ["127.0.0.1"]
inside = ["192.0.2.0/24"]
log.level = "error"
workers = 1
metrics.listen = "off"
ports.offset = ${offset}
ports.pop3s = "off"
nat.proxies = ["127.0.0.0/8"]
`,
  )
  const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
  const server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
  return {
    folder: folder.path,
    offset,
    config,
    gavan,
    ports: async (...args) => JSON.parse((await gavan('ports', '--json', ...args)).stdout) as Ports,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await once(server, 'exit')
      folder[Symbol.dispose]()
    },
  }
}

/** Comes from there, hears the first words and goes. */
async function visit(port: number, peer: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1').on('error', () => {})
  socket.write(`PROXY TCP4 ${peer} 192.0.2.1 40000 ${port}\r\n`)
  const [heard] = (await once(socket, 'data')) as [string]
  socket.destroy()
  return heard
}

suite('a running server', () => {
  test('counts of today, refusals and the last stranger; a held port with its holder', async () => {
    await using stage = await openStage()
    const { offset } = stage
    assert.match(await visit(25 + offset, '198.51.100.7'), /^220 /)
    assert.match(await visit(25 + offset, '192.0.2.7'), /^220 /)
    assert.match(await visit(587 + offset, '198.51.100.8'), /^(?:421|554) /)
    // pop3s is off; somebody else has it.
    const other = createServer().listen(995 + offset, '127.0.0.1')
    await once(other, 'listening')
    try {
      const ports = await stage.ports()
      assert.equal(ports.schema, 1)
      assert.deepEqual(
        ports.rows.map(({ service, port, opening }) => `${service} ${port - offset} ${opening}`),
        [
          'mx 25 loopback',
          'submission 587 loopback',
          'submissions 465 off',
          'imap 143 loopback',
          'imaps 993 loopback',
          'pop3 110 loopback',
          'pop3s 995 off',
          'http 80 loopback',
          'https 443 loopback',
          'sieve 4190 off',
        ],
      )
      const { stranger, connections: _, ...mx } = rowOf(ports, 'mx').now
      assert.deepEqual(mx, { at: 'running', today: 2, refusedToday: 0 })
      assert.equal((stranger as { address: string }).address, '198.51.100.7')
      const submission = rowOf(ports, 'submission').now
      assert.deepEqual([submission['today'], submission['refusedToday']], [0, 1])
      assert.equal((submission['stranger'] as { address: string }).address, '198.51.100.8')
      assert.equal(rowOf(ports, 'imaps').now['stranger'], null)
      assert.equal(rowOf(ports, 'pop3s').now['at'], 'held')
      assert.equal(rowOf(ports, 'sieve').now['at'], 'free')
      assert.ok(ports.warnings.some(({ id, text }) => id === 'port-offset' && text.includes(String(offset))))

      const one = await stage.gavan('ports', '587', '--lang', 'ru')
      assert.equal(one.code, 0)
      assert.match(
        one.stdout,
        /1 отказ за сегодня,\s+последний раз снаружи\s+приходили\s+\d+ с\s+назад\s+с\s+198\.51\.100\.8/,
      )
      const byName = JSON.parse((await stage.gavan('ports', 'mx', '--json')).stdout) as { port: Row }
      assert.equal(byName.port.port, 25 + offset)
      assert.equal((await stage.gavan('ports', 'nothing')).code, 64)
      assert.match((await stage.gavan('ports', '--svg')).stdout, /^<svg /)
    } finally {
      other.close()
    }
  })

  peerTest(
    ['root', 'setpriv'],
    'who may not ask it is told so, and our server is not shown as a stranger',
    async () => {
      await using stage = await openStage()
      const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, MAIN]
      const { code, stdout, stderr } = await run('setpriv', [...asNobody, '--config', stage.config, 'ports', '--json'])
      assert.equal(code, 0, stderr)
      const ports = JSON.parse(stdout) as Ports
      assert.deepEqual(rowOf(ports, 'mx').now, { at: 'listens' })
      assert.deepEqual(rowOf(ports, 'sieve').now, { at: 'free' })
      assert.match(stderr, /may not open \S+ctl\.sock.*run it as root/)
    },
  )
})

suite('without a file', () => {
  const bare = (env: Record<string, string>, ...args: string[]): Promise<Ran> =>
    // A folder without /etc/gavan cannot be had for a test; where there is one, its file is what is read.
    run(process.execPath, [MAIN, ...args], { env })

  test('the answer is for the defaults on this host, and that is said; variables count', async (t) => {
    const plain = await bare({}, 'ports', '--json')
    if (!plain.stderr.includes('No configuration file')) return t.skip('this host has a configuration of gavan')
    assert.equal(plain.code, 0)
    const defaults = JSON.parse(plain.stdout) as Ports
    assert.deepEqual([defaults.hostname, rowOf(defaults, 'submission').opening], [null, 'inside'])
    const env = { GAVAN_CLIENTS: 'anywhere', GAVAN_HOSTNAME: 'mail.env.test' }
    const told = JSON.parse((await bare(env, 'ports', '--json')).stdout) as Ports
    assert.deepEqual([told.hostname, rowOf(told, 'submission').opening], ['mail.env.test', 'outside'])
    assert.match((await bare({ LC_ALL: 'ru_RU.UTF-8' }, 'ports', '25')).stderr, /^Файла настроек нет/)

    const wrong = await bare({ GAVAN_CLIENTS: 'everywhere' }, 'ports')
    assert.equal(wrong.code, 78)
    assert.match(wrong.stderr, /GAVAN_CLIENTS/)
    assert.equal((await bare({}, 'dns')).code, 78, 'nobody has said whose records')
  })

  test('a file that is named must be there', async () => {
    assert.equal((await run(process.execPath, [MAIN, '--config', '/nonexistent/gavan.toml', 'ports'])).code, 78)
    assert.equal((await bare({ GAVAN_CONFIG: '/nonexistent/gavan.toml' }, 'ports')).code, 78)
  })
})

test('an address to listen on that the host lacks: a warning beforehand, an error of one cause when nothing else is left', async () => {
  using folder = temporaryFolder('ports')
  const config = join(folder.path, 'gavan.toml')
  const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
  const base = `hostname = "mail.ports.test"\ndata_dir = "data"\nports.offset = ${await freeOffset()}\n`
  writeFileSync(config, `${base}listen = ["192.0.2.99"]\n`) // RFC 5737: nobody's.
  const checked = await gavan('config', 'check')
  assert.equal(checked.code, 0)
  assert.match(checked.stderr, /^! This host has no address 192\.0\.2\.99, .*mx/)
  const json = JSON.parse((await gavan('config', 'check', '--json')).stdout) as { warnings: string[] }
  assert.equal(json.warnings.length, 1)
  const told = JSON.parse((await gavan('ports', '--json')).stdout) as Ports
  assert.deepEqual(
    told.warnings.filter(({ id }) => id === 'address-missing').map(({ text }) => text.includes('192.0.2.99')),
    [true],
  )
  const served = await gavan('serve')
  assert.equal(served.code, 78)
  assert.match(served.stderr, /^gavan: mx: this machine has none of the addresses 192\.0\.2\.99$/m)

  writeFileSync(config, `${base}listen = ["127.0.0.1"]\n`)
  assert.equal((await gavan('config', 'check')).stderr, '')
})

suite('probe', () => {
  type Answer = { readonly service: string; readonly port: number; readonly state: string; readonly says: string }
  const probe = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, 'probe', '127.0.0.1', ...args])

  test('of a real server: what is open greets as it should, what is off is refused', async () => {
    using folder = temporaryFolder('probe')
    const offset = await freeOffset()
    await using _gavan = await startGavan({ folder: folder.path, offset })
    const { code, stdout } = await probe('--offset', String(offset), '--json')
    assert.equal(code, 0)
    const { answers } = JSON.parse(stdout) as { answers: Answer[] }
    assert.deepEqual(
      Object.fromEntries(answers.map(({ service, port, state }) => [service, `${port - offset} ${state}`])),
      {
        mx: '25 open',
        http: '80 open',
        pop3: '110 open',
        imap: '143 open',
        https: '443 open',
        submissions: '465 refused',
        submission: '587 open',
        imaps: '993 open',
        pop3s: '995 open',
        sieve: '4190 refused',
      },
    )
    assert.match(answers.find(({ service }) => service === 'mx')?.says ?? '', /^220 mail\.gavan\.test/)
    const few = await probe('--offset', String(offset), '--port', String(offset + 993), '--lang', 'ru')
    assert.match(few.stdout, /^\d+ +✓ открыт +127\.0\.0\.1 +\* OK/m)
    assert.equal(few.stdout.split('\n').filter((line) => line.includes('127.0.0.1')).length, 1)
  })

  test('ports that turn us away are told from those of somebody else', async () => {
    // Whoever comes by loopback is inside, so stand-ins say what our listeners say to others (test/enforcement.test.ts).
    const says = new Map([
      [587, '554 5.7.1 This port serves inner networks only\r\n'],
      [143, '* BYE This port serves inner networks only\r\n'],
      [110, '-ERR [SYS/PERM] This port serves inner networks only\r\n'],
      [993, ''],
    ])
    const offset = await freeOffset()
    const servers = [...says].map(([port, line]) =>
      createServer((socket) => socket.on('error', () => {}).end(line)).listen(port + offset, '127.0.0.1'),
    )
    try {
      await Promise.all(servers.map((server) => once(server, 'listening')))
      const only = [...says.keys()].flatMap((port) => ['--port', String(port + offset)])
      const { stdout } = await probe('--offset', String(offset), '--json', ...only)
      const { answers } = JSON.parse(stdout) as { answers: Answer[] }
      assert.deepEqual(
        answers.map(({ service, state }) => `${service} ${state}`).toSorted(),
        ['imap', 'imaps', 'pop3', 'submission'].map((name) => `${name} turned-away`),
      )
    } finally {
      for (const server of servers) server.close()
    }
  })

  test('somebody else there is told; 25 that does not answer is a failure', async () => {
    const offset = await freeOffset()
    const port = offset + 25
    const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')).listen(port, '127.0.0.1')
    await once(other, 'listening')
    try {
      const { code, stdout } = await probe('--offset', String(offset), '--port', String(port), '--json')
      assert.equal(code, 1)
      const [answer] = (JSON.parse(stdout) as { answers: Answer[] }).answers
      assert.deepEqual([answer?.state, answer?.says], ['wrong', 'SSH-2.0-OpenSSH_9.2'])
    } finally {
      other.close()
    }
  })

  for (const [args, told] of [
    [['--offset', 'many'], /no offset/],
    [['--port', '22'], /no port of a mail server/],
  ] as const)
    test(`refused: ${args.join(' ')}`, async () => {
      const { code, stderr } = await probe(...args)
      assert.equal(code, 64)
      assert.match(stderr, told)
    })
})
