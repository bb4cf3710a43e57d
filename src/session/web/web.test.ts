import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { ClientServer } from '../../model/client-server.ts'
import { HTTP_BODY_MAX_OCTETS } from '../../model/limits.ts'
import type { Site, WebAnswer, WebRequest } from '../../model/web.ts'
import { notFound } from './answers.ts'
import type { SiteFacts } from './contract.ts'
import { redirectSite } from './redirect.ts'
import { isNameOfOurs, secureSite } from './site.ts'

const HOST = 'mail.example.org'
const domains = async (): Promise<ReadonlySet<string>> => new Set(['example.org', 'xn--e1afmkfd.example'])

function ask(
  site: Site,
  path: string,
  more: Partial<WebRequest> & { headers?: Record<string, string> } = {},
): Promise<WebAnswer> {
  const [where = '', search = ''] = path.split(/\?(.*)/s)
  const { headers = {}, ...rest } = more
  return Promise.resolve(
    site({
      method: 'GET',
      host: HOST,
      path: where,
      search,
      query: new URLSearchParams(search),
      header: (name) => headers[name],
      remote: '192.0.2.1',
      body: new Uint8Array(),
      ...rest,
    }),
  )
}

const text = ({ body }: WebAnswer): string => (typeof body === 'string' ? body : Buffer.from(body).toString())

describe('port 80', () => {
  const site = redirectSite({
    names: [HOST, 'localhost'],
    knowsHost: (host) => isNameOfOurs(host, domains),
    httpsPort: 2443,
    acmeAnswer: (token) => (token === 'good_token-1' ? 'good_token-1.thumbprint' : null),
  })

  test('redirects every request to 443, path and all (D13)', async () => {
    for (const path of ['/', '/a/b?c=d&e', '//evil.example/x', '/%2e%2e/etc', '/.well-known/other', '/?']) {
      const { status, headers } = await ask(site, path)
      assert.equal(status, 308)
      assert.equal(headers['location'], `https://${HOST}:2443${path.replace(/\?$/, '')}`)
    }
    assert.equal((await ask(site, '/x', { method: 'POST' })).headers['location'], `https://${HOST}:2443/x`)
  })

  test('never sends anyone to a host that only the request knows', async () => {
    for (const host of ['evil.example', `${HOST}.evil.example`, '203.0.113.1', 'autoconfig.evil.example', null]) {
      const { status, headers } = await ask(site, '/', { host })
      assert.deepEqual([status, headers['location']], [404, undefined], `${host}`)
    }
    assert.equal((await ask(site, '/x', { host: 'localhost' })).headers['location'], 'https://localhost:2443/x')
  })

  test('names of our domains lead to the configured host', async () => {
    for (const host of ['example.org', 'autoconfig.example.org', 'mta-sts.xn--e1afmkfd.example']) {
      assert.equal((await ask(site, '/x', { host })).headers['location'], `https://${HOST}:2443/x`)
    }
  })

  test('answers the certificate check at its one path, for any name (D14, S22)', async () => {
    const good = await ask(site, '/.well-known/acme-challenge/good_token-1', { host: 'other.example' })
    assert.deepEqual([good.status, good.body], [200, 'good_token-1.thumbprint'])
    for (const token of ['', 'other', 'good_token-1/', '../good_token-1', '%67ood_token-1', 'x'.repeat(300)]) {
      assert.equal((await ask(site, `/.well-known/acme-challenge/${token}`)).status, 404, token)
    }
    const post = await ask(site, '/.well-known/acme-challenge/good_token-1', { method: 'POST' })
    assert.equal(post.status, 404)
  })
})

const IMAPS: ClientServer = { protocol: 'imap', host: HOST, port: 993, security: 'tls' }
const SUBMISSION: ClientServer = { protocol: 'smtp', host: HOST, port: 587, security: 'starttls' }
const INSIDE = '192.168.88.7'

function site443(facts: Partial<SiteFacts> = {}): Site {
  return secureSite({
    hostname: HOST,
    origin: `https://${HOST}`,
    domains,
    serversFor: (remote) => (remote === INSIDE ? [IMAPS, SUBMISSION] : []),
    stsPolicy: { mode: 'testing', mx: [HOST], maxAgeSeconds: 86_400 },
    trusted: () => false,
    signed: () => null,
    welcome: () => notFound,
    qrCode: () => '<svg></svg>',
    ...facts,
  })
}

describe('port 443', () => {
  const site = site443()

  test('shows that gavan runs, in the language asked for', async () => {
    const page = await ask(site, '/')
    assert.match(text(page), /<html lang="en">.*gavan is running.*Webmail comes later/s)
    for (const [accept, language] of [
      ['ru-RU,ru;q=0.9,en;q=0.8', 'ru'],
      ['en, ru;q=0.5', 'en'],
      ['de', 'en'],
      ['de, ru;q=0.1', 'ru'],
    ] as const) {
      const answer = await ask(site, '/?x', { headers: { 'accept-language': accept } })
      assert.match(text(answer), new RegExp(`<html lang="${language}">`))
    }
  })

  test('its pages may do nothing but what their policy says', async () => {
    for (const path of ['/', '/mail-setup', '/mail-setup?address=anna@example.org']) {
      const answer = await ask(site, path, { remote: INSIDE })
      const csp = answer.headers['content-security-policy'] ?? ''
      assert.match(csp, /^default-src 'none'/)
      const style = /<style>(.*)<\/style>/s.exec(text(answer))?.[1] ?? ''
      assert.ok(csp.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`))
      assert.doesNotMatch(text(answer), /<script|style="/)
    }
  })

  test('has nothing else, and takes nothing else', async () => {
    for (const path of ['/x', '/mail', '/.well-known/', '/mail-setup/', '/__proto__', '/constructor']) {
      assert.equal((await ask(site, path)).status, 404, path)
    }
    for (const path of ['/', '/mail-setup', '/mail/config-v1.1.xml', '/.well-known/mta-sts.txt']) {
      assert.equal((await ask(site, path, { method: 'POST' })).status, 405, path)
    }
    assert.equal((await ask(site, '/autodiscover/autodiscover.xml')).status, 405)
  })

  test('tells browsers to come by HTTPS only once the certificate is one they trust', async () => {
    const header = 'strict-transport-security'
    assert.equal((await ask(site, '/')).headers[header], undefined)
    const trusted = site443({ trusted: () => true })
    for (const path of ['/', '/x', '/mail-setup'])
      assert.match((await ask(trusted, path)).headers[header] ?? '', /^max-age=\d{8}$/)
  })
})

describe('MTA-STS (RFC 8461 §3.2, §3.3)', () => {
  const PATH = '/.well-known/mta-sts.txt'
  test('the policy, at the name of a domain of ours alone', async () => {
    const answer = await ask(site443(), PATH, { host: 'mta-sts.example.org' })
    assert.equal(text(answer), `version: STSv1\r\nmode: testing\r\nmx: ${HOST}\r\nmax_age: 86400\r\n`)
    assert.equal(answer.headers['content-type'], 'text/plain')
    for (const host of [HOST, 'example.org', 'mta-sts.evil.example', null])
      assert.equal((await ask(site443(), PATH, { host })).status, 404)
  })
  test('none when none is published', async () => {
    assert.equal((await ask(site443({ stsPolicy: null }), PATH, { host: 'mta-sts.example.org' })).status, 404)
  })
})

describe('mail programs that set themselves up', () => {
  const site = site443()
  const inside = { remote: INSIDE }

  test('Thunderbird: by address, by name, or the only domain', async () => {
    for (const [path, host, domain] of [
      ['/mail/config-v1.1.xml?emailaddress=anna%40example.org', HOST, 'example.org'],
      ['/.well-known/autoconfig/mail/config-v1.1.xml', 'example.org', 'example.org'],
      ['/mail/config-v1.1.xml', 'autoconfig.xn--e1afmkfd.example', 'xn--e1afmkfd.example'],
    ] as const) {
      const answer = await ask(site, path, { ...inside, host })
      assert.equal(answer.status, 200)
      assert.match(text(answer), new RegExp(`<emailProvider id="${domain}">`))
      assert.match(
        text(answer),
        /<incomingServer type="imap">\s+<hostname>mail.example.org<\/hostname>\s+<port>993<\/port>\s+<socketType>SSL</,
      )
      assert.match(
        text(answer),
        /<outgoingServer type="smtp">\s+<hostname>mail.example.org<\/hostname>\s+<port>587<\/port>\s+<socketType>STARTTLS</,
      )
      assert.match(text(answer), /<username>%EMAILADDRESS%</)
    }
    const only = site443({ domains: async () => new Set(['example.org']) })
    assert.equal((await ask(only, '/mail/config-v1.1.xml', inside)).status, 200)
    assert.equal((await ask(site, '/mail/config-v1.1.xml', inside)).status, 404, 'which of two?')
  })

  test('whoever cannot reach a server is told of none', async () => {
    for (const path of [
      '/mail/config-v1.1.xml?emailaddress=anna@example.org',
      '/mail-setup/mail.mobileconfig?address=anna@example.org',
    ])
      assert.equal((await ask(site, path)).status, 404)
    assert.match(text(await ask(site, '/mail-setup?address=anna@example.org')), /cannot reach this server/)
    assert.doesNotMatch(text(await ask(site, '/mail-setup?address=anna@example.org')), /993|mobileconfig/)
  })

  test('nobody learns which accounts there are, and of no other domain', async () => {
    const there = text(await ask(site, '/mail-setup?address=anna@example.org', inside))
    const absent = text(await ask(site, '/mail-setup?address=nobody@example.org', inside))
    assert.equal(absent.replaceAll('nobody', 'anna'), there)
    for (const path of [
      '/mail/config-v1.1.xml?emailaddress=a@evil.example',
      '/mail-setup/mail.mobileconfig?address=a@evil.example',
    ])
      assert.equal((await ask(site, path, inside)).status, 404)
    assert.match(text(await ask(site, '/mail-setup?address=a@evil.example', inside)), /not kept here/)
  })

  const POX = '<Autodiscover><Request><EMailAddress>anna@example.org</EMailAddress></Request></Autodiscover>'
  const pox = (body: string | Uint8Array): Promise<WebAnswer> =>
    ask(site, '/Autodiscover/AutoDiscover.xml', { ...inside, method: 'POST', body: Buffer.from(body) })

  test('Outlook: POX in any spelling of its path', async () => {
    const answer = text(await pox(POX))
    assert.match(answer, /<Type>IMAP<\/Type>\s+<Server>mail.example.org<\/Server>\s+<Port>993<\/Port>/)
    assert.match(
      answer,
      /<Type>SMTP<\/Type>[^]*<Port>587<\/Port>[^]*<LoginName>anna@example.org<\/LoginName>[^]*<Encryption>TLS</,
    )
  })

  test('Outlook: what cannot be told is said so; entities stay what they are (S29)', async () => {
    for (const body of [
      '',
      '<EMailAddress>',
      POX.replace('example.org', 'evil.example'),
      POX.replace('anna@example.org', '&x;'),
      `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${POX.replace('anna@example.org', '&x;')}`,
      Buffer.from([0x3c, 0xff, 0xfe]),
      '<EMailAddress>'.repeat(HTTP_BODY_MAX_OCTETS / 14),
    ]) {
      const answer = text(await pox(body))
      assert.match(answer, /<ErrorCode>601</)
      assert.doesNotMatch(answer, /root:|993/)
    }
  })

  test('Outlook: JSON leads to the POX one', async () => {
    const answer = await ask(site, '/autodiscover/autodiscover.json?Email=anna%40example.org&Protocol=AutodiscoverV1')
    assert.deepEqual(JSON.parse(text(answer)), {
      Protocol: 'AutodiscoverV1',
      Url: `https://${HOST}/autodiscover/autodiscover.xml`,
    })
    assert.equal((await ask(site, '/autodiscover/autodiscover.json?Protocol=ActiveSync')).status, 400)
  })

  test('Apple: a profile without a password, the same each time', async () => {
    const path = '/mail-setup/mail.mobileconfig?address=anna%40example.org'
    const answer = await ask(site, path, { ...inside, headers: { 'accept-language': 'ru' } })
    assert.match(answer.headers['content-type'] ?? '', /^application\/x-apple-aspen-config/)
    const profile = text(answer)
    for (const [key, value] of [
      ['EmailAccountType', '<string>EmailTypeIMAP</string>'],
      ['IncomingMailServerPortNumber', '<integer>993</integer>'],
      ['IncomingMailServerUseSSL', '<true/>'],
      ['OutgoingMailServerPortNumber', '<integer>587</integer>'],
      ['OutgoingPasswordSameAsIncomingPassword', '<true/>'],
      ['PayloadDisplayName', '<string>Почта</string>'],
    ] as const)
      assert.match(profile, new RegExp(`<key>${key}</key>\\s+${value}`))
    assert.doesNotMatch(profile, /<key>(IncomingPassword|OutgoingPassword)</)
    assert.equal(text(await ask(site, path, { ...inside, headers: { 'accept-language': 'ru' } })), profile)
  })

  test('Apple: signed where there is a certificate that devices believe', async () => {
    const signed = Uint8Array.of(0x30, 0x80, 0xff)
    let content = ''
    const signing = site443({
      signed: (bytes) => {
        content = Buffer.from(bytes).toString()
        return signed
      },
    })
    const path = '/mail-setup/mail.mobileconfig?address=anna%40example.org'
    const answer = await ask(signing, path, inside)
    assert.equal(answer.body, signed)
    assert.equal(answer.headers['content-type'], 'application/x-apple-aspen-config')
    assert.equal(content, text(await ask(site, path, inside)), 'the same as without')
  })

  test('what was typed is shown as text', async () => {
    const typed = encodeURIComponent('"><script>alert(1)</script>@example.org')
    const page = text(await ask(site, `/mail-setup?address=${typed}`, inside))
    assert.doesNotMatch(page, /<script/)
    assert.match(page, /&quot;&gt;&lt;script&gt;/)
  })
})
