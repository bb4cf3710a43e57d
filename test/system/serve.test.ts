/** `gavan serve` and the commands around it, as an administrator uses them. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { silentLog } from '../../src/std/log.ts'
import { openStore } from '../../src/store/sqlite/open.ts'
import { MAIN } from '../../tools/program.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const folder = temporaryFolder('serve')
const config = join(folder.path, 'gavan.toml')
let offset = 0
let server: ChildProcess | null = null

const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
const gavanWith = (input: string, ...args: string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, '--config', config, ...args], { input })

async function start(): Promise<void> {
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
}

async function stop(): Promise<number | null> {
  if (server === null || server.exitCode !== null) return server?.exitCode ?? null
  server.kill('SIGTERM')
  const [code] = (await once(server, 'exit')) as [number | null]
  server = null
  return code
}

/** Puts a fresh certificate of a CA of its own where the configuration looks. @returns its fingerprint */
async function newCertificate(name: string): Promise<string> {
  const directory = join(folder.path, name)
  const names = ['mail.serve.test']
  const made = await localCertificate({ directory, names, clock: systemClock, random: createSystemRandom() })
  copyFileSync(join(directory, 'leaf.pem'), join(folder.path, 'cert.pem'))
  copyFileSync(join(directory, 'leaf-key.pem'), join(folder.path, 'key.pem'))
  return made.fingerprint
}

async function dial(): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: 993 + offset, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

before(async () => {
  offset = await freeOffset()
  writeFileSync(
    config,
    `hostname = "mail.serve.test"
domains = ["serve.test"]
postmaster = "anna@serve.test"
data_dir = "data"
listen = ["127.0.0.1"]
log.level = "error"
ports.offset = ${offset}
tls.cert = "cert.pem"
tls.key = "key.pem"
`,
  )
  await newCertificate('first')
})

after(async () => {
  await stop()
  folder[Symbol.dispose]()
})

test('before the first start: the file is checked, and people are added to the store itself', async () => {
  assert.match((await gavan('config', 'check')).stdout, /in order/)
  const added = await gavanWith('first password\n', 'user', 'add', 'anna@serve.test', '--password-stdin')
  assert.deepEqual([added.code, added.stderr], [0, ''])
  assert.equal((await gavan('healthz')).code, 69)
})

test('while it runs, commands go through it; each mistake has its exit code, cause and fix', async () => {
  await start()
  assert.match((await gavan('user', 'add', 'bert@serve.test', '--quota', '1G')).stdout, /Password: \S+/)
  const { users } = JSON.parse((await gavan('user', 'list', '--json')).stdout) as { users: { address: string }[] }
  assert.deepEqual(
    users.map(({ address }) => address),
    ['anna@serve.test', 'bert@serve.test'],
  )
  assert.equal((await gavan('alias', 'add', 'info@serve.test', 'anna@serve.test', 'bert@serve.test')).code, 0)
  assert.equal((await gavan('domain', 'add', 'other.test')).code, 0)
  assert.equal((await gavan('queue', 'list')).stdout, 'Everything has left.\n')

  const mistakes: readonly [string[], number, RegExp][] = [
    [['user', 'add', 'anna@serve.test'], 1, /there already/],
    [['user', 'add', 'x@nowhere.test'], 1, /fix {2}gavan domain add nowhere\.test/],
    [['user', 'add', 'x@serve.test', '--quota', 'much'], 64, /"much" is not a size/],
    [['domain', 'remove', 'serve.test'], 1, /accounts or aliases/],
    [['queue', 'retry'], 64, /--all/],
    [['queue', 'remove', 'x'], 64, /x is not a queue id/],
    [['nonsense'], 64, /unknown command/],
    [['serve'], 1, /is held by .*pid \d+/],
  ]
  for (const [args, code, told] of mistakes) {
    const ran = await gavan(...args)
    assert.deepEqual([ran.code, ran.stdout], [code, ''], args.join(' '))
    assert.match(ran.stderr, told)
  }
  const asJson = JSON.parse((await gavan('user', 'add', 'x@nowhere.test', '--json')).stdout) as Record<string, unknown>
  assert.deepEqual(Object.keys(asJson), ['schema', 'error'])
})

test('a wrong file is refused whole, with the key and what was meant', async () => {
  const wrong = join(folder.path, 'wrong.toml')
  writeFileSync(wrong, 'hostnme = "mail.serve.test"\nworkers = 0\n')
  const ran = await run(process.execPath, [MAIN, '--config', wrong, 'serve'])
  assert.equal(ran.code, 78)
  assert.match(ran.stderr, /hostnme[\s\S]*did you mean "hostname"/)
  assert.match(ran.stderr, /workers/)
})

test('SIGHUP brings a new certificate without a restart; a wrong one changes nothing', async () => {
  const old = await dial()
  const fingerprint = await newCertificate('second')
  assert.notEqual(old.getPeerX509Certificate()?.fingerprint256, fingerprint)
  server?.kill('SIGHUP')
  await until('the new certificate', async () => {
    const socket = await dial()
    const found = socket.getPeerX509Certificate()?.fingerprint256 === fingerprint
    socket.destroy()
    return found ? true : null
  })
  old.write('a NOOP\r\n')
  const [answer] = (await once(old, 'data')) as [Buffer]
  assert.match(answer.toString(), /OK/)
  old.destroy()

  writeFileSync(join(folder.path, 'cert.pem'), 'no certificate')
  server?.kill('SIGHUP')
  const socket = await dial()
  assert.equal(socket.getPeerX509Certificate()?.fingerprint256, fingerprint)
  socket.destroy()
  await newCertificate('second')
})

test('it ends with 0 on SIGTERM, and what was added is there at the next start', async () => {
  assert.equal(await stop(), 0)
  assert.match((await gavan('alias', 'list')).stdout, /info@serve\.test +anna@serve\.test, bert@serve\.test/)
  await start()
  assert.match((await gavan('domain', 'list')).stdout, /^other\.test/m)
  assert.equal(await stop(), 0)
})

test('a port that another program holds is told with its name (D16), and nothing is left half-started', async () => {
  const holder = createServer().listen(143 + offset, '127.0.0.1')
  await once(holder, 'listening')
  const ran = await gavan('serve')
  assert.equal(ran.code, 1)
  assert.match(ran.stderr, new RegExp(`port ${143 + offset} \\(imap\\).*pid ${process.pid}`))
  assert.match(ran.stderr, /ports\.imap = "off"/)
  holder.close()
  assert.equal((await gavan('healthz')).code, 69)
})

test('a start waits for a command that works on the store', async () => {
  await stop()
  const store = await openStore({ dataDir: join(folder.path, 'data'), clock: systemClock, log: silentLog })
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await new Promise((resolve) => setTimeout(resolve, 1500)) // It has met the lock by then, or has yet to.
  assert.equal(server.exitCode, null)
  await store.close()
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
})
