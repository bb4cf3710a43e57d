import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { HTTP_BODY_MAX_OCTETS } from '../model/limits.ts'
import type { Site } from '../model/web.ts'
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
    sites: { http: repeat, https: repeat },
  })
  http = await web.listen(HTTP)
  https = await web.listen({ ...HTTP, service: 'https', tls: 'implicit' })
})
after(async () => {
  await http[Symbol.asyncDispose]()
  await https[Symbol.asyncDispose]()
})

/** Answers with what it was asked, as JSON; throws when it is told to. */
const repeat: Site = ({ header, query, body, ...rest }) => {
  if (rest.path === '/throw') throw new Error('a fault of ours')
  const seen = { ...rest, query: [...query], accept: header('accept'), body: Buffer.from(body).toString() }
  return { status: 200, headers: { 'x-site': 'yes' }, body: JSON.stringify(seen) }
}

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

describe('what a site is told', () => {
  test('the name, the path and the query, as sent', async () => {
    for (const [path, host, seen] of [
      ['/a/b?c=d&e', 'MAIL.example.org.:80', { host: 'mail.example.org', path: '/a/b', search: 'c=d&e' }],
      ['//evil.example/x', 'localhost', { host: 'localhost', path: '//evil.example/x', search: '' }],
      ['/%2e%2e/etc', '127.0.0.1', { host: '127.0.0.1', path: '/%2e%2e/etc', search: '' }],
      ['http://localhost/x', 'evil.example', { host: 'localhost', path: '/x', search: '' }],
      ['http://localhost?y', 'evil.example', { host: 'localhost', path: '/', search: 'y' }],
      ['/', 'a@b', { host: null, path: '/', search: '' }],
    ] as const) {
      const { status, body, headers } = await get(http, path, `Host: ${host}\r\nAccept: text/plain`)
      assert.equal(status, 200)
      assert.equal(headers.get('x-site'), 'yes')
      const { host: name, path: where, search, method, remote, accept } = JSON.parse(body) as Record<string, unknown>
      assert.deepEqual({ host: name, path: where, search }, seen)
      assert.deepEqual([method, remote, accept], ['GET', '127.0.0.1', 'text/plain'])
    }
  })

  test('the content, up to its limit', async () => {
    const post = (length: number): Promise<Heard> =>
      ask(
        https,
        `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${'x'.repeat(length)}`,
      )
    const most = await post(HTTP_BODY_MAX_OCTETS)
    assert.equal((JSON.parse(most.body) as { body: string }).body.length, HTTP_BODY_MAX_OCTETS)
    assert.equal((await post(HTTP_BODY_MAX_OCTETS + 1)).status, 413)
  })

  test('headers that let an answer do nothing else; none but those for HEAD', async () => {
    const { headers } = await get(https, '/')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    const head = await ask(https, 'HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    assert.deepEqual([head.status, head.body], [200, ''])
  })

  test('a throw is answered 500 and ends its connection, and no other (R31)', async () => {
    const [{ status, headers, body }, other] = await Promise.all([get(https, '/throw'), get(https, '/slow')])
    assert.deepEqual([status, headers.get('connection'), other.status], [500, 'close', 200])
    assert.doesNotMatch(body, /a fault of ours/)
    assert.equal((await get(https, '/')).status, 200)
    assert.ok(log.events.some(({ event, remote }) => event === 'net.http.failed' && remote === '127.0.0.1'))
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
    sites: { http: repeat, https: repeat },
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
    sites: { http: repeat, https: repeat },
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
    sites: { http: repeat, https: repeat },
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
