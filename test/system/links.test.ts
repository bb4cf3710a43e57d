/** One-time links of a running server: given by the command line, used by a person in a browser, attacked by others. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { ImapFlow } from 'imapflow'
import { FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX } from '../../src/model/limits.ts'
import { MAIN } from '../../tools/program.ts'
import { startBrowser } from '../interop/browser.ts'
import { peerTest } from '../interop/peers.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

const folder = temporaryFolder('links')
const config = join(folder.path, 'gavan.toml')
let offset = 0
let server: ChildProcess | null = null
let log = ''

const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, ...args])

type Given = { readonly address: string; readonly link: string; readonly expiresAt: string }

async function given(...args: string[]): Promise<Given> {
  const ran = await gavan('account', ...args, '--json')
  assert.equal(ran.code, 0, ran.all)
  return JSON.parse(ran.stdout) as Given
}
const tokenOf = ({ link }: Given): string => new URL(link).searchParams.get('once') ?? ''

type Said = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string }

function say(
  path: string,
  options: { form?: Record<string, string>; headers?: Record<string, string> } = {},
): Promise<Said> {
  const { form, headers = {} } = options
  const body = form === undefined ? null : new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: 443 + offset,
        path,
        method: body === null ? 'GET' : 'POST',
        rejectUnauthorized: false,
        headers: {
          ...(body === null
            ? {}
            : { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }),
          ...headers,
        },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
      },
    )
    asked.on('error', reject)
    asked.end(body ?? undefined)
  })
}

const choose = (token: string, password: string, headers?: Record<string, string>): Promise<Said> =>
  say('/welcome', { form: { once: token, password, again: password }, ...(headers === undefined ? {} : { headers }) })

async function signsIn(user: string, pass: string): Promise<boolean> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: 993 + offset,
    secure: true,
    auth: { user, pass },
    tls: { rejectUnauthorized: false },
    logger: false,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.logout()
    return true
  } catch {
    return false
  }
}

before(async () => {
  offset = await freeOffset()
  writeFileSync(
    config,
    `hostname = "mail.links.test"
domains = ["links.test"]
data_dir = "data"
listen = ["127.0.0.1"]
tls.acme = "off"
workers = 2
ports.offset = ${offset}
`,
  )
  server = spawn(process.execPath, [MAIN, '--config', config, 'serve'], { stdio: ['ignore', 'ignore', 'pipe'] })
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  await until('the server to answer', async () => ((await gavan('healthz')).code === 0 ? true : null))
})

after(async () => {
  if (server !== null && server.exitCode === null) {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  folder[Symbol.dispose]()
})

test('invited: no sign-in before, the chosen password after, the link once', async () => {
  const invited = await given('invite', 'anna@links.test')
  assert.match(invited.link, new RegExp(`^https://mail\\.links\\.test:${443 + offset}/welcome\\?once=[\\w-]{24}$`))
  const again = await gavan('user', 'invite', 'anna@links.test')
  assert.equal(again.code, 1)
  assert.match(again.stderr, /is there already[\s\S]*gavan user reset anna@links\.test/)
  const token = tokenOf(invited)
  assert.equal(await signsIn('anna@links.test', token), false)
  const page = await say(`/welcome?once=${token}`)
  assert.equal(page.status, 200)
  assert.equal(page.headers['referrer-policy'], 'no-referrer')
  assert.match(String(page.headers['content-security-policy']), /^default-src 'none'/)
  const [one, two] = await Promise.all([choose(token, 'a boat on the lake'), choose(token, 'a house on the hill')])
  assert.deepEqual(
    [one.status, two.status].toSorted((a, b) => a - b),
    [200, 410],
    'of two at once, one',
  )
  const password = one.status === 200 ? 'a boat on the lake' : 'a house on the hill'
  assert.equal(await signsIn('anna@links.test', password), true)
  assert.equal((await choose(token, 'another password')).status, 410)
  assert.equal(await signsIn('anna@links.test', 'another password'), false)
  assert.ok(!log.includes(token) && !log.includes(password), 'the log has neither')
  const db = new DatabaseSync(join(folder.path, 'data/store.db'), { readOnly: true })
  assert.deepEqual(db.prepare('SELECT * FROM once_link').all(), [])
  db.close()
})

test('reset: the old password until it is used; ended by the administrator, by a later one, by its time', async () => {
  assert.equal((await gavan('user', 'reset', 'nobody@links.test')).code, 1)
  const invited = await given('invite', 'boris@links.test')
  assert.equal((await choose(tokenOf(invited), 'the first password')).status, 200)
  const first = await given('reset', 'boris@links.test')
  const second = await given('reset', 'boris@links.test')
  const bytes = readFileSync(join(folder.path, 'data/store.db-wal'))
  assert.ok(!bytes.includes(tokenOf(second)), 'the store does not know what the link says')
  assert.equal((await say(`/welcome?once=${tokenOf(first)}`)).status, 410)
  assert.equal(await signsIn('boris@links.test', 'the first password'), true)
  const foreign = await choose(tokenOf(second), 'by another site', { 'sec-fetch-site': 'cross-site' })
  assert.equal(foreign.status, 403)
  const older = { 'sec-fetch-site': 'none', origin: 'https://evil.example' }
  assert.equal((await choose(tokenOf(second), 'by another site', older)).status, 403)
  assert.equal((await choose(tokenOf(second), 'boris@links.test')).status, 422)
  assert.equal((await choose(tokenOf(second), 'the second password')).status, 200)
  assert.equal(await signsIn('boris@links.test', 'the first password'), false)
  assert.equal(await signsIn('boris@links.test', 'the second password'), true)
  const third = await given('reset', 'boris@links.test')
  const ended = await gavan('user', 'reset', 'boris@links.test', '--end')
  assert.equal(ended.code, 0, ended.all)
  assert.equal((await choose(tokenOf(third), 'the third password')).status, 410)
})

peerTest(['chromium'], 'a person in a browser without scripts, in two languages', async () => {
  const { address, link } = await given('invite', 'vera@links.test')
  const here = link.replace('mail.links.test', 'localhost')
  {
    await using browser = await startBrowser('ru')
    assert.match(await browser.open(here), /<html lang="ru">[\s\S]*Придумайте пароль/)
  }
  await using browser = await startBrowser('en')
  assert.match(await browser.open(here), /Choose your password[\s\S]*vera@links\.test/)
  await browser.type('input[name=password]', 'a kite over the sea')
  await browser.type('input[name=again]', 'a kite over the see')
  assert.match(await browser.click('button'), /The two are not the same/)
  assert.equal(await browser.address(), `https://localhost:${443 + offset}/welcome`, 'the link is not in the address')
  for (const width of [320, 800]) {
    await browser.look({ width, height: 900, dark: false })
    assert.equal(await browser.overflows(), false, `${width}`)
  }
  await browser.type('input[name=password]', 'a kite over the sea')
  await browser.type('input[name=again]', 'a kite over the sea')
  assert.match(await browser.click('button'), /Your password is set[\s\S]*vera@links\.test/)
  const settings = await browser.click('a.button')
  assert.match(settings, /Set up a mail program[\s\S]*vera@links\.test/)
  assert.ok(settings.includes(`>${993 + offset}<`))
  assert.equal(await signsIn(address, 'a kite over the sea'), true)
  assert.match(await browser.open(here), /does not work any more/)
})

test('guesses are counted: the same wrong link once, different ones until the address must wait', async () => {
  const { link } = await given('reset', 'anna@links.test')
  const old = 'x'.repeat(24)
  for (let i = 0; i < 2 * FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++)
    assert.equal((await say(`/welcome?once=${old}`)).status, 410)
  const path = new URL(link).pathname + new URL(link).search
  assert.equal((await say(path)).status, 200, 'an old link opened again and again is one guess')
  const seen = new Set<number>()
  for (let i = 0; i < 3 * FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++)
    seen.add((await say(`/welcome?once=${String(i).padStart(24, 'y')}`)).status)
  assert.deepEqual(seen, new Set([410, 429]))
  const waits = await say(path)
  assert.equal(waits.status, 429)
  assert.equal(waits.headers['retry-after'], '60')
  assert.match(log, /"event":"web\.once\.refused","rip":"127\.0\.0\.1"/)
})
