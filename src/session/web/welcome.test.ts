import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StoreError, type OnceLinks } from '../../core/contract.ts'
import { HTTP_BODY_MAX_OCTETS } from '../../model/limits.ts'
import type { Site, WebAnswer, WebRequest } from '../../model/web.ts'
import { silentLog, type LogEvent } from '../../std/log.ts'
import { Secret } from '../../std/secret.ts'
import { welcomeLink, welcomePage, WELCOME_PATH } from './welcome.ts'

const HOST = 'mail.example.org'
const TOKEN = 'Zm9yIHRlc3RzIG9ubHktMTIz'
const ANNA = { localPart: 'anna', domain: 'example.org' }

type Failed = { address: string; guess: string | null }

function setUp(more: Partial<OnceLinks> = {}) {
  const used: string[] = []
  const failed: Failed[] = []
  const events: LogEvent[] = []
  let live = true
  let refusing = false
  const keep = (event: LogEvent): void => void events.push(event)
  const site = welcomePage({
    links: {
      invite: () => Promise.reject(new Error('nobody invites here')),
      give: () => Promise.reject(new Error('nobody gives here')),
      end: () => Promise.reject(new Error('nobody ends here')),
      find: async (token) => (live && token === TOKEN ? { address: ANNA, expiresAt: 1 } : null),
      use: async (token, password) => {
        if (!live || token !== TOKEN) return { at: 'gone' }
        if (password.reveal().length < 8) return { at: 'bad-password', why: 'too-short' }
        live = false
        used.push(password.reveal())
        return { at: 'done', address: ANNA }
      },
      ...more,
    },
    guard: {
      beforeLogin: () => ({ at: refusing ? 'refuse' : 'go' }),
      loginFailed: (address, facts) => void failed.push({ address, guess: facts?.guess ?? null }),
    },
    guessOf: (user, said) => `hash of ${user.length} ${said.length}`,
    clock: { now: () => 7 },
    log: { ...silentLog, info: keep, warn: keep, error: keep },
    port: 443,
  })
  return { site, used, failed, events, refuse: () => (refusing = true) }
}

function ask(site: Site, more: Partial<WebRequest> & { headers?: Record<string, string> } = {}): Promise<WebAnswer> {
  const { headers = {}, ...rest } = more
  const search = rest.search ?? ''
  return Promise.resolve(
    site({
      method: 'GET',
      host: HOST,
      path: WELCOME_PATH,
      search,
      query: new URLSearchParams(search),
      header: (name) => headers[name],
      remote: '192.0.2.1',
      body: new Uint8Array(),
      ...rest,
    }),
  )
}

const OWN = {
  host: HOST,
  'content-type': 'application/x-www-form-urlencoded',
  origin: 'null',
  'sec-fetch-site': 'same-origin',
}
const post = (site: Site, fields: Record<string, string>, headers: Record<string, string> = OWN): Promise<WebAnswer> =>
  ask(site, { method: 'POST', headers, body: Buffer.from(new URLSearchParams(fields).toString()) })
const text = ({ body }: WebAnswer): string => (typeof body === 'string' ? body : Buffer.from(body).toString())
const see = (site: Site, token: string, language = 'en'): Promise<WebAnswer> =>
  ask(site, { search: `once=${token}`, headers: { 'accept-language': language } })
const twice = (password: string, once = TOKEN): Record<string, string> => ({ once, password, again: password })

suite('where a one-time link leads', () => {
  test('the link has the token, and the page a form without scripts, in both languages', async () => {
    const { site } = setUp()
    assert.equal(welcomeLink(`https://${HOST}`, new Secret(TOKEN)), `https://${HOST}/welcome?once=${TOKEN}`)
    const page = await see(site, TOKEN)
    assert.equal(page.status, 200)
    assert.match(text(page), /Choose your password.*value="anna@example.org".*autocomplete="new-password"/s)
    assert.match(text(await see(site, TOKEN, 'ru')), /<html lang="ru">.*Придумайте пароль/s)
    for (const each of [page, await see(site, 'x'), await post(site, twice('short'))]) {
      assert.match(each.headers['content-security-policy'] ?? '', /^default-src 'none'; style-src 'sha256-[^']+';/)
      assert.match(each.headers['content-security-policy'] ?? '', /form-action 'self'$/)
      assert.equal(each.headers['cache-control'], 'no-store')
      assert.doesNotMatch(text(each), /<script|style="|https?:/)
    }
    assert.equal((await ask(site, { method: 'HEAD', search: `once=${TOKEN}` })).status, 200)
    assert.equal((await ask(site, { method: 'PUT' })).status, 405)
  })

  test('chosen twice: the password is set, and the way to mail programs shown; once', async () => {
    const { site, used, events } = setUp()
    await see(site, TOKEN)
    const done = await post(site, twice('a boat & a lake = 100 %'))
    assert.equal(done.status, 200)
    assert.match(text(done), /href="\/mail-setup\?address=anna%40example.org"/)
    assert.deepEqual(used, ['a boat & a lake = 100 %'])
    assert.equal((await post(site, twice('another password'))).status, 410, 'replayed')
    assert.equal((await see(site, TOKEN)).status, 410)
    assert.deepEqual(used.length, 1)
    assert.doesNotMatch(JSON.stringify(events), /Zm9y|boat/, 'no log has the token or the password')
  })

  test('a mistake is told, changes nothing, and what was typed is not sent back', async () => {
    const { site, used } = setUp()
    const different = await post(site, { once: TOKEN, password: 'one of the two', again: 'the other one' })
    assert.equal(different.status, 422)
    assert.match(text(different), /role="alert">The two are not the same/)
    assert.doesNotMatch(text(different), /one of the two|other one/)
    assert.match(text(await post(site, twice('short'))), /aria-invalid="true".*shorter than 8/s)
    assert.deepEqual(used, [])
    assert.equal((await see(site, TOKEN)).status, 200)
  })

  test('a wrong one is 410, whatever is wrong; the guard hears of it, with a hash alone', async () => {
    const { site, failed, refuse } = setUp()
    for (const token of ['Zm9yIHRlc3RzIG9ubHktMTI0', '<script>', "' OR 1=1"]) {
      const page = await see(site, encodeURIComponent(token))
      assert.equal(page.status, 410)
      assert.doesNotMatch(text(page), /script>|OR 1=1|anna/)
    }
    assert.equal((await post(site, twice('long enough', 'wrong'))).status, 410)
    assert.equal(failed.length, 4)
    assert.ok(failed.every(({ address, guess }) => address === '192.0.2.1' && guess?.startsWith('hash of') === true))
    assert.equal((await ask(site)).status, 410)
    assert.equal(failed.length, 4, 'no link at all is no guess')
    refuse()
    const slow = await see(site, TOKEN)
    assert.deepEqual([slow.status, slow.headers['retry-after']], [429, '60'])
  })

  test('from another site, or not a form: refused, and the link still works', async () => {
    const { site, used } = setUp()
    const { 'sec-fetch-site': _, ...older } = OWN
    for (const headers of [
      { ...OWN, 'sec-fetch-site': 'cross-site' },
      { ...OWN, 'sec-fetch-site': 'same-site' },
      { ...OWN, 'sec-fetch-site': 'none' },
      { ...older, origin: 'https://evil.example' },
      { ...older, origin: `http://${HOST}` },
      { ...older, origin: `https://${HOST}:8443` },
      { ...OWN, 'content-type': 'text/plain' },
      { ...OWN, 'content-type': 'multipart/form-data; boundary=x' },
    ])
      assert.equal((await post(site, twice('long enough'), headers)).status, 403, JSON.stringify(headers))
    const { origin, ...none } = older
    assert.equal(origin, 'null')
    assert.equal((await post(site, twice('long enough'), none)).status, 403)
    const bytes = Buffer.concat([Buffer.from(`once=${TOKEN}&password=`), Buffer.from([0xff]), Buffer.alloc(10, 'a')])
    assert.equal((await ask(site, { method: 'POST', headers: OWN, body: bytes })).status, 403)
    assert.deepEqual(used, [])
    assert.equal((await post(site, twice('long enough'), { ...older, origin: `https://${HOST}` })).status, 200)
  })

  test('the store does not answer: 503, and nothing is lost', async () => {
    const { site, failed } = setUp({ use: () => Promise.reject(new StoreError('busy', 'locked')) })
    const later = await post(site, twice('long enough'))
    assert.equal(later.status, 503)
    assert.equal(failed.length, 0)
    const ours = setUp({ use: () => Promise.reject(new TypeError('a mistake')) })
    await assert.rejects(post(ours.site, twice('long enough')), TypeError)
  })

  test('a form of any size that the port lets in is read', async () => {
    const { site } = setUp()
    const large = await post(site, { ...twice('long enough'), more: 'x'.repeat(HTTP_BODY_MAX_OCTETS) })
    assert.equal(large.status, 200)
  })
})
