/** Bans of a running server over SMTP, IMAP and POP3 together, and `gavan ban` as an administrator uses it. Peers are named by PROXY headers. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BAN_GUESSES, METRICS_PORT } from '../../src/model/limits.ts'
import { MAIN } from '../../tools/program.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const folder = temporaryFolder('bans')
const config = join(folder.path, 'gavan.toml')
let offset = 0
let server: ChildProcess | null = null

const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await gavan(...args, '--json')).stdout) as Record<string, unknown>

async function start(): Promise<void> {
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], { stdio: ['ignore', 'ignore', 'inherit'] })
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
}

async function stop(): Promise<void> {
  if (server === null || server.exitCode !== null) return
  server.kill('SIGTERM')
  await once(server, 'exit')
  server = null
}

/** Says it all at once as that peer and hears the answers, up to the close or up to what is wanted. */
async function talk(port: number, peer: string, lines: readonly string[], wanted = /(?!)/): Promise<string> {
  const socket = connect(port + offset, '127.0.0.1')
  let heard = ''
  socket.setEncoding('latin1').on('error', () => {})
  socket.write(`PROXY TCP4 ${peer} 192.0.2.1 40000 ${port}\r\n`)
  const over = new Promise<void>((resolve) => {
    socket.on('data', (text: string) => {
      heard += text
      if (wanted.test(heard)) resolve()
    })
    socket.on('close', () => resolve())
  })
  await once(socket, 'data')
  for (const line of lines) socket.write(`${line}\r\n`)
  await over
  socket.destroy()
  return heard
}

const GREETING = /\r\n/
const plain = (password: string): string => Buffer.from(`\0anna@bans.test\0${password}`).toString('base64')
const imapGuess = (peer: string, password: string): Promise<string> =>
  talk(143, peer, [`a LOGIN anna@bans.test "${password}"`], /^a /m)
const pop3Guess = (peer: string, password: string): Promise<string> =>
  talk(110, peer, [`AUTH PLAIN ${plain(password)}`], /^(?:\+OK|-ERR)[^\n]*\n(?:.*\n)*(?:\+OK|-ERR)/m)
const isBanned = async (peer: string): Promise<boolean> => (await talk(143, peer, [], GREETING)).startsWith('* BYE')

before(async () => {
  offset = await freeOffset()
  const mailPorts = ['imap', 'pop3'].map(
    (name) => `ports.${name} = { enabled = true, networks = "inside", plain_login = true }`,
  )
  writeFileSync(
    config,
    `hostname = "mail.bans.test"
domains = ["bans.test"]
data_dir = "data"
listen = ["127.0.0.1"]
inside = ["192.0.2.0/24"]
log.level = "error"
workers = 2
ports.offset = ${offset}
nat.proxies = ["127.0.0.0/8"]
nat.never_ban = ["192.0.2.250"]
${mailPorts.join('\n')}
`,
  )
  const added = await run(
    process.execPath,
    [MAIN, '--config', config, 'user', 'add', 'anna@bans.test', '--password-stdin'],
    {
      input: 'the right one\n',
    },
  )
  assert.equal(added.code, 0, added.stderr)
  assert.equal((await gavan('ban', 'list')).code, 75, 'bans are the running server’s')
  await start()
})

after(async () => {
  await stop()
  folder[Symbol.dispose]()
})

test('wrong passwords by IMAP and POP3 are one count; the ban shuts mail ports and leaves 25 open', async () => {
  const peer = '192.0.2.7'
  const guesses = Array.from({ length: BAN_GUESSES }, (_, i) =>
    i % 2 === 0 ? imapGuess(peer, `wrong ${i}`) : pop3Guess(peer, `wrong ${i}`),
  )
  await until('the ban', async () => ((await isBanned(peer)) ? true : null))
  assert.match(await talk(110, peer, [], GREETING), /^-ERR \[SYS\/TEMP\]/)
  assert.match(await talk(587, peer, [], GREETING), /^421 /)
  assert.match(await talk(25, peer, [], GREETING), /^220 /)
  assert.equal(await isBanned('192.0.2.8'), false)
  const { bans } = (await json('ban', 'list')) as { bans: { network: string; group: string }[] }
  assert.deepEqual(
    bans.map(({ network, group }) => [network, group]),
    [[peer, 'mail']],
  )
  const why = (await gavan('ban', 'why', peer)).stdout
  assert.match(why, /192\.0\.2\.7 is banned from mail programs' ports/)
  assert.match(why, /imap 143|imap \d+ {2}user "anna@bans\.test" {2}cid \w+/)
  assert.match(why, /pop3 \d+/)
  await stop() // Ends the delays of their answers too.
  await Promise.all(guesses)
})

test('a ban outlives a restart, and lifting it holds at once', async () => {
  await start()
  assert.equal(await isBanned('192.0.2.7'), true)
  assert.match((await gavan('ban', 'remove', '192.0.2.7')).stdout, /may use mail programs' ports again/)
  assert.equal(await isBanned('192.0.2.7'), false)
  assert.equal((await gavan('ban', 'list')).stdout, 'Nobody is banned.\n')
})

test('whoever is signed in, and whom nat.never_ban spares, is not banned', async () => {
  const owner = connect(143 + offset, '127.0.0.1')
  owner.write('PROXY TCP4 192.0.2.9 192.0.2.1 1 143\r\n')
  await once(owner, 'data')
  owner.write('a LOGIN anna@bans.test "the right one"\r\n')
  await once(owner, 'data')
  const signedIn = await gavan('ban', 'add', '192.0.2.9')
  assert.equal(signedIn.code, 1)
  assert.match(signedIn.stderr, /somebody is signed in/)
  const spared = await gavan('ban', 'add', '192.0.2.250', '--ports', 'all')
  assert.match(spared.stderr, /nat\.never_ban/)
  assert.match((await gavan('ban', 'why', '192.0.2.250')).stdout, /never banned/)
  assert.match((await gavan('ban', 'add', '127.0.0.1')).stderr, /this machine itself/)
  owner.destroy()
  await until('the session to end', async () => ((await gavan('ban', 'add', '192.0.2.9')).code === 0 ? true : null))
})

test('bans by hand, mistakes, and lists for firewalls', async () => {
  await gavan('ban', 'remove', '192.0.2.9')
  const added = await gavan('ban', 'add', '198.51.100.0/24', '--for', '7d', '--ports', 'all', '--reason', 'spam')
  assert.equal(added.code, 0, added.stderr)
  assert.match(await talk(25, '198.51.100.3', [], GREETING), /^421 /)
  for (const mistake of [['nobody'], ['192.0.2.1', '--for', '1y'], ['192.0.2.1', '--ports', '25']]) {
    assert.equal((await gavan('ban', 'add', ...mistake)).code, 64, mistake.join(' '))
  }
  assert.equal((await gavan('ban', 'export')).stdout, '198.51.100.0/24\n')
  const numbers = `http://127.0.0.1:${METRICS_PORT + offset}`
  assert.equal(await (await fetch(`${numbers}/bans.txt`)).text(), '198.51.100.0/24\n')
  assert.match(await (await fetch(`${numbers}/metrics`)).text(), /^gavan_bans\{group="mx"\} 1$/m)
  assert.match(
    (await gavan('ban', 'export', '--format', 'nft')).stdout,
    /add element inet gavan banned4 \{ 198\.51\.100\.0\/24 timeout 6047\d\ds \}/,
  )
  assert.match(
    (await gavan('ban', 'export', '--format', 'routeros')).stdout,
    /add list=gavan-banned address=198\.51\.100\.0\/24 timeout=\d+s comment=gavan/,
  )
})
