/** From intake to a foreign server over real TCP and TLS, with a real store; and back as a DSN. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../../src/std/clock.ts'
import { silentLog } from '../../src/std/log.ts'
import { Secret } from '../../src/std/secret.ts'
import { createTestRandom } from '../../src/std/test-random.ts'
import type { TraceId, Uid } from '../../src/model/ids.ts'
import { createIntake } from '../../src/core/intake/intake.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import { createOutgoingQueue } from '../../src/core/queue/outgoing.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { createDialler } from '../../src/net/dial.ts'
import type { Route } from '../../src/outbound/contract.ts'
import { createRelay } from '../../src/outbound/relay/relay.ts'
import { createSandbox } from '../../src/outbound/sandbox/sandbox.ts'
import { openStore } from '../../src/store/sqlite/open.ts'
import { createTestResolver } from './dns.ts'

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}
const random = createTestRandom(11)

type Taken = { from: string; to: string[]; data: string; tls: boolean; login: string | null }

/** An SMTP server of a few lines on node:net and node:tls. */
async function startSink(
  t: TestContext,
  options: { key: string; cert: string; brokenTls?: boolean; implicit?: boolean },
) {
  const taken: Taken[] = []
  const sockets = new Set<Socket>()
  const speak = (socket: Socket, tls: boolean): void => {
    let held = ''
    let inData = false
    let login: string | null = null
    let mail: Taken | null = null
    const say = (text: string): void => void socket.write(`${text}\r\n`)
    const line = (text: string): void => {
      if (text.startsWith('EHLO'))
        say(`250-sink.example\r\n250-PIPELINING\r\n250-AUTH PLAIN${tls ? '' : '\r\n250-STARTTLS'}\r\n250 8BITMIME`)
      else if (text.startsWith('STARTTLS')) {
        socket.removeAllListeners('data')
        socket.write('220 go\r\n', () => {
          if (options.brokenTls === true) socket.once('data', () => socket.write('this is not TLS at all\r\n'))
          else speak(new TLSSocket(socket, { isServer: true, key: options.key, cert: options.cert }), true)
        })
      } else if (text.startsWith('AUTH PLAIN ')) {
        login = Buffer.from(text.slice(11), 'base64').toString()
        say('235 2.7.0 welcome')
      } else if (text.startsWith('MAIL')) {
        mail = { from: text, to: [], data: '', tls, login }
        say('250 2.1.0 ok')
      } else if (text.startsWith('RCPT')) {
        if (text.includes('nobody')) return say('550 5.1.1 nobody of that name')
        mail!.to.push(text)
        say('250 2.1.5 ok')
      } else if (text === 'DATA') {
        if (mail!.to.length === 0) return say('554 5.5.1 no recipients')
        inData = true
        say('354 go on')
      } else if (text === 'QUIT') {
        say('221 2.0.0 bye')
        socket.end()
      } else say('250 2.0.0 ok')
    }
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      held += chunk.toString('latin1')
      for (;;) {
        const end = held.indexOf(inData ? '\r\n.\r\n' : '\r\n')
        if (end === -1) return
        const text = held.slice(0, end)
        held = held.slice(end + (inData ? 5 : 2))
        if (!inData) line(text)
        else {
          inData = false
          taken.push({ ...mail!, data: `${text}\r\n`.replace(/^\./gm, '') })
          say('250 2.0.0 taken')
        }
      }
    })
    if (!tls || options.implicit === true) say('220 sink.example ESMTP')
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (options.implicit === true)
      speak(new TLSSocket(socket, { isServer: true, key: options.key, cert: options.cert }), true)
    else speak(socket, false)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { taken, port: (server.address() as AddressInfo).port }
}

async function world(t: TestContext, options: { mxPort?: number; route?: Route }) {
  const dir = await mkdtemp(join(tmpdir(), 'gavan-outbound-'))
  const store = await openStore({ dataDir: join(dir, 'store'), clock, log: silentLog })
  await store.run({ do: 'addDomain', name: 'home.example' })
  const address = { localPart: 'alice', domain: 'home.example' }
  const made = await store.run({
    do: 'addAccount',
    address,
    credential: { phc: 'x', scram: null },
    quotaOctets: null,
    mailboxes: [{ name: 'INBOX', specialUse: null }],
    now: clock.now(),
  })
  assert.equal(made.at, 'done')
  const accountId = made.at === 'done' ? made.accountId : assert.fail()
  const mailboxes = openMailboxes({ accountId, address }, { store, clock })
  const intake = createIntake({ store, clock, random, hostname: 'mail.home.example', postmaster: null })
  const queue = createOutgoingQueue({
    store,
    clock,
    random,
    log: silentLog,
    hostname: 'mail.home.example',
    owner: 'relay',
    prepareNotice: (notice) => intake.prepareNotice(notice),
  })
  const relay = createRelay({
    queue,
    dialler: createDialler({ clock, random }),
    resolver: createTestResolver({
      'away.example': { MX: [{ preference: 1, exchange: 'localhost' }] },
      localhost: { A: ['127.0.0.1'] },
    }),
    clock,
    random,
    log: silentLog,
    ourselves: { hostname: 'mail.home.example', names: [], addresses: [], loopbackIsForeign: true },
    routes: { byDomain: new Map(), otherwise: options.route ?? { kind: 'mx' } },
    sandbox: createSandbox({ open: async () => mailboxes }),
    ...(options.mxPort === undefined ? {} : { mxPort: options.mxPort }),
  })
  t.after(async () => {
    await relay.stop({ drainMs: 1000 })
    await store.close()
    await rm(dir, { recursive: true, force: true })
  })
  await relay.start()

  let serial = 0
  const send = async (content: string, ...to: string[]): Promise<void> => {
    const envelope = {
      reversePath: address,
      recipients: to.map((localPart) => ({ address: { localPart, domain: 'away.example' } })),
      body: '8BITMIME',
      smtputf8: false,
      requireTls: false,
    } as const
    const sink = intake.open({ envelope, received: 'Received: here\r\n', complete: null })
    await sink.write(Buffer.from(content))
    const message = await sink.finish()
    assert.ok(!('at' in message))
    if ('at' in message) return
    const traceId = `trace${serial++}` as TraceId
    const accepted = await intake.accept({ envelope, message, traceId, senderVerified: true })
    assert.equal(accepted.at, 'accepted')
  }
  const emptied = async (): Promise<void> => {
    for (let i = 0; (await store.queue.list()).length > 0; i++) {
      assert.ok(i < 500, 'the queue does not empty')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const read = async (mailbox: string): Promise<string[]> => {
    const info = await mailboxes.find(mailbox)
    assert.ok(info !== null, `no ${mailbox}`)
    const texts: string[] = []
    for await (const batch of mailboxes.entries(info.mailboxId, [{ from: 1 as Uid, to: 4294967295 as Uid }])) {
      for (const entry of batch)
        texts.push(Buffer.from(await mailboxes.read(entry.messageKey, 0, entry.sizeOctets)).toString())
    }
    return texts
  }
  return { send, emptied, read, store }
}

async function certificate(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'gavan-outbound-ca-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const made = await localCertificate({ directory, names: ['localhost'], clock, random })
  return { key: made.key, cert: made.certificate, ca: made.ca }
}

const LETTER = 'From: alice@home.example\r\nSubject: Hi\r\n\r\n.dot\r\nПривет\r\n'

suite('over loopback', () => {
  test('MX, opportunistic STARTTLS with a certificate nobody knows, several messages', async (t) => {
    const sink = await startSink(t, await certificate(t))
    const { send, emptied } = await world(t, { mxPort: sink.port })
    for (let i = 0; i < 5; i++) await send(LETTER, 'bob', 'eve')
    await emptied()
    assert.equal(sink.taken.length, 5)
    const [first] = sink.taken
    assert.equal(first!.tls, true)
    assert.deepEqual(first!.to, ['RCPT TO:<bob@away.example>', 'RCPT TO:<eve@away.example>'])
    assert.equal(Buffer.from(first!.data, 'latin1').toString(), `Received: here\r\n${LETTER}`, 'without Return-Path')
  })

  test('a large message', async (t) => {
    const sink = await startSink(t, await certificate(t))
    const { send, emptied } = await world(t, { mxPort: sink.port })
    const large = `Subject: large\r\n\r\n${'0123456789\r\n'.repeat(100_000)}`
    await send(large, 'bob')
    await emptied()
    assert.equal(sink.taken[0]!.data, `Received: here\r\n${large}`)
  })

  test('broken TLS: in the clear on a new connection', async (t) => {
    const sink = await startSink(t, { ...(await certificate(t)), brokenTls: true })
    const { send, emptied } = await world(t, { mxPort: sink.port })
    await send(LETTER, 'bob')
    await emptied()
    assert.deepEqual(
      sink.taken.map(({ tls }) => tls),
      [false],
    )
  })

  test('a smarthost with a verified certificate and AUTH, by STARTTLS and by implicit TLS', async (t) => {
    const { key, cert, ca } = await certificate(t)
    for (const security of ['starttls', 'implicit'] as const) {
      const sink = await startSink(t, { key, cert, implicit: security === 'implicit' })
      const credentials = { user: 'alice', password: new Secret('pencil') }
      const route: Route = { kind: 'host', host: 'localhost', port: sink.port, security, credentials, verify: true, ca }
      const { send, emptied } = await world(t, { route })
      await send(LETTER, 'bob')
      await emptied()
      assert.deepEqual(
        sink.taken.map(({ tls, login }) => [tls, login]),
        [[true, '\0alice\0pencil']],
      )
    }
  })

  test('a smarthost whose certificate does not verify gets nothing', async (t) => {
    const { key, cert } = await certificate(t)
    const sink = await startSink(t, { key, cert })
    const route: Route = {
      kind: 'host',
      host: 'localhost',
      port: sink.port,
      security: 'starttls',
      credentials: null,
      verify: true,
    }
    const { send, store } = await world(t, { route })
    await send(LETTER, 'bob')
    for (let i = 0; (await store.queue.list())[0]?.attempts === 0 && i < 500; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const [entry] = await store.queue.list()
    assert.equal(entry!.recipients[0]!.lastAnswer!.status, '4.7.5')
    assert.equal(sink.taken.length, 0)
  })

  test('an unknown recipient: the DSN is in the sender’s inbox', async (t) => {
    const sink = await startSink(t, await certificate(t))
    const { send, emptied, read } = await world(t, { mxPort: sink.port })
    await send(LETTER, 'bob', 'nobody')
    await emptied()
    assert.equal(sink.taken.length, 1)
    const inbox = await read('INBOX')
    assert.equal(inbox.length, 1)
    assert.match(inbox[0]!, /^Return-Path: <>\r\n/)
    assert.match(inbox[0]!, /Final-Recipient: rfc822; nobody@away\.example/)
    assert.match(inbox[0]!, /Diagnostic-Code: smtp; 550 5\.1\.1 nobody of that name/)
    assert.match(inbox[0]!, /Subject: Hi/)
    assert.ok(!inbox[0]!.includes('.dot'))
  })

  test('the sandbox keeps it in a mailbox, made when missing', async (t) => {
    const { send, emptied, read } = await world(t, { route: { kind: 'sandbox' } })
    await send(LETTER, 'bob', 'eve')
    await send(LETTER, 'bob')
    await emptied()
    const kept = await read('Sandbox')
    assert.equal(kept.length, 2)
    assert.ok(
      kept.some((text) =>
        text.startsWith(
          'Return-Path: <alice@home.example>\r\nX-Original-To: bob@away.example\r\nX-Original-To: eve@away.example\r\nReceived: here\r\n',
        ),
      ),
    )
  })
})
