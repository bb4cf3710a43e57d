/** `gavan setup --web` as a person goes through it, and as others try to. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX } from '../../src/model/limits.ts'
import { startBrowser } from '../interop/browser.ts'
import { peerTest } from '../interop/peers.ts'
import { run, until, type Ran } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { GAVAN, MACHINE_PEERS, startFreshMachine } from './fresh-machine.ts'

type Page = AsyncDisposable & {
  /** With the token. */
  readonly link: string
  readonly port: number
  said(): string
  readonly child: ChildProcess
}

async function opened(child: ChildProcess): Promise<Page> {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part))
  const link = await until('the link', () => {
    if (child.exitCode !== null) throw new Error(text)
    return /https:\/\/127\.0\.0\.1:\d+\/setup\?once=[\w-]{24}/.exec(text)?.[0] ?? null
  })
  return {
    link,
    port: Number(new URL(link).port),
    said: () => text,
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

const openBelow = (root: string, ...args: string[]): Promise<Page> =>
  opened(spawn(GAVAN[0], [GAVAN[1], 'setup', '--web', '0', '--root', root, '--lang', 'en', ...args]))

type Said = { readonly status: number; readonly location: string; readonly cookie: string; readonly body: string }

function say(
  port: number,
  path: string,
  options: { cookie?: string; form?: Record<string, string>; headers?: Record<string, string> } = {},
): Promise<Said> {
  const { cookie, form, headers = {} } = options
  const body = form === undefined ? undefined : new URLSearchParams(form).toString()
  const own = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: body === undefined ? 'GET' : 'POST',
        rejectUnauthorized: false,
        headers: { ...(cookie === undefined ? {} : { cookie }), ...(body === undefined ? {} : own), ...headers },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            location: answer.headers.location ?? '',
            cookie: answer.headers['set-cookie']?.[0] ?? '',
            body: text,
          }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

const pathOf = (link: string): string => new URL(link).pathname + new URL(link).search
const ANSWERS = { do: 'plan', hostname: 'mail.example.org', domain: '', first: 'anna', clients: 'anywhere' }
const planOf = ({ body }: Said): string => /name="plan" value="([^"]+)"/.exec(body)?.[1] ?? ''

test('attacked: the link once and for one browser, no other site, no guessing, nothing without the plan', async () => {
  using folder = temporaryFolder('setup-page')
  const root = join(folder.path, 'root')
  await using page = await openBelow(root)
  const { port } = page
  for (const path of ['/setup', '/setup?once=', `/setup?once=${'x'.repeat(24)}`])
    assert.equal((await say(port, path)).status, 410, path)
  assert.equal((await say(port, '/setup', { form: ANSWERS })).status, 410)
  assert.equal((await say(port, '/mail-setup')).status, 404)
  const entered = await say(port, pathOf(page.link))
  assert.deepEqual([entered.status, entered.location], [303, '/setup'])
  assert.match(entered.cookie, /^__Host-gavan-setup=[\w-]{24}; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  const cookie = entered.cookie.split(';')[0]!
  assert.equal((await say(port, pathOf(page.link))).status, 410, 'another browser with the same link')
  assert.equal((await say(port, '/setup', { cookie: `${cookie}x` })).status, 410)
  assert.match((await say(port, '/setup', { cookie })).body, /Name of this server/)

  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'content-type': 'text/plain' },
  ])
    assert.equal((await say(port, '/setup', { cookie, form: ANSWERS, headers })).status, 403)
  const wrong = await say(port, '/setup', { cookie, form: { ...ANSWERS, hostname: '"><script>alert(1)</script>' } })
  assert.equal(wrong.status, 422)
  assert.doesNotMatch(wrong.body, /<script/)
  await say(port, '/setup', { cookie, form: { do: 'apply', plan: 'x' } })
  assert.match((await say(port, '/setup', { cookie })).body, /Name of this server/, 'no work without a plan')

  assert.equal((await say(port, '/setup', { cookie, form: ANSWERS })).status, 303)
  const first = planOf(await say(port, '/setup', { cookie }))
  await say(port, '/setup', { cookie, form: { ...ANSWERS, first: 'boris' } })
  const shown = await say(port, '/setup', { cookie })
  assert.match(shown.body, /\+ mailbox boris@example\.org/)
  await say(port, '/setup', { cookie, form: { do: 'apply', plan: first } })
  assert.equal(planOf(await say(port, '/setup', { cookie })), planOf(shown), 'an earlier plan is not what was shown')
  assert.ok(!existsSync(root), 'nothing is changed')

  const seen = new Set<number>()
  for (let i = 0; i < 2 * FAILED_LOGINS_PER_ADDRESS_AND_MINUTE_MAX; i++)
    seen.add((await say(port, `/setup?once=${String(i).padStart(24, 'y')}`)).status)
  assert.deepEqual(seen, new Set([410, 429]))
  assert.equal((await say(port, '/setup', { cookie })).status, 200, 'who is in stays in')
  page.child.kill('SIGINT')
  await once(page.child, 'exit')
  assert.equal(page.child.exitCode, 130)
  assert.match(page.said(), /Nothing was changed/)
  assert.ok(!existsSync(root))
})

peerTest(['chromium'], 'a person in a browser without scripts: from the link to the end', async () => {
  using folder = temporaryFolder('setup-page')
  const root = join(folder.path, 'root')
  await using page = await openBelow(root)
  await using browser = await startBrowser('en')
  assert.match(await browser.open(page.link), /Set up this mail server[\s\S]*This machine/)
  assert.doesNotMatch(await browser.address(), /once/)
  await browser.type('input[name=hostname]', '192.0.2.1')
  assert.match(await browser.click('button'), /is an address: a mail server needs a name/)
  await browser.type('input[name=hostname]', 'mail.example.org')
  await browser.type('input[name=first]', 'anna')
  await browser.choose('input[value=anywhere]')
  const plan = await browser.click('button')
  // Line for line what a terminal shows.
  const terminal = await run(GAVAN[0], [
    ...[GAVAN[1], 'setup', 'mail.example.org', '--first', 'anna', '--clients', 'anywhere'],
    ...['--dry-run', '--no-input', '--root', root],
  ])
  const lines = terminal.stdout.slice(terminal.stdout.indexOf('Plan ('), terminal.stdout.indexOf('Nothing was changed'))
  assert.ok(lines.length > 100)
  for (const line of lines.trim().split('\n')) assert.ok(plan.includes(line.replaceAll('&', '&amp;')), line)
  assert.ok(!existsSync(root))
  await browser.click('form button')
  const done = await until('the end of the work', async () => {
    const now = await browser.html()
    return now.includes('The server is set up') ? now : null
  })
  assert.match(done, /href="https:\/\/[^"]+\/welcome\?once=[\w-]{24}"/)
  assert.match(done, /gavan firewall --format/)
  assert.match(done, /v=DKIM1; k=ed25519/)
  assert.equal((await browser.selected('.records code')).trim(), 'mail', 'a click selects the whole of it')
  await browser.look({ width: 320, height: 800, dark: true })
  assert.equal(await browser.overflows(), false)
  assert.match(await browser.click('form button'), /This page is closed/)
  if (page.child.exitCode === null) await once(page.child, 'exit')
  assert.equal(page.child.exitCode, 0, page.said())
  assert.match(page.said(), /✓ mailbox anna@example\.org[\s\S]*https:\/\/mail\.example\.org\/welcome\?once=/)
  assert.match(readFileSync(join(root, 'etc/gavan/gavan.toml'), 'utf8'), /clients = "anywhere"/)

  const again = await run(GAVAN[0], [GAVAN[1], 'setup', '--web', '0', '--root', root])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /is set up already[\s\S]*gavan setup/)
})

test('what cannot be is told before anything is opened', async () => {
  using folder = temporaryFolder('setup-page')
  const below = (...args: string[]): Promise<Ran> =>
    run(GAVAN[0], [GAVAN[1], 'setup', ...args, '--root', join(folder.path, 'root')])
  assert.equal((await below('--web', '70000')).code, 64)
  assert.equal((await below('192.0.2.1', '--web')).code, 78)
})

peerTest(
  [...MACHINE_PEERS, 'curl'],
  'the page is for inner networks, whoever asks; not for others than root',
  async () => {
    {
      await using machine = await startFreshMachine('192.168.88.25')
      await using page = await opened(machine.start('/usr/bin/gavan', ['setup', '--web']))
      assert.equal(page.port, 2443)
      assert.match(page.said(), /https:\/\/192\.168\.88\.25:2443\/setup\?once=/)
      const ask = (address: string, from?: string): Promise<Ran> =>
        machine.run('curl', [
          ...['-sk', '-o', '/dev/null', '-w', '%{http_code}'],
          ...(from === undefined ? [] : ['--interface', from]),
          `https://${address}:2443/setup`,
        ])
      assert.equal((await ask('192.168.88.25')).stdout, '410')
      // As behind a router that lets the port through.
      await machine.run('ip', ['addr', 'add', '198.51.100.7/32', 'dev', 'lo'])
      assert.notEqual((await ask('192.168.88.25', '198.51.100.7')).code, 0)
      const somebody = await machine.run('setpriv', ['--reuid', 'nobody', '--clear-groups', ...GAVAN, 'setup', '--web'])
      assert.equal(somebody.code, 77)
    }
    await using machine = await startFreshMachine('203.0.113.10')
    await using page = await opened(machine.start('/usr/bin/gavan', ['setup', '--web']))
    assert.match(page.said(), /ssh -L 2443:127\.0\.0\.1:2443 root@203\.0\.113\.10/)
    assert.doesNotMatch(page.said(), /https:\/\/203\./)
    const outside = await machine.run('curl', ['-sk', 'https://203.0.113.10:2443/setup'])
    assert.equal(outside.code, 7, 'nobody listens there')
  },
)
