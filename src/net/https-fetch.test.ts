import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTestRandom } from '../std/test-random.ts'
import { localCertificate } from './certificate-authority.ts'
import { createHttpsFetch, fetchPlain } from './https-fetch.ts'

const BOUNDS = { timeoutMs: 10_000, answerMaxOctets: 100 }
const clock = { now: () => Date.now(), monotonic: () => performance.now(), timer: () => () => {} }

async function openServer(answer: RequestListener): Promise<AsyncDisposable & { url: string; ca: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'gavan-https-'))
  const own = await localCertificate({ directory, names: ['127.0.0.1'], clock, random: createTestRandom() })
  const server = createTlsServer({ cert: own.certificate, key: own.key }, answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ca: own.ca,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await rm(directory, { recursive: true })
    },
  }
}

const get = (url: string) => ({ method: 'GET', url, headers: {}, body: null })

test('a whole answer, from a server that the CA given vouches for, and from no other', async () => {
  await using server = await openServer((request, response) => {
    response.setHeader('replay-nonce', 'n')
    request.pipe(response.writeHead(201))
  })
  const fetch = createHttpsFetch({ ...BOUNDS, ca: server.ca })
  const { status, header, body } = await fetch({ ...get(server.url), method: 'POST', body: 'said' })
  assert.deepEqual([status, header('replay-nonce'), header('x'), body], [201, 'n', null, 'said'])
  await assert.rejects(createHttpsFetch({ ...BOUNDS, ca: null })(get(server.url)), /certificate/)
  await assert.rejects(fetch(get(server.url.replace('https', 'http'))), /http: is not https:/)
})

test('a redirect is an answer, not a way', async () => {
  await using server = await openServer((_request, response) =>
    response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
  )
  assert.equal((await createHttpsFetch({ ...BOUNDS, ca: server.ca })(get(server.url))).status, 302)
})

test('an answer may be as long as it may be, and no longer', async () => {
  let length = BOUNDS.answerMaxOctets
  await using server = await openServer((_request, response) => response.end('x'.repeat(length)))
  const fetch = createHttpsFetch({ ...BOUNDS, ca: server.ca })
  assert.equal((await fetch(get(server.url))).body.length, length)
  length++
  await assert.rejects(fetch(get(server.url)), /more than 100 octets/)
})

test('a server that never ends its answer is left', async () => {
  await using server = await openServer((_request, response) => void response.write('x'))
  const fetch = createHttpsFetch({ ...BOUNDS, timeoutMs: 50, ca: server.ca })
  await assert.rejects(fetch(get(server.url)), /no answer within 0\.05 s|aborted/)
})

test('a plain port is asked by address, for a name', async () => {
  const server = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const to = { address: '127.0.0.1', port, name: 'mail.here.test', path: '/x' }
  assert.equal((await fetchPlain(to, BOUNDS)).body, 'mail.here.test /x')
  server.close()
  await assert.rejects(fetchPlain({ ...to, port: 1 }, BOUNDS), /ECONNREFUSED/)
})
