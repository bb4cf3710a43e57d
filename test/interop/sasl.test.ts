/** How people and their programs sign in: SCRAM, tokens, certificates, app passwords, with the clients that speak them. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac, createHash, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { MAIN } from '../../tools/program.ts'
import { mbsync, msmtp, secretFile, type Server } from './clients.ts'
import { startIssuer, type Issuer } from './issuer.ts'
import { haveAll, peerTest } from './peers.ts'
import { freeOffset } from './ports.ts'
import { run, until, type Ran } from './run.ts'
import { letter, mark, temporaryFolder } from './world.ts'

const folder = temporaryFolder('sasl')
const config = join(folder.path, 'gavan.toml')
const anna = { address: 'anna@sasl.test', password: 'Anna-harbour-41' }
let issuer: Issuer
let process_: ChildProcess
let server: Server
let log = ''

const gavan = async (...args: string[]): Promise<Ran> => {
  const ran = await run(process.execPath, [MAIN, '--config', config, ...args])
  assert.equal(ran.code, 0, ran.all)
  return ran
}

/** A certificate signed by the CA of the configuration, or by nobody but itself. */
type ClientCertificate = { readonly certFile: string; readonly keyFile: string }
const certificates = new Map<string, ClientCertificate>()

async function openssl(...args: string[]): Promise<void> {
  const ran = await run('openssl', args, { cwd: folder.path })
  assert.equal(ran.code, 0, ran.all)
}

async function makeCertificate(name: string, options: { by: 'ca' | 'itself'; email: string | null }): Promise<void> {
  const [certFile, keyFile] = [join(folder.path, `${name}.pem`), join(folder.path, `${name}-key.pem`)]
  const san = options.email === null ? 'DNS:client.test' : `email:${options.email}`
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
  const issued = options.by === 'ca' ? ['-CA', 'people-ca.pem', '-CAkey', 'people-ca-key.pem'] : []
  const about = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`, '-days', '30']
  await openssl('req', '-x509', ...key, ...issued, ...about, '-addext', 'basicConstraints=CA:FALSE', '-out', certFile)
  certificates.set(name, { certFile, keyFile })
}

before(async () => {
  const offset = await freeOffset()
  issuer = await startIssuer(folder.path, 'mail')
  if (haveAll(['openssl'])) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'people-ca-key.pem']
    await openssl('req', '-x509', ...key, '-subj', '/CN=People', '-days', '30', '-out', 'people-ca.pem')
    await makeCertificate('of-anna', { by: 'ca', email: anna.address })
    await makeCertificate('of-nobody', { by: 'ca', email: 'nobody@sasl.test' })
    await makeCertificate('stranger', { by: 'itself', email: anna.address })
    await makeCertificate('pinned', { by: 'itself', email: null })
  }
  const clients = haveAll(['openssl']) ? 'tls.client_ca_file = "people-ca.pem"' : 'tls.client_certificates = true'
  writeFileSync(
    config,
    `hostname = "mail.sasl.test"
domains = ["sasl.test"]
data_dir = "data"
clients = "anywhere"
listen = ["127.0.0.1"]
ports.offset = ${offset}
ports.pop3 = "on"
metrics.listen = "off"
log.format = "json"
workers = 2
oauth.issuer = "${issuer.url}"
oauth.audience = ["mail"]
oauth.ca_file = "${issuer.caFile}"
${clients}
`,
  )
  const added = await run(
    process.execPath,
    [MAIN, '--config', config, 'user', 'add', anna.address, '--password-stdin'],
    {
      input: `${anna.password}\n`,
    },
  )
  assert.equal(added.code, 0, added.all)
  process_ = spawn(process.execPath, [MAIN, '--config', config, 'serve'], { stdio: ['ignore', 'ignore', 'pipe'] })
  process_.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  const healthz = (): Promise<Ran> => run(process.execPath, [MAIN, '--config', config, 'healthz'])
  await until('the server to answer', async () => ((await healthz()).code === 0 ? true : null))
  const ports = { mx: 25, submission: 587, imap: 143, imaps: 993, pop3: 110, pop3s: 995, http: 80, https: 443 }
  server = {
    ports: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, port + offset])) as Server['ports'],
    caFile: join(folder.path, 'data', 'tls', 'ca.pem'),
  }
})

after(async () => {
  if (process_?.exitCode === null) {
    process_.kill('SIGTERM')
    await once(process_, 'exit')
  }
  await issuer?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

type AppPassword = { readonly id: number; readonly password: string }
async function appPassword(name: string, ...scope: string[]): Promise<AppPassword> {
  const within = scope.length === 0 ? [] : ['--for', ...scope]
  const ran = await gavan('account', 'app-password', 'add', anna.address, '--json', '--name', name, ...within)
  return JSON.parse(ran.stdout) as AppPassword
}

const curl = (url: string, ...args: string[]): Promise<Ran> =>
  run('curl', ['--silent', '--show-error', '--verbose', '--ssl-reqd', '--cacert', server.caFile, url, ...args])
const urls = () => ({
  imap: `imaps://localhost:${server.ports.imaps}/INBOX`,
  pop3: `pop3s://localhost:${server.ports.pop3s}/`,
})

// SCRAM ----------------------------------------------------------------------------------------------------------------

peerTest(['mbsync', 'libscram.so'], 'mbsync by SCRAM-SHA-256, with the password and with an app password', async () => {
  const phone = await appPassword('mbsync', 'imap')
  for (const [index, password] of [anna.password, phone.password].entries()) {
    const box = join(folder.path, `mbsync-${index}`)
    const mirror = await mbsync(server, { ...anna, password }, box, { auth: 'SCRAM-SHA-256', tls: 'implicit' })
    assert.match(mirror.said, /SCRAM-SHA-256/)
    assert.ok(mirror.mailboxes().includes('INBOX'))
  }
})

peerTest(['msmtp'], 'msmtp submits by SCRAM-SHA-256 with an app password; one for IMAP alone is refused', async () => {
  const send = (password: string, name: string) =>
    msmtp(server, { ...anna, password }, join(folder.path, name), {
      auth: 'scram-sha-256',
      to: [anna.address],
      letter: letter(anna.address, anna.address, mark(name)),
    })
  const both = await appPassword('msmtp', 'smtp')
  const sent = await send(both.password, 'scram-app')
  assert.equal(sent.code, 0, sent.all)
  assert.match(sent.all, /AUTH SCRAM-SHA-256/)
  const reading = await appPassword('msmtp for reading', 'imap', 'pop3')
  const refused = await send(reading.password, 'scram-scope')
  assert.equal(refused.code, 77, refused.all)
  assert.match(refused.all, /535 5\.7\.8/)
})

async function dial(options: object = {}): Promise<TLSSocket> {
  const socket = connect({
    host: 'localhost',
    port: server.ports.imaps,
    ca: readFileSync(server.caFile),
    ...options,
  })
  socket.setEncoding('utf8')
  await once(socket, 'secureConnect')
  return socket
}

function lines(socket: TLSSocket): { next(): Promise<string>; say(text: string): void } {
  let text = ''
  let wake = (): void => {}
  socket.on('data', (more: string) => {
    text += more
    wake()
  })
  socket.on('close', () => wake())
  return {
    async next() {
      while (!text.includes('\r\n')) {
        if (socket.closed) throw new Error(`closed after ${text}`)
        await new Promise<void>((resolve) => (wake = resolve))
      }
      const end = text.indexOf('\r\n')
      const line = text.slice(0, end)
      text = text.slice(end + 2)
      return line
    },
    say: (line) => void socket.write(`${line}\r\n`),
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

for (const [type, version] of [
  ['tls-exporter', 'TLSv1.3'],
  ['tls-server-end-point', 'TLSv1.3'],
  ['tls-server-end-point', 'TLSv1.2'],
] as const) {
  test(`SCRAM-SHA-256-PLUS bound by ${type} on ${version}; bound to another connection it is refused`, async () => {
    for (const honest of [true, false]) {
      const socket = await dial({ minVersion: version, maxVersion: version })
      const { next, say } = lines(socket)
      assert.match(await next(), /AUTH=SCRAM-SHA-256-PLUS/)
      const bound =
        type === 'tls-exporter'
          ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
          : createHash('sha256').update(socket.getPeerX509Certificate()!.raw).digest()
      if (!honest) bound[0]! ^= 1
      const header = `p=${type},,`
      const bare = `n=${anna.address},r=abcdefgh`
      say(`a AUTHENTICATE SCRAM-SHA-256-PLUS ${base64(header + bare)}`)
      const first = Buffer.from((await next()).slice(2), 'base64').toString()
      const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(first)!
      const salted = pbkdf2Sync(anna.password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const without = `c=${base64(Buffer.concat([Buffer.from(header), bound]))},r=${nonce}`
      const signature = hmac(createHash('sha256').update(clientKey).digest(), `${bare},${first},${without}`)
      const proof = Buffer.from(clientKey.map((octet, i) => octet ^ signature[i]!))
      say(base64(`${without},p=${base64(proof)}`))
      const last = await next()
      if (honest) {
        const proven = hmac(hmac(salted, 'Server Key'), `${bare},${first},${without}`)
        assert.equal(Buffer.from(last.slice(2), 'base64').toString(), `v=${base64(proven)}`)
        say('')
        assert.match(await next(), /^a OK /)
      } else assert.match(last, /^a NO \[AUTHENTICATIONFAILED\]/)
      socket.destroy()
    }
  })
}

// Tokens ---------------------------------------------------------------------------------------------------------------

peerTest(['curl'], 'curl reads by IMAP and POP3 with a token', async () => {
  for (const url of Object.values(urls())) {
    const ran = await curl(url, '--user', `${anna.address}:`, '--oauth2-bearer', issuer.token(anna.address))
    assert.equal(ran.code, 0, ran.all)
    assert.match(ran.all, /AUTH(?:ENTICATE)? OAUTHBEARER/)
  }
})

for (const auth of ['oauthbearer', 'xoauth2'] as const)
  peerTest(['msmtp'], `msmtp submits with a token, ${auth}`, async () => {
    const user = { ...anna, password: issuer.token(anna.address) }
    const text = letter(anna.address, anna.address, mark(auth))
    const ran = await msmtp(server, user, join(folder.path, auth), { auth, to: [anna.address], letter: text })
    assert.equal(ran.code, 0, ran.all)
  })

peerTest(
  ['python3'],
  'Python reads with a token; what the issuer did not sign, or not for this, is refused',
  async () => {
    const script = join(import.meta.dirname, 'python', 'oauth.py')
    const attempt = async (token: string, login = anna.address) => {
      const ran = await run('python3', [script], {
        env: {
          IMAPS: String(server.ports.imaps),
          CA: server.caFile,
          LOGIN: login,
          TOKEN: token,
        },
      })
      assert.equal(ran.code, 0, ran.all)
      return JSON.parse(ran.stdout) as { status: string; error: string; said: string }
    }
    const good = await attempt(issuer.token(anna.address))
    assert.equal(good.status, 'OK')
    const [head = '', body = ''] = issuer.token(anna.address).split('.')
    for (const token of [issuer.token(anna.address, { aud: 'other' }), `${head}.${body}.AAAA`]) {
      const refused = await attempt(token)
      assert.equal(refused.status, 'NO')
      assert.match(refused.said, /\[AUTHENTICATIONFAILED\]/)
      const error = JSON.parse(refused.error) as Record<string, string>
      assert.equal(error['status'], 'invalid_token')
      assert.equal(error['openid-configuration'], `${issuer.url}/.well-known/openid-configuration`)
    }
    assert.ok(issuer.asked.filter((path) => path === '/keys').length <= 2, 'each thread has asked once')
  },
)

// Certificates ---------------------------------------------------------------------------------------------------------

const external = (url: string, name: string, user = anna.address): Promise<Ran> => {
  const { certFile, keyFile } = certificates.get(name)!
  return curl(url, '--cert', certFile, '--key', keyFile, '--user', `${user}:`, '--login-options', 'AUTH=EXTERNAL')
}

peerTest(['curl', 'openssl'], 'curl by EXTERNAL: a certificate of the CA, and a pinned one', async () => {
  const added = await gavan(
    ...[
      'account',
      'certificate',
      'add',
      anna.address,
      certificates.get('pinned')!.certFile,
      '--name',
      'Laptop',
      '--json',
    ],
  )
  const fingerprint = new X509Certificate(readFileSync(certificates.get('pinned')!.certFile)).fingerprint256
  assert.equal((JSON.parse(added.stdout) as { fingerprint: string }).fingerprint, fingerprint)
  for (const name of ['of-anna', 'pinned']) {
    for (const url of Object.values(urls())) {
      const ran = await external(url, name)
      assert.equal(ran.code, 0, ran.all)
      assert.match(ran.all, /AUTH(?:ENTICATE)? EXTERNAL/)
    }
  }
})

peerTest(['msmtp', 'openssl'], 'msmtp submits by EXTERNAL', async () => {
  const ran = await msmtp(server, anna, join(folder.path, 'external'), {
    auth: 'external',
    to: [anna.address],
    letter: letter(anna.address, anna.address, mark('external')),
    certificate: certificates.get('of-anna')!,
  })
  assert.equal(ran.code, 0, ran.all)
})

peerTest(['curl', 'openssl'], 'a stranger’s certificate, and one of somebody else, sign nobody in', async () => {
  for (const name of ['stranger', 'of-nobody']) {
    const ran = await external(urls().imap, name)
    assert.equal(ran.code, 67, ran.all)
    assert.match(ran.all, /NO \[AUTHENTICATIONFAILED\]/)
  }
  // Who shows one may sign in otherwise.
  const { certFile, keyFile } = certificates.get('stranger')!
  const own = ['--cert', certFile, '--key', keyFile, '--user', `${anna.address}:${anna.password}`]
  const ran = await curl(urls().imap, ...own)
  assert.equal(ran.code, 0, ran.all)
})

test('EXTERNAL is offered only to who has shown a certificate; a resumed session has shown it', async () => {
  const plain = await dial()
  assert.doesNotMatch(await lines(plain).next(), /AUTH=EXTERNAL/)
  plain.destroy()
  const known = certificates.get('of-anna')
  if (known === undefined) return
  const own = { cert: readFileSync(known.certFile), key: readFileSync(known.keyFile) }
  const first = await dial(own)
  const session = once(first, 'session')
  assert.match(await lines(first).next(), /AUTH=EXTERNAL/)
  const [ticket] = (await session) as [Buffer]
  first.destroy()
  const second = await dial({ ...own, session: ticket })
  const { next, say } = lines(second)
  assert.ok(second.isSessionReused())
  assert.match(await next(), /AUTH=EXTERNAL/)
  say('a AUTHENTICATE EXTERNAL =')
  assert.match(await next(), /^a OK /)
  second.destroy()
})

// App passwords --------------------------------------------------------------------------------------------------------

peerTest(['curl'], 'an app password: shown once, listed with its use, revoked with its sessions', async () => {
  const made = await gavan(
    'account',
    'app-password',
    'add',
    anna.address,
    '--name',
    'Anna’s phone',
    '--for',
    'imap',
    'smtp',
  )
  const password = /^ {2}(([a-z2-7]{4}-){4}[a-z2-7]{4})$/m.exec(made.stdout)![1]!
  const signIn = (url: string) => curl(url, '--user', `${anna.address}:${password}`, '--login-options', 'AUTH=PLAIN')
  const read = await signIn(urls().imap)
  assert.equal(read.code, 0, read.all)
  const wrong = await signIn(urls().pop3)
  assert.equal(wrong.code, 67, wrong.all)
  assert.match(wrong.all, /-ERR \[AUTH\]/)

  const list = await until('its use to be listed', async () => {
    const { stdout } = await gavan('account', 'app-password', 'list', anna.address)
    return /Anna’s phone.*Z imap from 127\.0\.0\.1/.test(stdout) ? stdout : null
  })
  assert.ok(!list.includes(password))

  const socket = await dial()
  const { next, say } = lines(socket)
  await next()
  say(`a LOGIN ${anna.address} ${password}`)
  assert.match(await next(), /^a OK /)
  say('b SELECT INBOX')
  while (!(await next()).startsWith('b OK '));
  say('c IDLE')
  assert.match(await next(), /^\+/)
  const closed = once(socket, 'close')
  await gavan('account', 'app-password', 'revoke', anna.address, 'Anna’s phone')
  await closed
  assert.equal((await signIn(urls().imap)).code, 67)
  assert.match(log, /"event":"auth.ended"/)
  assert.ok(!log.includes(password))
})

// POP3 -----------------------------------------------------------------------------------------------------------------

peerTest(['python3'], 'Python’s poplib: one session at a time over all threads', async () => {
  const script = join(import.meta.dirname, 'python', 'pop3_lock.py')
  const env = { POP3S: String(server.ports.pop3s), CA: server.caFile, LOGIN: anna.address, PASSWORD: anna.password }
  const ran = await run('python3', [script], { env })
  assert.equal(ran.code, 0, ran.all)
})

peerTest(['fetchmail'], 'fetchmail by POP3 with an app password', async () => {
  const { password } = await appPassword('fetchmail', 'pop3')
  const rc = secretFile(join(folder.path, 'fetchmail'), 'fetchmailrc', [
    `poll localhost protocol pop3 port ${server.ports.pop3s} auth password`,
    `  user "${anna.address}" password "${password}"`,
    `  ssl sslcertck sslcertfile "${server.caFile}" keep`,
    '  mda "true"',
  ])
  const home = join(folder.path, 'fetchmail')
  const ran = await run('fetchmail', ['--check', '--fetchmailrc', rc], { env: { HOME: home, FETCHMAILHOME: home } })
  assert.ok(ran.code === 0 || ran.code === 1, ran.all)
})

// Configuration --------------------------------------------------------------------------------------------------------

test('a reload takes tokens and certificates away, and brings them back', async () => {
  const text = readFileSync(config, 'utf8')
  const greeting = async () => {
    const socket = await dial()
    const line = await lines(socket).next()
    socket.destroy()
    return line
  }
  assert.match(await greeting(), /AUTH=OAUTHBEARER/)
  writeFileSync(config, text.replaceAll(/^(?:oauth|tls)\..*$/gm, ''))
  await gavan('reload')
  assert.doesNotMatch(await greeting(), /OAUTH/)
  const known = certificates.get('of-anna')
  if (known !== undefined) {
    const socket = await dial({ cert: readFileSync(known.certFile), key: readFileSync(known.keyFile) })
    assert.doesNotMatch(await lines(socket).next(), /AUTH=EXTERNAL/)
    socket.destroy()
  }
  writeFileSync(config, text)
  await gavan('reload')
  assert.match(await greeting(), /AUTH=OAUTHBEARER/)
})
