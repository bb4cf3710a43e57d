/** Listeners refuse by themselves, whatever a firewall does: real sockets, peers named by PROXY headers. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { createSystemRandom, systemClock } from '../src/app/machine.ts'
import { wireAdmission } from '../src/app/wire.ts'
import { createGuard } from '../src/core/guard/guard.ts'
import { CATALOG, catalogRow } from '../src/exposure/catalog.ts'
import { LOOPBACK_NETWORKS, PRIVATE_NETWORKS } from '../src/model/network.ts'
import type { ServiceName } from '../src/model/service.ts'
import { localCertificate } from '../src/net/certificate-authority.ts'
import { createCertificates } from '../src/net/certificates.ts'
import type { Listener } from '../src/net/contract.ts'
import { createWeb } from '../src/net/http.ts'
import { createNetwork } from '../src/net/listen.ts'
import type { Site } from '../src/model/web.ts'
import { silentLog } from '../src/std/log.ts'

const folder = await mkdtemp(join(tmpdir(), 'gavan-enforcement-'))
const random = createSystemRandom()
const clock = systemClock
const certificates = createCertificates([
  await localCertificate({ directory: folder, names: ['mail.here.test'], clock, random }),
])
const guard = createGuard({ clock, lifted: () => false })
const opened: Listener[] = []
after(async () => {
  for (const listener of opened) await listener[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Says who the peer is. */
const HELLO = 'hello '
const site: Site = async ({ remote }) => ({ status: 200, headers: {}, body: HELLO + remote })

async function open(service: ServiceName, options: { inside?: boolean; proxies?: boolean } = {}): Promise<number> {
  const { tls } = catalogRow(service)
  const networks = options.inside === false ? 'anywhere' : PRIVATE_NETWORKS
  const config = { service, enabled: true, addresses: [], port: 0, tls, networks, plainLogin: false } as const
  const on = {
    service,
    address: '127.0.0.1',
    port: 0,
    tls,
    shared: false,
    admit: wireAdmission(config, guard),
    ...(options.proxies === false ? {} : { proxies: LOOPBACK_NETWORKS }),
  }
  const isWeb = service === 'http' || service === 'https'
  const listener = isWeb
    ? await createWeb({ clock, log: silentLog, certificates, sites: { http: site, https: site } }).listen(on)
    : await createNetwork({ clock, random, log: silentLog, certificates }).listen(on, async (connection) => {
        await connection.write(HELLO + connection.remote.address)
      })
  opened.push(listener)
  return listener.endpoint.port
}

/** All that is answered in the clear to a header and what follows it. */
async function answered(port: number, sent: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.setEncoding('latin1').on('data', (text: string) => (said += text))
  socket.on('error', () => {})
  socket.write(sent)
  await once(socket, 'close')
  return said
}

const header = (remote: string): string =>
  remote.includes(':') ? `PROXY TCP6 ${remote} ::1 40000 1\r\n` : `PROXY TCP4 ${remote} 192.0.2.1 40000 1\r\n`

/** What a stranger hears: the code that fits before anything else is said, or nothing. */
const REFUSED: Readonly<Record<ServiceName, RegExp>> = {
  mx: /^554 5\.7\.1 [^\r]*\r\n$/, // RFC 5321 §3.1
  submission: /^554 5\.7\.1 [^\r]*\r\n$/,
  submissions: /^$/,
  imap: /^\* BYE [^\r]*\r\n$/,
  imaps: /^$/,
  pop3: /^-ERR \[SYS\/PERM\] [^\r]*\r\n$/,
  pop3s: /^$/,
  http: /^$/,
  https: /^$/,
  sieve: /^BYE "[^\r]*"\r\n$/,
}
const OUTSIDE = ['203.0.113.7', '2001:db8::7', '::ffff:203.0.113.7', '11.0.0.1', '192.167.255.255', '::c0a8:101']
const INSIDE = ['192.168.1.7', '10.0.0.1', '::ffff:192.168.1.7', 'fd00::7', 'fe80::7']

suite('a listener for inner networks', () => {
  for (const { service, tls } of CATALOG) {
    test(`${service}: strangers are refused before anything else, inner peers are served`, async () => {
      const port = await open(service)
      // What would be said next, if it were heard: it must change nothing.
      const next = service === 'http' ? 'GET / HTTP/1.1\r\nHost: mail.here.test\r\nConnection: close\r\n\r\n' : ''
      for (const remote of OUTSIDE) assert.match(await answered(port, header(remote) + next), REFUSED[service], remote)
      for (const remote of INSIDE) {
        if (tls === 'implicit') assert.match(await overTls(port, header(remote), service), /hello /, remote)
        else assert.match(await answered(port, header(remote) + next), /hello /, remote)
      }
    })
  }
})

/** TLS behind the header, in the same packet. */
async function overTls(port: number, head: string, service: ServiceName): Promise<string> {
  const plain = connect(port, '127.0.0.1')
  plain.write(head)
  const socket = connectTls({ socket: plain, rejectUnauthorized: false })
  let said = ''
  socket.setEncoding('latin1').on('data', (text: string) => (said += text))
  if (service === 'https') socket.write('GET / HTTP/1.1\r\nHost: mail.here.test\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  return said
}

suite('PROXY headers', () => {
  test('the peer is whom a configured proxy names; without a header, or with a bad one, nothing is said', async () => {
    const port = await open('mx', { inside: false })
    assert.equal(await answered(port, header('203.0.113.7')), `${HELLO}203.0.113.7`)
    assert.equal(await answered(port, header('::ffff:203.0.113.7')), `${HELLO}203.0.113.7`)
    assert.equal(await answered(port, 'PROXY UNKNOWN\r\n'), `${HELLO}127.0.0.1`)
    for (const bad of ['EHLO x\r\n', 'PROXY TCP4 1.2.3.4\r\n', `PROXY ${'x'.repeat(200)}\r\n`]) {
      assert.equal(await answered(port, bad), '', bad)
    }
  })

  test('from others none is taken: they stay who they are', async () => {
    const mx = await open('mx', { inside: false, proxies: false })
    assert.equal(await answered(mx, header('192.168.1.7')), `${HELLO}127.0.0.1`)
    const http = await open('http', { inside: false, proxies: false })
    assert.match(await answered(http, header('192.168.1.7')), /^HTTP\/1\.1 400 /)
  })
})

test('a banned address is refused on its group of ports alone', async () => {
  const until = clock.now() + 60_000
  const ban = {
    network: '203.0.113.66',
    group: 'mail',
    since: 0,
    until,
    reason: '',
    by: 'administrator',
    times: 1,
  } as const
  guard.hear({ news: 'ban', ban: { ...ban, evidence: [] } })
  const table: readonly [ServiceName, RegExp][] = [
    ['submission', /^421 4\.7\.0 /],
    ['imap', /^\* BYE \[UNAVAILABLE\] /],
    ['pop3', /^-ERR \[SYS\/TEMP\] /],
    ['imaps', /^$/],
    ['mx', /^hello 203\.0\.113\.66$/],
  ]
  for (const [service, said] of table) {
    const port = await open(service, { inside: false })
    assert.match(await answered(port, header('203.0.113.66')), said, service)
    if (service !== 'imaps') assert.match(await answered(port, header('203.0.113.67')), /^hello /, service)
  }
  guard.hear({ news: 'lift', network: '203.0.113.66', group: 'mail', forgive: true })
  assert.match(await answered(await open('imap', { inside: false }), header('203.0.113.66')), /^hello /)
})
