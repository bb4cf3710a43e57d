import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { LocalCertificate } from './certificate-authority.ts'
import { createCertificates } from './certificates.ts'
import type { Listener, ListenOptions } from './contract.ts'
import { createWeb } from './http.ts'
import { realClock, recordingLog, testCertificate } from './net.test-kit.ts'

let local: LocalCertificate
let http: Listener
let https: Listener
const log = recordingLog()
const HTTP: ListenOptions = { service: 'http', address: '127.0.0.1', port: 0, tls: 'none', shared: false }

before(async () => {
  local = await testCertificate('localhost')
  const web = createWeb({
    clock: realClock,
    log,
    certificates: createCertificates([local]),
    hosts: ['mail.example.org', 'localhost'],
    httpsPort: 2443,
    acmeAnswer: (token) => (token === 'good_token-1' ? 'good_token-1.thumbprint' : null),
  })
  http = await web.listen(HTTP)
  https = await web.listen({ ...HTTP, service: 'https', tls: 'implicit' })
})
after(async () => {
  await http[Symbol.asyncDispose]()
  await https[Symbol.asyncDispose]()
})

type Heard = { status: number; headers: Map<string, string>; body: string }

/** Octets in, octets out: no client that would tidy up what is sent. */
async function ask(listener: Listener, request: string): Promise<Heard> {
  const { port } = listener.endpoint
  const socket =
    listener === https
      ? connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: local.ca })
      : connectPlain(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, listener === https ? 'secureConnect' : 'connect')
  let text = ''
  socket.on('data', (part: Buffer) => (text += part.toString()))
  socket.write(request)
  await once(socket, 'close')
  const [head = '', ...body] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { status: Number(first.split(' ')[1]), headers: new Map(headers), body: body.join('\r\n\r\n') }
}

const get = (listener: Listener, path: string, headers = 'Host: mail.example.org'): Promise<Heard> =>
  ask(listener, `GET ${path} HTTP/1.1\r\n${headers === '' ? '' : `${headers}\r\n`}Connection: close\r\n\r\n`)

describe('port 80', () => {
  test('redirects every request to 443, path and all (D13)', async () => {
    for (const path of ['/', '/a/b?c=d&e', '//evil.example/x', '/%2e%2e/etc', '/.well-known/other']) {
      const { status, headers } = await get(http, path)
      assert.equal(status, 308)
      assert.equal(headers.get('location'), `https://mail.example.org:2443${path}`)
    }
    const post = await ask(
      http,
      'POST /x HTTP/1.1\r\nHost: MAIL.example.org.:80\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc',
    )
    assert.equal(post.headers.get('location'), 'https://mail.example.org:2443/x')
  })

  test('never sends anyone to a host that only the request knows', async () => {
    for (const host of [
      'evil.example',
      'mail.example.org.evil.example',
      'mail.example.org@evil.example',
      '127.0.0.1',
      '',
    ]) {
      const { status, headers } = await get(http, '/', `Host: ${host}`)
      assert.ok(status === 404 || status === 400, host)
      assert.equal(headers.get('location'), undefined)
    }
    const absolute = await get(http, 'http://evil.example/x')
    assert.deepEqual([absolute.status, absolute.headers.get('location')], [404, undefined])
    const own = await get(http, 'http://localhost/x', 'Host: evil.example')
    assert.equal(own.headers.get('location'), 'https://localhost:2443/x')
  })

  test('answers the certificate check at its one path, for any name (D14, S22)', async () => {
    const good = await get(http, '/.well-known/acme-challenge/good_token-1', 'Host: other.example')
    assert.deepEqual([good.status, good.body], [200, 'good_token-1.thumbprint'])
    for (const token of [
      '',
      'other',
      'good_token-1/',
      '../good_token-1',
      '%67ood_token-1',
      'good_token-1?x',
      'x'.repeat(300),
    ]) {
      assert.equal((await get(http, `/.well-known/acme-challenge/${token}`)).status, 404, token)
    }
  })
})

describe('port 443', () => {
  test('shows that gavan runs, in the language asked for', async () => {
    const page = await get(https, '/')
    assert.equal(page.status, 200)
    assert.match(page.body, /<html lang="en">.*gavan is running.*Webmail comes later/s)
    for (const [accept, language] of [
      ['ru-RU,ru;q=0.9,en;q=0.8', 'ru'],
      ['en, ru;q=0.5', 'en'],
      ['de', 'en'],
      ['de, ru;q=0.1', 'ru'],
    ]) {
      const { body } = await get(https, '/?x', `Host: localhost\r\nAccept-Language: ${accept}`)
      assert.match(body, new RegExp(`<html lang="${language}">`))
    }
  })

  test('with headers that let it do nothing else', async () => {
    const { headers, body } = await get(https, '/')
    const csp = headers.get('content-security-policy') ?? ''
    assert.match(csp, /default-src 'none'/)
    const style = /<style>(.*)<\/style>/s.exec(body)?.[1] ?? ''
    assert.ok(csp.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`))
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
  })

  test('has nothing else', async () => {
    assert.equal((await get(https, '/x')).status, 404)
    assert.equal(
      (await ask(https, 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')).status,
      405,
    )
    const head = await ask(https, 'HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    assert.deepEqual([head.status, head.body], [200, ''])
  })

  test('plain HTTP there and handshakes given up end the connection', async () => {
    for (const words of ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', '']) {
      const socket = connectPlain(https.endpoint.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.end(words)
      await once(socket, 'close')
    }
    await https.drained()
    assert.equal((await get(https, '/')).status, 200)
  })
})

describe('hostile requests (S17)', () => {
  const HOST = 'Host: mail.example.org\r\n'
  for (const [name, request] of [
    ['two lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    [
      'length and chunked',
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['an unknown coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
    ['a bare LF', `GET / HTTP/1.1\nHost: mail.example.org\n\n`],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', `GET / HTTP/1.1\r\n${HOST}Host: evil.example\r\n\r\n`],
    ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`],
    ['CR LF in the path', `GET /\rX HTTP/1.1\r\n${HOST}\r\n`],
  ] as const) {
    test(`${name}: never taken for a good request`, async () => {
      const { status, headers } = await ask(http, request)
      assert.ok(status >= 400 || status === 0 || Number.isNaN(status), `${status}`)
      assert.equal(headers.get('location'), undefined)
    })
  }

  test('headers over the limit: 431', async () => {
    assert.equal((await get(http, '/', `${HOST}X: ${'y'.repeat(17_000)}`)).status, 431)
  })
})

test('a listener for inner networks refuses others, and closes with its connections', async () => {
  const web = createWeb({
    clock: realClock,
    log,
    certificates: createCertificates(),
    hosts: [],
    httpsPort: 443,
    acmeAnswer: () => null,
  })
  let refuse = true
  const listener = await web.listen({
    ...HTTP,
    admit: () => (refuse ? { at: 'refused', why: 'not-inside' } : { at: 'welcome' }),
  })
  const refused = connectPlain(listener.endpoint.port, '127.0.0.1').resume()
  refused.on('error', () => {})
  await once(refused, 'close')
  refuse = false
  const idle = connectPlain(listener.endpoint.port, '127.0.0.1').resume()
  idle.on('error', () => {})
  await once(idle, 'connect')
  while (listener.connections === 0) await new Promise(setImmediate)
  await listener[Symbol.asyncDispose]()
  await once(idle, 'close')
  await listener.drained()
})

test('a request that comes too slowly, or never, is given up (S14)', async () => {
  const web = createWeb({
    clock: realClock,
    log,
    certificates: createCertificates(),
    hosts: [],
    httpsPort: 443,
    acmeAnswer: () => null,
    limits: { headersTimeoutMs: 50, requestTimeoutMs: 100, checkEveryMs: 20 },
  })
  await using listener = await web.listen(HTTP)
  for (const words of ['', 'GET / HTTP/1.1\r\nHost: x\r\nX: ']) {
    const socket = connectPlain(listener.endpoint.port, '127.0.0.1').resume()
    socket.on('error', () => {})
    socket.write(words)
    await once(socket, 'close')
  }
})

test('stopping closes what is idle and what never asked, at once', async () => {
  const web = createWeb({
    clock: realClock,
    log,
    certificates: createCertificates([local]),
    hosts: ['localhost'],
    httpsPort: 443,
    acmeAnswer: () => null,
    limits: { connectionsMax: 2 },
  })
  for (const on of [HTTP, { ...HTTP, service: 'https', tls: 'implicit' } as const]) {
    await using listener = await web.listen(on)
    const { port } = listener.endpoint
    const silent = connectPlain(port, '127.0.0.1').resume()
    const asked =
      on.tls === 'implicit'
        ? connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: local.ca })
        : connectPlain(port, '127.0.0.1')
    for (const socket of [silent, asked]) socket.on('error', () => {})
    asked.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(asked, 'data')
    const third = connectPlain(port, '127.0.0.1').resume()
    third.on('error', () => {})
    await once(third, 'close')
    assert.equal(listener.connections, 2)
    const closed = Promise.all([silent, asked.resume()].map((socket) => once(socket, 'close')))
    await listener.stop()
    await listener.drained()
    await closed
  }
})
