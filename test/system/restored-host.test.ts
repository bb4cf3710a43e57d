/** A host that is gone, and one that is made from its backup: all that made it itself is there again, not the mail alone. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { openAcmeFolder } from '../../src/app/acme/files.ts'
import { ensureDkimKeys } from '../../src/app/dkim-keys.ts'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { MAIN } from '../../tools/program.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const CA = 'https://127.0.0.1:1/directory'
const folder = temporaryFolder('restored')
const at = (...parts: string[]): string => join(folder.path, ...parts)
const backup = at('backup')
const [old, fresh] = [at('old', 'gavan.toml'), at('fresh', 'gavan.toml')]
let offset = 0
let server: ChildProcess | null = null

const gavan = (config: string, ...args: string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, '--config', config, ...args])
async function works(...args: [string, ...string[]]): Promise<string> {
  const { code, stdout, all } = await gavan(...args)
  assert.equal(code, 0, all)
  return stdout
}
const json = async (...args: [string, ...string[]]): Promise<Record<string, unknown>> =>
  JSON.parse(await works(...args, '--json')) as Record<string, unknown>

async function start(config: string): Promise<void> {
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], { stdio: ['ignore', 'ignore', 'inherit'] })
  await until('the server to answer', async () => ((await gavan(config, 'healthz')).code === 0 ? true : null))
}
async function stop(): Promise<void> {
  if (server === null) return
  server.kill('SIGTERM')
  await once(server, 'exit')
  server = null
}
async function fingerprint(): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port: 993 + offset, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const found = socket.getPeerX509Certificate()?.fingerprint256
  socket.destroy()
  return found
}
type Told = { fingerprint: string | undefined; bans: unknown; dns: unknown; users: unknown }
async function tell(config: string): Promise<Told> {
  const bans = (await json(config, 'ban', 'list'))['bans'] as { network: string; group: string; until: number }[]
  return {
    fingerprint: await fingerprint(),
    bans: bans.map(({ network, group, until: end }) => [network, group, end]),
    dns: await json(config, 'dns'),
    users: await json(config, 'user', 'list'),
  }
}

let told: Told

before(async () => {
  offset = await freeOffset()
  mkdirSync(at('old', 'keys'), { recursive: true })
  writeFileSync(at('old', 'keys', 'smarthost'), 'secret of the provider\n')
  writeFileSync(at('elsewhere.pem'), 'of another program')
  writeFileSync(
    old,
    `# our server
hostname = "mail.restored.test"
domains = ["restored.test"]
data_dir = "data"
listen = ["127.0.0.1"]
log.level = "error"
workers = 1
metrics.listen = "off"
ports.offset = ${offset}
tls.acme = "${CA}"
relay.smarthost = { host = "smart.test", user = "anna", password_file = "keys/smarthost" }
`,
  )
  const input = 'right password\n'
  const args = ['user', 'add', 'anna@restored.test', '--password-stdin']
  assert.equal((await run(process.execPath, [MAIN, '--config', old, ...args], { input })).code, 0)
  const dataDir = at('old', 'data')
  await ensureDkimKeys(dataDir, 'restored.test')
  const acme = openAcmeFolder(dataDir, CA)
  await acme.account()
  const names = ['mail.restored.test']
  const parts = { directory: at('ca'), names, clock: systemClock, random: createSystemRandom() }
  await acme.keepPair(await localCertificate(parts))
  await start(old)
  await works(old, 'ban', 'add', '198.51.100.0/24', '--for', '30d')
  told = await tell(old)
})

after(async () => {
  await stop()
  folder[Symbol.dispose]()
})

test('a backup while files are put in the place of others: none is torn, none keeps it from being made', async () => {
  const path = at('old', 'data', 'bans.json')
  const enough = new AbortController()
  let times = 0
  const rewriting = (async () => {
    while (!enough.signal.aborted) {
      times++
      await works(old, 'ban', 'add', `203.0.113.${times % 200}`, '--for', '1h')
    }
  })()
  writeFileSync(`${path}.new-1`, 'half of it')
  writeFileSync(at('old', 'data', 'note-of-the-administrator'), 'mine')
  const { backup: made } = (await json(old, 'backup', backup)) as { backup: { snapshot: string } }
  enough.abort()
  await rewriting
  const files = at('backup', 'snapshots', made.snapshot, 'files')
  JSON.parse(readFileSync(join(files, 'data', 'bans.json'), 'utf8'))
  assert.ok(readdirSync(join(files, 'data')).every((name) => !name.includes('.new-')))
  assert.deepEqual(readdirSync(files).toSorted(), ['config', 'data', 'gavan.toml'])
  assert.match(await works(old, 'backup', 'verify', backup), /files of the installation/)
  await works(old, 'ban', 'remove', '203.0.113.0/24')
  told = await tell(old)
  await works(old, 'backup', backup)
})

test('a flipped bit in a key is found by verify', async () => {
  const [first] = readdirSync(at('backup', 'snapshots')).toSorted()
  for (const name of ['gavan.toml', 'config/keys/smarthost', 'data/dkim/restored.test/gv1.pem', 'data/bans.json']) {
    const path = at('backup', 'snapshots', first!, 'files', name)
    const content = readFileSync(path)
    writeFileSync(
      path,
      content.map((octet, index) => (index === 3 ? octet ^ 1 : octet)),
    )
    const { code, stderr } = await gavan(old, 'backup', 'verify', backup, '--snapshot', first!)
    assert.equal(code, 1, name)
    assert.ok(stderr.includes(`${name} is not what was written`), stderr)
    writeFileSync(path, content)
  }
})

test('on a host that has nothing: configuration, keys, certificate, bans and people are as they were', async () => {
  await stop()
  const [config, secret] = [readFileSync(old, 'utf8'), readFileSync(at('old', 'keys', 'smarthost'), 'utf8')]
  rmSync(at('old'), { recursive: true })
  const said = await works(fresh, 'restore', backup)
  assert.match(said, /^Put back: .*fresh\/gavan\.toml$/m)
  assert.match(said, /^Put back: .*fresh\/keys\/smarthost$/m)
  assert.equal(readFileSync(fresh, 'utf8'), config)
  assert.equal(readFileSync(at('fresh', 'keys', 'smarthost'), 'utf8'), secret)
  assert.equal(readFileSync(at('fresh', 'data', 'note-of-the-administrator'), 'utf8'), 'mine')
  for (const path of allBelow(at('fresh'))) {
    if (path.endsWith('lock.db')) continue // Empty, and in a folder that is its owner's alone.
    const { mode } = statSync(path)
    assert.equal(mode & 0o007, 0, `${path} is for nobody else`)
    if (path.startsWith(at('fresh', 'data'))) assert.equal(mode & 0o077, 0, `${path} is its owner's alone`)
  }
  await start(fresh)
  assert.deepEqual(await tell(fresh), told)
})

test('a configuration that is there stays, and where it differs that is said', async () => {
  await stop()
  appendFileSync(fresh, '# changed\n')
  rmSync(at('fresh', 'keys', 'smarthost'))
  writeFileSync(at('fresh', 'keys', 'smarthost'), 'another\n')
  const said = await works(fresh, 'restore', backup, '--force')
  assert.match(said, /^Left as it is, though the backup has another: .*fresh\/gavan\.toml$/m)
  assert.match(said, /^Left as it is, .*smarthost$/m)
  assert.match(readFileSync(fresh, 'utf8'), /# changed\n$/)
  const elsewhere = await works(fresh, 'restore', backup, '--into', at('into'))
  assert.match(elsewhere, /^The backup's configuration: .*gavan\.toml, .*smarthost$/m)
  assert.equal(readFileSync(at('into', 'note-of-the-administrator'), 'utf8'), 'mine')
})

const allBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name))
