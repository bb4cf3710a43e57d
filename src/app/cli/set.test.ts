import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { MAIN } from '../../../tools/program.ts'

let directory: string
let file: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavan-set-'))
  file = join(directory, 'gavan.toml')
})
after(() => rm(directory, { recursive: true, force: true }))

const TEXT = '# Ours.\nhostname = "mail.example.org"\nclients = "office" # for now\n\n[log]\nlevel = "warn"\n'
beforeEach(() => writeFile(file, TEXT))

type Run = { readonly code: number; readonly out: string; readonly err: string }
function set(...words: string[]): Promise<Run> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
  return new Promise((resolve) =>
    execFile(process.execPath, [MAIN, '--config', file, 'set', ...words], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    ),
  )
}

test('changes one line, keeps the rest and the mode, and tells which ports move', async () => {
  await chmod(file, 0o640)
  const { code, out, err } = await set('clients', 'anywhere')
  assert.equal(code, 0, err)
  assert.equal(await readFile(file, 'utf8'), TEXT.replace('"office"', '"anywhere"'))
  assert.equal((await stat(file)).mode & 0o777, 0o640)
  assert.match(out, /^- clients = "office" # for now\n\+ clients = "anywhere" # for now\n/m)
  assert.match(out, /^587 {3}submission {3}inside → open$/m)
  assert.match(err, /No server runs; the next start goes by it/)
  assert.deepEqual(await readdir(directory), ['gavan.toml'], 'nothing is left beside it')
})

test('a dry run shows the same and changes nothing', async () => {
  const { code, out } = await set('pop3', 'off', '--dry-run')
  assert.equal(code, 0)
  assert.match(out, /^\+ ports\.pop3 = "off"$/m)
  assert.match(out, /^110 {3}pop3 {9}inside → off$/m)
  assert.match(out, /^995 {3}pop3s {8}inside → off$/m)
  assert.equal(await readFile(file, 'utf8'), TEXT)
})

test('done twice, the second time there is nothing to do', async () => {
  assert.equal((await set('submissions', 'on')).code, 0)
  const once = await readFile(file, 'utf8')
  const { code, out } = await set('submissions', 'on', '--json')
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(out), {
    schema: 1,
    file,
    changed: false,
    dryRun: false,
    moved: [],
    rules: [],
    server: null,
  })
  assert.equal(await readFile(file, 'utf8'), once)
})

test('one switch for both ports of POP3, also where the file has the other by name (D12)', async () => {
  await writeFile(file, `${TEXT}[ports]\npop3s = "on"\n`)
  const { out } = await set('pop3', 'off', '--json')
  assert.deepEqual(
    (JSON.parse(out) as { moved: { port: number; to: string }[] }).moved.map(({ port, to }) => [port, to]),
    [
      [110, 'off'],
      [995, 'off'],
    ],
  )
})

test('what changes in the rules of the firewall, in the tool’s own words', async () => {
  const { out } = await set('submissions', 'on', '--dry-run')
  assert.match(out, /^Of the firewall's rules \(nftables\):\n(?: {2}[-+] .*\n)+/m)
  assert.match(out, /^ {2}\+ .*\b465\b/m)
  const routeros = JSON.parse((await set('submissions', 'on', '--format', 'routeros', '--json', '--dry-run')).out) as {
    rules: string[]
  }
  assert.ok(routeros.rules.length > 0)
  for (const line of routeros.rules) assert.match(line, /^[-+] /)
  assert.equal((await set('submissions', 'on', '--format', 'abacus')).code, 64)
})

test('in Russian', async () => {
  const { out, err } = await set('clients', 'anywhere', '--lang', 'ru')
  assert.match(out, /^587 {3}submission {3}внутри → открыт$/m)
  assert.match(out, /^В правилах брандмауэра/m)
  assert.match(err, /Сервер не работает/)
  assert.match((await set('clients', 'anywhere', '--lang', 'ru')).out, /менять нечего/)
})

test('a link stays a link', async () => {
  const real = join(directory, 'real.toml')
  await writeFile(real, TEXT)
  await rm(file)
  await symlink(real, file)
  try {
    assert.equal((await set('sieve', 'on')).code, 0)
    assert.ok((await lstat(file)).isSymbolicLink())
    assert.match(await readFile(real, 'utf8'), /^ports\.sieve = "on"$/m)
  } finally {
    await rm(file)
    await rm(real)
  }
})

const REFUSED: readonly [words: [string, string], text: string, code: number, told: RegExp][] = [
  [['imap', 'off'], TEXT, 64, /there is no "imap" to set/],
  [['clients', 'everywhere'], TEXT, 64, /"everywhere" is none of browser, office, anywhere/],
  [['pop3', 'off'], `${TEXT}bogus = 1\n`, 78, /bogus/],
  [['pop3', 'off'], 'hostname = "mail.example.org"\nports = { imap = "on" }\n', 1, /by hand: ports\.pop3 = "off"/],
  [
    ['clients', 'anywhere'],
    'hostname = "mail.example.org"\nclients = "office"\nports.imap = { plain_login = true }\n',
    78,
    /in the clear/,
  ],
]
for (const [words, text, code, told] of REFUSED)
  test(`refused, and nothing is changed: set ${words.join(' ')}: ${told.source}`, async () => {
    await writeFile(file, text)
    const run = await set(...words)
    assert.equal(run.code, code, run.err)
    assert.match(run.err, told)
    assert.equal(await readFile(file, 'utf8'), text)
  })
