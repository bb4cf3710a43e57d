/** `gavan serve` and a real CA: certificates come, are renewed and revoked while connections stay open. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import type { CertificatesView } from '../../src/app/admin/certificates.ts'
import { MAIN } from '../../tools/program.ts'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { HANDED_ON_PORT } from '../../src/app/setup/settings-file.ts'
import { handOnSnippet } from '../../src/app/setup/snippet.ts'
import { createDnsUpdater } from '../../src/net/dns-update.ts'
import { createResolver } from '../../src/net/resolver.ts'
import { parseTsigKey, type TsigKey } from '../../src/net/tsig.ts'
import { startKnot } from './knot.ts'
import { peerTest } from './peers.ts'
import { startPebble, startTestDns, type Pebble, type TestDns } from './pebble.ts'
import { freeOffset, freePort } from './ports.ts'
import { run, until, type Ran } from './run.ts'
import { startWebServer, WEB_SERVERS } from './web-server.ts'
import { temporaryFolder } from './world.ts'

const PEERS = ['pebble', 'pebble-challtestsrv']
const HOST = 'mail.acme.test'

type Stage = AsyncDisposable & {
  readonly offset: number
  readonly pebble: Pebble
  readonly dns: TestDns
  readonly dataDir: string
  start(): Promise<void>
  stop(): Promise<void>
  gavan(...args: string[]): Promise<Ran>
  status(): Promise<CertificatesView>
  /** Waits until the CA's certificate is in use. */
  issued(): Promise<CertificatesView>
  log(): string
}

/** @param more lines of the configuration */
async function openStage(more: string, options: { dnsPort?: number } = {}): Promise<Stage> {
  const folder = temporaryFolder('acme')
  const offset = await freeOffset()
  const dns = await startTestDns()
  const pebbleFolder = join(folder.path, 'pebble')
  mkdirSync(pebbleFolder)
  const dnsPort = options.dnsPort ?? dns.port
  const pebble = await startPebble({ folder: pebbleFolder, dnsPort, httpPort: 80 + offset, tlsPort: 443 + offset })
  const config = join(folder.path, 'gavan.toml')
  writeFileSync(
    config,
    `hostname = "${HOST}"
domains = ["acme.test"]
data_dir = "data"
listen = ["127.0.0.1"]
clients = "anywhere"
workers = 2
metrics.listen = "off"
log.format = "json"
ports.offset = ${offset}
resolver.servers = ["127.0.0.1:${dnsPort}"]
tls.acme = "${pebble.directory}"
tls.acme_contact = "anna@acme.test"
tls.acme_ca_file = "${pebble.caFile}"
${more}
`,
  )
  let server: ChildProcess | null = null
  let log = ''
  const main = [MAIN, '--config', config]
  const gavan = (...args: string[]): Promise<Ran> => run(process.execPath, [...main, ...args])
  const status = async (): Promise<CertificatesView> => JSON.parse((await gavan('cert', 'status', '--json')).stdout)
  const stop = async (): Promise<void> => {
    if (server === null || server.exitCode !== null) return
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  return {
    offset,
    pebble,
    dns,
    dataDir: join(folder.path, 'data'),
    gavan,
    status,
    async start() {
      server = spawn(process.execPath, [...main, 'serve'], { stdio: ['ignore', 'ignore', 'pipe'] })
      server.stderr?.on('data', (text: Buffer) => (log += text.toString()))
      await until('the server', () => {
        if (log.includes('"server.ready"')) return true
        if (server?.exitCode !== null) throw new Error(log)
        return null
      })
    },
    async stop() {
      await stop()
      log = ''
    },
    async issued() {
      await until('a certificate', () => {
        if (log.includes('"acme.failed"')) throw new Error(log)
        return log.includes('"acme.issued"') ? true : null
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${log}\n${pebble.log()}`)
      })
      const view = await status()
      assert.equal(view.source, 'acme')
      return view
    },
    log: () => log,
    async [Symbol.asyncDispose]() {
      await stop()
      await pebble[Symbol.asyncDispose]()
      await dns[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

async function dial(port: number, options: { servername?: string; ca?: string } = {}): Promise<TLSSocket> {
  const { servername = HOST, ca } = options
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca }
  const socket = connect({ host: '127.0.0.1', port, servername, ...trust })
  await once(socket, 'secureConnect')
  return socket
}

async function answerTo(socket: TLSSocket, line: string): Promise<string> {
  socket.write(line)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString()
}

/** The certificate of port 25, after STARTTLS. */
async function onSmtp(port: number, ca: string): Promise<string | undefined> {
  const plain = connectPlain(port, '127.0.0.1')
  let heard = ''
  const reply = async (end: RegExp): Promise<void> => {
    while (!end.test(heard)) heard += String((await once(plain, 'data'))[0])
    heard = ''
  }
  await reply(/^220 .*\r\n/)
  plain.write('EHLO client.test\r\n')
  await reply(/^250 .*\r\n/m)
  plain.write('STARTTLS\r\n')
  await reply(/^220 .*\r\n/)
  const secure = connect({ socket: plain, servername: HOST, ca })
  await once(secure, 'secureConnect')
  const fingerprint = secure.getPeerX509Certificate()?.fingerprint256
  secure.destroy()
  return fingerprint
}

const fingerprintOf = (view: CertificatesView): string | undefined => view.certificates[0]?.fingerprint

peerTest(PEERS, 'it starts self-signed, gets its certificate over HTTP-01, and serves it on every port', async () => {
  await using stage = await openStage('')
  await stage.dns.setAddress('autodiscover.acme.test', '192.0.2.7')
  await stage.start()
  const view = await stage.issued()
  const names = [HOST, 'autoconfig.acme.test', 'mta-sts.acme.test']
  assert.deepEqual(view.certificates[0]?.names.toSorted(), names.toSorted())
  assert.equal(view.acme?.state.challenge, 'http-01')
  const told = (await stage.gavan('cert', 'status')).stdout
  assert.match(told, /Left out: autodiscover\.acme\.test: it leads to 192\.0\.2\.7, which is not this server/)
  assert.match(told, /In use, from the CA/)
  assert.doesNotMatch(told, /Port 80 from here/) // It was reached.

  const ca = await stage.pebble.root()
  for (const port of [993, 443, 465]) {
    const socket = await dial(port + stage.offset, { ca }).catch((error: NodeJS.ErrnoException) => {
      if (port === 465 && error.code === 'ECONNREFUSED') return null // On request only (D4).
      throw error
    })
    if (socket === null) continue
    assert.equal(socket.getPeerX509Certificate()?.fingerprint256, fingerprintOf(view), `port ${port}`)
    socket.destroy()
  }
  assert.equal(await onSmtp(25 + stage.offset, ca), fingerprintOf(view))

  const acme = join(stage.dataDir, 'acme')
  for (const file of readdirSync(acme, { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(join(acme, file))
    assert.equal(mode & 0o077, 0, `${file} is for us alone`)
  }

  await stage.stop()
  await stage.start()
  assert.equal(fingerprintOf(await stage.status()), fingerprintOf(view), 'a restart keeps it')
  assert.ok(!stage.log().includes('"acme.asking"'), 'and asks for no other')
})

peerTest(PEERS, 'a renewal, and a revocation, while IMAP and HTTPS connections stay open', async () => {
  await using stage = await openStage('')
  await stage.start()
  const first = await stage.issued()
  const imap = await dial(993 + stage.offset)
  await once(imap, 'data')
  const https = await dial(443 + stage.offset)
  assert.equal(imap.getPeerX509Certificate()?.fingerprint256, fingerprintOf(first))

  const renewed = await stage.gavan('cert', 'renew')
  assert.equal(renewed.code, 0, renewed.all)
  const second = await stage.status()
  assert.notEqual(fingerprintOf(second), fingerprintOf(first))
  const another = await dial(993 + stage.offset, { ca: await stage.pebble.root() })
  const keyOf = (socket: TLSSocket): string | undefined =>
    socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' }).toString('hex')
  assert.equal(keyOf(another), keyOf(imap), 'the key stays, and with it TLSA records')
  assert.equal(another.getPeerX509Certificate()?.fingerprint256, fingerprintOf(second))
  another.destroy()
  assert.match(await answerTo(imap, 'a NOOP\r\n'), /^a OK/m)
  assert.match(await answerTo(https, `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`), /^HTTP\/1\.1 /)

  const revoked = await stage.gavan('cert', 'revoke', '--reason', 'superseded', '--json')
  assert.deepEqual(JSON.parse(revoked.stdout), { schema: 1, revoked: true })
  const third = await until('a new certificate', async () => {
    const view = await stage.status()
    return view.source === 'acme' && fingerprintOf(view) !== fingerprintOf(second) ? view : null
  })
  assert.match(await answerTo(imap, 'b NOOP\r\n'), /^b OK/m)
  assert.ok(fingerprintOf(third) !== undefined)
  imap.destroy()
  https.destroy()
  const dry = await stage.gavan('cert', 'renew', '--dry-run')
  assert.match(dry.stdout, /Would be asked for: mail\.acme\.test[\s\S]*nothing was ordered/)
})

peerTest(PEERS, 'tls.acme_key = "new": the key that was announced is the one that the renewal brings', async () => {
  await using stage = await openStage('tls.acme_key = "new"')
  await stage.start()
  await stage.issued()
  const announced = async (): Promise<string[]> => {
    const { stdout } = await stage.gavan('dns', '--tlsa', '--zone')
    return stdout.split('\n').flatMap((line) => / TLSA 3 1 1 (\w+)$/.exec(line)?.[1] ?? [])
  }
  const inUse = async (): Promise<string> => {
    const socket = await dial(993 + stage.offset)
    const key = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' })
    socket.destroy()
    return createHash('sha256').update(key).digest('hex')
  }
  const [now, next] = await announced()
  assert.equal(await inUse(), now)
  assert.equal((await stage.gavan('cert', 'renew')).code, 0)
  assert.equal(await inUse(), next)
  const [after, another, ...more] = await announced()
  assert.equal(after, next)
  assert.ok(another !== undefined && another !== next && another !== now)
  assert.deepEqual(more, [])
})

/** Its ports are those of the machine; here there are others. */
const withPorts = (snippet: string, port: number, behind: number): string =>
  snippet
    .replaceAll('listen 80;', `listen 127.0.0.1:${port};`)
    .replaceAll('listen [::]:80;', '')
    .replaceAll('*:80>', `*:${port}>`)
    .replaceAll(/http:\/\/[\w.-]+\.test\b/g, (name) => `${name}:${port}`)
    .replaceAll(`127.0.0.1:${HANDED_ON_PORT}`, `127.0.0.1:${behind}`)

for (const kind of WEB_SERVERS)
  peerTest(
    [...PEERS, kind],
    `${kind} has port 80, with the lines that setup prints: the CA gets our answer`,
    async () => {
      const behind = await freePort()
      await using stage = await openStage(`ports.http = { port = ${behind}, handed_on = true }`)
      const port = 80 + stage.offset
      const others = ['autoconfig', 'autodiscover', 'mta-sts'].map((label) => `${label}.acme.test`)
      const snippet = withPorts(handOnSnippet(kind, HOST, others), port, behind)
      await using _web = await startWebServer(kind, { folder: join(stage.dataDir, '..', kind), port, snippet })
      await stage.start()
      await stage.issued()
      const { acme } = await stage.status()
      assert.equal(acme?.state.challenge, 'http-01')
      assert.deepEqual(acme?.certificate?.names.toSorted(), [HOST, ...others].toSorted())
      for (const name of [HOST, ...others]) {
        const { status, location } = await ask(port, name, '/webmail')
        assert.ok(status === 308 || status === 302, String(status))
        assert.ok(location?.startsWith(`https://${HOST}/`), String(location))
      }
    },
  )

function ask(port: number, name: string, path: string): Promise<{ status: number; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, headers: { host: name } }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, location: response.headers.location })
    }).once('error', reject)
  })
}

async function holdPort(port: number): Promise<AsyncDisposable> {
  const server = createServer((_request, response) => response.end('It works!'))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

peerTest(PEERS, 'port 80 held by another program: TLS-ALPN-01 takes over, and it is said', async () => {
  await using stage = await openStage('')
  await using _holder = await holdPort(80 + stage.offset)
  await stage.start()
  const view = await stage.issued()
  assert.equal(view.acme?.state.challenge, 'tls-alpn-01')
  assert.match((await stage.gavan('cert', 'status')).stdout, /Note: port \d+ \(http\) on 127\.0\.0\.1 is held by .*pid/)
  const socket = connect({
    host: '127.0.0.1',
    port: 443 + stage.offset,
    servername: HOST,
    ALPNProtocols: ['acme-tls/1'],
    rejectUnauthorized: false,
  })
  await assert.rejects(once(socket, 'secureConnect'), /no application protocol|ECONNRESET/i)
  const http = connect({
    host: '127.0.0.1',
    port: 443 + stage.offset,
    servername: HOST,
    ALPNProtocols: ['h2', 'http/1.1'],
    rejectUnauthorized: false,
  })
  await once(http, 'secureConnect')
  assert.equal(http.alpnProtocol, 'http/1.1')
  http.destroy()
})

peerTest(
  PEERS,
  'a CA that sees another program on port 80 gets a wrong answer: TLS-ALPN-01 is tried next',
  async () => {
    // Gavan's own port 80 is elsewhere, as behind a router that leads 80 to another machine.
    await using stage = await openStage('ports.http = { port = 0 }')
    await using _holder = await holdPort(80 + stage.offset)
    await stage.start()
    const view = await stage.issued()
    assert.equal(view.acme?.state.challenge, 'tls-alpn-01')
    assert.match(view.acme?.state.notes.join() ?? '', /http-01 did not work/)
  },
)

peerTest(
  PEERS,
  'a CA that nobody answers: the reason in plain words, no hurry, and the old certificate stays',
  async () => {
    await using stage = await openStage('ports.http = "off"\nports.https = "off"')
    await stage.start()
    const failed = await until('the failure', async () => {
      const view = await stage.status()
      return view.acme !== null && view.acme.state.lastFailure !== null ? view : null
    })
    assert.equal(failed.source, 'own-ca')
    assert.equal(failed.acme?.state.failures, 1)
    const told = (await stage.gavan('cert', 'status')).stdout
    assert.match(
      told,
      /Last failure, .*: there is no way to prove the names[\s\S]*fix {2}turn on ports\.http[\s\S]*Next try: /,
    )
    await stage.stop()
    await stage.start()
    const again = await stage.status()
    assert.equal(again.acme?.state.failures, 1, 'a restart is no reason to try again')
    assert.equal(again.acme?.state.nextTryAt, failed.acme?.state.nextTryAt)
    const forced = await stage.gavan('cert', 'renew', '--json')
    assert.equal(forced.code, 1)
    assert.match(JSON.parse(forced.stdout).error.fix, /next try by itself/)
  },
)

peerTest([...PEERS, 'knotd'], 'DNS-01 by dynamic update, with no port open to the CA, and a wildcard', async () => {
  using folder = temporaryFolder('acme-knot')
  await using knot = await startKnot({ folder: folder.path, zone: 'acme.test' })
  const dns = `tls.acme_dns = { server = "127.0.0.1:${knot.port}", zone = "acme.test", key_file = "${knot.keyFile}" }`
  const more = `${dns}\ntls.names = ["*.acme.test"]\nports.http = "off"\nports.https = "off"`
  await using stage = await openStage(more, { dnsPort: knot.port })
  await stage.start()
  const view = await stage.issued()
  assert.equal(view.acme?.state.challenge, 'dns-01')
  assert.ok(view.certificates[0]?.names.includes('*.acme.test'))
  const resolver = createResolver({
    clock: systemClock,
    random: createSystemRandom(),
    servers: [{ address: '127.0.0.1', port: knot.port }],
  })
  const left = await resolver.query(`_acme-challenge.${HOST}`, 'TXT')
  assert.notEqual(left.at, 'found', 'what was put there is gone again')
})

peerTest(['knotd'], 'a DNS server that refuses says why: a wrong secret, a strange key, a foreign zone', async () => {
  using folder = temporaryFolder('acme-knot')
  await using knot = await startKnot({ folder: folder.path, zone: 'acme.test' })
  const good = parseTsigKey(readFileSync(knot.keyFile, 'utf8'))
  assert.ok(good.ok)
  const change = async (zone: string, key: TsigKey, name = `_acme-challenge.${zone}`): Promise<unknown> => {
    const server = { address: '127.0.0.1', port: knot.port }
    const updater = createDnsUpdater({ clock: systemClock, random: createSystemRandom(), server, zone, key })
    const outcome = await updater.change({ do: 'add', name, text: 'x' })
    return outcome.ok ? 'done' : outcome.error
  }
  assert.equal(await change('acme.test', good.value), 'done')
  assert.match(String(await change('acme.test', { ...good.value, secret: Buffer.from('another') })), /BADSIG/)
  assert.match(String(await change('acme.test', { ...good.value, name: 'stranger' })), /BADKEY/)
  assert.match(String(await change('other.test', good.value)), /NOTAUTH|REFUSED/)
  assert.match(String(await change('acme.test', good.value, 'name.elsewhere.test')), /NOTZONE/)
})
