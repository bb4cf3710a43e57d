import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { createTestRandom } from '../std/test-random.ts'
import { ConnectionLost } from '../model/connection.ts'
import type { Connection } from '../model/connection.ts'
import { localCertificate } from './certificate-authority.ts'
import type { LocalCertificate } from './certificate-authority.ts'
import { createCertificates } from './certificates.ts'
import type { Certificates } from './certificates.ts'
import type { ClientConnection, Listener, ListenOptions } from './contract.ts'
import { createDialler } from './dial.ts'
import { createNetwork } from './listen.ts'
import { readAll, realClock, recordingLog, temporaryDirectory, testCertificate } from './net.test-kit.ts'

const run = promisify(execFile)
const random = createTestRandom(7)
const log = recordingLog()
let local: LocalCertificate
let certificates: Certificates

before(async () => {
  local = await testCertificate('localhost', 'mail.demo.test', '127.0.0.1')
  certificates = createCertificates([local])
})

const STARTTLS: ListenOptions = { service: 'mx', address: '127.0.0.1', port: 0, tls: 'starttls-offered', shared: false }
const IMPLICIT: ListenOptions = { ...STARTTLS, service: 'imaps', tls: 'implicit' }

function listen(
  on: ListenOptions,
  serve: (connection: Connection) => Promise<void>,
  options: { certificates?: Certificates; handshakeTimeoutMs?: number } = {},
): Promise<Listener> {
  const { certificates: own = certificates, ...limits } = options
  return createNetwork({ clock: realClock, random, log, certificates: own, limits }).listen(on, serve)
}

const dialTo = (listener: Listener): Promise<ClientConnection> =>
  createDialler({ clock: realClock, random }).dial({ ...listener.endpoint, timeoutMs: 2000 })

const text = async (connection: Connection): Promise<string> =>
  Buffer.from((await connection.read(2000)) ?? []).toString('latin1')

/** Offers STARTTLS, then says what it hears. */
async function upgrading(connection: Connection): Promise<void> {
  assert.equal(connection.canStartTls, true)
  assert.match(await text(connection), /^STARTTLS/)
  await connection.write('220 go\r\n')
  const facts = await connection.startTls()
  assert.equal(connection.canStartTls, false)
  await connection.write(`${facts.version} ${facts.serverName} `)
  await connection.write(await text(connection))
}

/** One TLS connection by Node's own client. */
async function hello(listener: Listener, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port: listener.endpoint.port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  return socket
}

describe('STARTTLS', () => {
  test('goes from plain to TLS on one connection, with SNI', async () => {
    await using listener = await listen(STARTTLS, upgrading)
    const client = await dialTo(listener)
    await client.write('STARTTLS\r\n')
    assert.equal(await text(client), '220 go\r\n')
    const facts = await client.startClientTls({ serverName: 'mail.demo.test', verify: 'required', ca: local.ca })
    assert.equal(facts.version, 'TLSv1.3')
    await client.write('ping')
    assert.equal(await readAll(client), 'TLSv1.3 mail.demo.test ping')
    await client.end()
  })

  test('forgets what was sent before the handshake (S3, RFC 3207 §4.2)', async () => {
    const { promise: injected, resolve: inject } = Promise.withResolvers<void>()
    await using listener = await listen(STARTTLS, async (connection) => {
      await connection.read(1000)
      await injected
      await waited()
      await connection.write('220 go\r\n')
      await connection.startTls()
      await connection.write(`after TLS: ${await text(connection)}`)
    })
    const client = await dialTo(listener)
    await client.write('STARTTLS\r\n')
    await waited()
    await client.write('MAIL FROM:<injected@example.org>\r\n')
    inject()
    assert.equal(await text(client), '220 go\r\n')
    await client.startClientTls({ serverName: 'localhost', verify: 'none' })
    await client.write('NOOP')
    assert.equal(await readAll(client), 'after TLS: NOOP')
    client.destroy()
  })

  test('plaintext instead of the handshake ends the connection (S3)', async () => {
    const { promise: failure, resolve } = Promise.withResolvers<unknown>()
    await using listener = await listen(STARTTLS, async (connection) => {
      await connection.read(1000)
      await connection.write('220 go\r\n')
      await connection.startTls().catch(resolve)
      await assert.rejects(connection.read(100), ConnectionLost)
    })
    const client = await dialTo(listener)
    await client.write('STARTTLS\r\n')
    await text(client)
    await client.write('MAIL FROM:<injected@example.org>\r\n')
    const error = await failure
    assert.ok(error instanceof ConnectionLost)
    assert.match(error.message, /TLS handshake failed/)
    client.destroy()
  })

  test('as client: an answer that came before the handshake is forgotten (S3)', async () => {
    await using listener = await listen(STARTTLS, async (connection) => {
      await connection.read(1000)
      await connection.write('220 go\r\n')
      await waited()
      await connection.startTls()
      await connection.write('real')
    })
    const client = await dialTo(listener)
    await client.write('STARTTLS\r\n')
    assert.equal(await text(client), '220 go\r\n')
    await client.startClientTls({ serverName: 'localhost', verify: 'none' })
    assert.equal(await text(client), 'real')
    client.destroy()
  })

  test('a handshake that is not finished in time is given up', async () => {
    const { promise: failure, resolve } = Promise.withResolvers<unknown>()
    await using listener = await listen(
      STARTTLS,
      async (connection) => {
        await connection.read(1000)
        await connection.write('220 go\r\n')
        await connection.startTls().catch(resolve)
      },
      { handshakeTimeoutMs: 30 },
    )
    const client = await dialTo(listener)
    await client.write('STARTTLS\r\n')
    const error = await failure
    assert.ok(error instanceof ConnectionLost && error.message.includes('not finished in time'))
    client.destroy()
  })

  test('is not offered without a certificate', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<boolean>()
    await using listener = await listen(STARTTLS, async (connection) => resolve(connection.canStartTls), {
      certificates: createCertificates(),
    })
    const client = await dialTo(listener)
    assert.equal(await seen, false)
    client.destroy()
  })
})

describe('verifying the server', () => {
  async function attempt(serverName: string, verify: 'none' | 'required', ca?: string): Promise<string> {
    await using listener = await listen(STARTTLS, (connection) => connection.startTls().then(() => {}))
    const client = await dialTo(listener)
    try {
      await client.startClientTls({ serverName, verify, ...(ca === undefined ? {} : { ca }) })
      return 'ok'
    } catch (error) {
      assert.ok(error instanceof ConnectionLost)
      return error.message
    } finally {
      client.destroy()
    }
  }

  test('takes any certificate when nothing is asked', async () => {
    assert.equal(await attempt('other.example', 'none'), 'ok')
  })
  test('takes a right chain and name, and an address that is in the certificate', async () => {
    assert.equal(await attempt('mail.demo.test', 'required', local.ca), 'ok')
    assert.equal(await attempt('mail.demo.test.', 'required', local.ca), 'ok')
    assert.equal(await attempt('127.0.0.1', 'required', local.ca), 'ok')
  })
  test('refuses a wrong name and an unknown CA', async () => {
    assert.match(await attempt('other.example', 'required', local.ca), /altnames/)
    assert.match(await attempt('mail.demo.test', 'required'), /unable to|self-signed/)
  })
})

describe('implicit TLS', () => {
  test('is secure before the session starts', async () => {
    await using listener = await listen(IMPLICIT, async (connection) => {
      assert.equal(connection.canStartTls, false)
      await connection.write(`${connection.tls?.version}\r\n`)
    })
    const client = await dialTo(listener)
    await client.startClientTls({ serverName: 'localhost', verify: 'required', ca: local.ca })
    assert.equal(await readAll(client), 'TLSv1.3\r\n')
    await client.end()
    await listener.drained()
  })

  test('survives clients that talk nonsense or go away', async () => {
    let served = 0
    await using listener = await listen(IMPLICIT, async () => void served++)
    for (const words of ['', 'EHLO x\r\n', '\x16\x03\x01\x02\x00\x01']) {
      const socket = connectPlain(listener.endpoint.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.end(Buffer.from(words, 'latin1'))
      await once(socket, 'close')
    }
    await listener.drained()
    assert.equal(served, 0)
    const good = await hello(listener)
    await once(good.resume(), 'end')
    good.destroy()
    await listener.drained()
    assert.equal(served, 1)
  })

  test('a listener can be closed in the middle of a handshake', async () => {
    const listener = await listen(IMPLICIT, async () => {})
    const socket = connectPlain(listener.endpoint.port, '127.0.0.1').resume()
    socket.on('error', () => {})
    socket.write(Buffer.from('1603010200', 'hex'))
    while (listener.connections === 0) await waited()
    await waited()
    await listener[Symbol.asyncDispose]()
    assert.equal(listener.connections, 0)
    if (!socket.closed) await once(socket, 'close')
  })

  test('a session resumes on another thread that holds the same ticket keys', async () => {
    const keys = Buffer.alloc(48, 7)
    const served = async (connection: Connection): Promise<void> => {
      await connection.write('hi')
      await readAll(connection)
    }
    await using first = await listen(IMPLICIT, served, {
      certificates: createCertificates([local], { ticketKeys: keys }),
    })
    const other = createCertificates([local])
    await using second = await listen(IMPLICIT, served, { certificates: other })
    const socket = await hello(first)
    const [session] = (await once(socket, 'session')) as [Buffer]
    socket.destroy()
    const fresh = await hello(second, { session })
    assert.equal(fresh.isSessionReused(), false)
    fresh.destroy()
    other.setTicketKeys(keys)
    const resumed = await hello(second, { session })
    assert.equal(resumed.isSessionReused(), true)
    resumed.destroy()
  })
})

describe('channel binding', () => {
  test('tls-exporter is the same at both ends of TLS 1.3, and absent on 1.2 (RFC 9266)', async () => {
    const seen: (string | null)[] = []
    await using listener = await listen(IMPLICIT, async ({ tls }) => {
      const data = tls?.channelBinding('tls-exporter') ?? null
      seen.push(data === null ? null : Buffer.from(data).toString('hex'))
    })
    const client = await dialTo(listener)
    const facts = await client.startClientTls({ serverName: 'localhost', verify: 'none' })
    const own = facts.channelBinding('tls-exporter')
    await readAll(client)
    client.destroy()
    assert.equal(own?.byteLength, 32)
    assert.deepEqual(seen, [Buffer.from(own ?? []).toString('hex')])
    const old = await hello(listener, { maxVersion: 'TLSv1.2' })
    await once(old.resume(), 'end')
    old.destroy()
    assert.equal(seen[1], null)
  })

  test('tls-server-end-point is the hash of our certificate at both ends (RFC 5929 §4.1)', async () => {
    const expected = createHash('sha256').update(new X509Certificate(local.certificate).raw).digest('hex')
    const seen: string[] = []
    await using listener = await listen(IMPLICIT, async ({ tls }) => {
      seen.push(Buffer.from(tls?.channelBinding('tls-server-end-point') ?? []).toString('hex'))
    })
    const client = await dialTo(listener)
    const facts = await client.startClientTls({ serverName: 'localhost', verify: 'none' })
    seen.push(Buffer.from(facts.channelBinding('tls-server-end-point') ?? []).toString('hex'))
    await readAll(client)
    client.destroy()
    assert.deepEqual(seen, [expected, expected])
  })
})

describe('certificates', () => {
  const shown = async (listener: Listener, servername?: string): Promise<string> => {
    const socket = await hello(listener, servername === undefined ? {} : { servername })
    const name = socket.getPeerX509Certificate()?.subjectAltName ?? ''
    socket.destroy()
    return name
  }

  test('are chosen by name, wildcard, and else the first (S16)', async () => {
    const [one, wild] = [await testCertificate('one.test'), await testCertificate('*.wild.test', 'exact.test')]
    await using listener = await listen(IMPLICIT, async () => {}, { certificates: createCertificates([one, wild]) })
    assert.equal(await shown(listener), 'DNS:one.test')
    assert.equal(await shown(listener, 'one.test'), 'DNS:one.test')
    assert.equal(await shown(listener, 'MAIL.wild.test'), 'DNS:*.wild.test, DNS:exact.test')
    assert.equal(await shown(listener, 'exact.test'), 'DNS:*.wild.test, DNS:exact.test')
    assert.equal(await shown(listener, 'a.b.wild.test'), 'DNS:one.test')
    assert.equal(await shown(listener, 'wild.test'), 'DNS:one.test')
    assert.equal(await shown(listener, 'x'.repeat(63)), 'DNS:one.test')
  })

  test('are replaced while connections run', async () => {
    const own = createCertificates([await testCertificate('old.test')])
    await using listener = await listen(IMPLICIT, async (connection) => connection.write(await text(connection)), {
      certificates: own,
    })
    const running = await hello(listener)
    assert.equal(own.replace([await testCertificate('new.test')]).ok, true)
    assert.equal(await shown(listener), 'DNS:new.test')
    running.write('still here')
    const [heard] = (await once(running, 'data')) as [Buffer]
    assert.equal(heard.toString(), 'still here')
    running.destroy()
  })

  test('a wrong pair changes nothing and says why', async () => {
    const [a, b] = [await testCertificate('a.test'), await testCertificate('b.test')]
    const own = createCertificates([a])
    for (const [pair, why] of [
      [{ certificate: a.certificate, key: b.key }, /certificate 1: the key does not belong/],
      [{ certificate: 'nonsense', key: b.key }, /certificate 1: not a PEM certificate/],
      [{ certificate: b.certificate, key: 'nonsense' }, /certificate 1: cannot be used/],
    ] as const) {
      const outcome = own.replace([pair])
      assert.ok(!outcome.ok)
      assert.match(outcome.error, why)
    }
    assert.deepEqual(
      own.facts().map((facts) => facts.names),
      [['a.test']],
    )
    assert.deepEqual(own.facts()[0]?.fingerprint, a.fingerprint)
  })
})

describe(
  'openssl',
  { skip: (await run('openssl', ['version']).catch(() => null)) === null && 'openssl is missing' },
  () => {
    const sClient = async (
      listener: Listener,
      ...options: string[]
    ): Promise<{ code: number | null; output: string }> => {
      const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${listener.endpoint.port}`, ...options])
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (part: Buffer) => (output += part.toString()))
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, output }
    }

    test('TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are spoken (S16)', async () => {
      await using listener = await listen(IMPLICIT, (connection) => connection.write('hello\r\n'))
      for (const version of ['-tls1', '-tls1_1']) {
        const { output } = await sClient(listener, version, '-cipher', 'ALL:@SECLEVEL=0')
        assert.match(output, /alert protocol version|unsupported protocol/)
        assert.doesNotMatch(output, /hello/)
      }
      for (const [option, version] of [
        ['-tls1_2', 'TLSv1.2'],
        ['-tls1_3', 'TLSv1.3'],
      ] as const) {
        const { code, output } = await sClient(listener, option, '-servername', 'localhost')
        assert.equal(code, 0)
        assert.match(output, new RegExp(`New, ${version}, Cipher is `))
      }
    })

    test('weak suites find no partner, and renegotiation is refused (S16)', async () => {
      await using listener = await listen(IMPLICIT, async (connection) => void (await readAll(connection)))
      for (const cipher of ['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256', 'aNULL']) {
        const { output } = await sClient(listener, '-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`)
        assert.match(output, /handshake failure|no ciphers available|no cipher match/)
      }
      const child = spawn('openssl', ['s_client', '-tls1_2', '-connect', `127.0.0.1:${listener.endpoint.port}`])
      let output = ''
      child.stderr.on('data', (part: Buffer) => (output += part.toString()))
      for await (const part of child.stdout) if (String(part).includes('Verify return code')) break
      child.stdin.write('R\n')
      await once(child, 'close')
      assert.match(output, /no renegotiation/)
    })

    test('our CA and its certificate verify, and are kept with private keys closed', async () => {
      await using directory = await temporaryDirectory()
      const options = {
        directory: directory.path,
        names: ['localhost', '*.demo.test', 'demo.test', '127.0.0.1', '::1'],
        clock: realClock,
        random,
      }
      const made = await localCertificate(options)
      const leaf = join(directory.path, 'only-leaf.pem')
      await writeFile(leaf, new X509Certificate(made.certificate).toString())
      const verify = (...extra: string[]): Promise<unknown> =>
        run('openssl', ['verify', '-x509_strict', '-CAfile', made.caFile, ...extra, leaf])
      await verify('-verify_hostname', 'demo.test')
      await verify('-verify_hostname', 'x.demo.test')
      await verify('-verify_ip', '::1')
      await assert.rejects(verify('-verify_hostname', 'other.test'))
    })
  },
)

function waited(): Promise<boolean> {
  return new Promise((resolve) => void setTimeout(() => resolve(true), 20))
}
