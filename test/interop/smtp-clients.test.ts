/** swaks, curl, msmtp and Python's smtplib against 25 and 587. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { msmtp } from './clients.ts'
import { startGavan, type Gavan, type User } from './gavan.ts'
import { peerTest } from './peers.ts'
import { run, type Ran } from './run.ts'
import { arrived, letter, mark, temporaryFolder, type Folder } from './world.ts'

let folder: Folder
let gavan: Gavan
let alice: User
let boris: User

before(async () => {
  folder = temporaryFolder('smtp-clients')
  gavan = await startGavan({ folder: folder.path })
  alice = gavan.users[0]!
  boris = gavan.users[1]!
})
after(async () => {
  await gavan?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

const swaks = (port: 'mx' | 'submission', args: readonly string[]): Promise<Ran> =>
  run('swaks', ['--server', 'localhost', '--port', String(gavan.ports[port]), '--ehlo', 'client.test', ...args])

/** The reply codes swaks saw, in order, multi-line replies once. */
const codes = (ran: Ran): string[] => [...ran.stdout.matchAll(/^<[-~*]{1,2} {1,2}(\d{3}) /gm)].map(([, code]) => code!)

peerTest(['swaks'], 'swaks delivers on 25 in the clear', async () => {
  const text = mark('swaks-clear')
  const ran = await swaks('mx', ['--from', 'x@far.test', '--to', alice.address, '--body', text])
  assert.equal(ran.code, 0, ran.all)
  const { source } = await arrived(gavan, alice, text)
  assert.match(source, /^Received: [^]*?with ESMTP /m)
})

peerTest(['swaks'], 'swaks delivers on 25 with HELO only', async () => {
  const text = mark('swaks-helo')
  const ran = await swaks('mx', ['--from', 'x@far.test', '--to', alice.address, '--body', text, '--protocol', 'SMTP'])
  assert.equal(ran.code, 0, ran.all)
  await arrived(gavan, alice, text)
})

peerTest(['swaks'], 'swaks delivers on 25 with STARTTLS, pipelined, the chain checked', async () => {
  const text = mark('swaks-tls')
  const tls = ['--tls', '--tls-verify', '--tls-ca-path', gavan.caFile, '--pipeline']
  const ran = await swaks('mx', ['--from', 'x@far.test', '--to', alice.address, '--body', text, ...tls])
  assert.equal(ran.code, 0, ran.all)
  assert.match(ran.all, /TLS started with cipher TLSv1\.3/)
  const { source } = await arrived(gavan, alice, text)
  assert.match(source, /^Received: [^]*?with ESMTPS /m)
})

peerTest(['swaks'], '25 offers no AUTH, in the clear or encrypted', async () => {
  for (const tls of [[], ['--tls']]) {
    const auth = ['--auth', 'PLAIN', '--auth-user', alice.address, '--auth-password', alice.password]
    const ran = await swaks('mx', ['--from', alice.address, '--to', 'x@far.test', ...tls, ...auth])
    assert.equal(ran.code, 28, `swaks: host did not advertise authentication\n${ran.all}`)
    assert.doesNotMatch(ran.stdout, /250[- ]AUTH/)
  }
})

peerTest(['swaks'], '25 refuses unknown people and relaying, each with its code', async () => {
  const unknown = await swaks('mx', ['--from', 'x@far.test', '--to', 'nobody@gavan.test'])
  assert.match(unknown.stdout, /<\*\* 550 5\.1\.1 /)
  const relay = await swaks('mx', ['--from', 'x@far.test', '--to', 'y@other.test'])
  assert.match(relay.stdout, /<\*\* 550 5\.7\.1 .*587/, 'it says how clients send')
})

for (const mechanism of ['PLAIN', 'LOGIN'])
  peerTest(['swaks'], `swaks submits with STARTTLS and AUTH ${mechanism}`, async () => {
    const text = mark(`swaks-${mechanism}`)
    const auth = ['--auth', mechanism, '--auth-user', alice.address, '--auth-password', alice.password]
    const ran = await swaks('submission', [
      '--tls',
      '--from',
      alice.address,
      '--to',
      boris.address,
      '--body',
      text,
      ...auth,
    ])
    assert.equal(ran.code, 0, ran.all)
    const { source } = await arrived(gavan, boris, text)
    assert.match(source, /^Received: [^]*?with (?:UTF8)?E?SMTPSA /m)
  })

peerTest(['swaks'], '587 wants TLS before AUTH, AUTH before MAIL, and the right password', async () => {
  const clear = await swaks('submission', ['--from', alice.address, '--to', boris.address])
  assert.match(clear.stdout, /<\*\* 530 5\.7\.0 /)
  assert.doesNotMatch(clear.stdout, /250[- ]AUTH/, 'no AUTH is offered before TLS')
  const anonymous = await swaks('submission', ['--tls', '--from', alice.address, '--to', boris.address])
  assert.match(anonymous.stdout, /<~\* 530 5\.7\.0 /)
  const wrong = ['--auth', 'PLAIN', '--auth-user', alice.address, '--auth-password', 'wrong']
  const guess = await swaks('submission', ['--tls', '--from', alice.address, '--to', boris.address, ...wrong])
  assert.match(guess.stdout, /<~\* 535 5\.7\.8 /)
})

peerTest(['swaks'], "587 takes no one else's address", async () => {
  const auth = ['--auth', 'PLAIN', '--auth-user', alice.address, '--auth-password', alice.password]
  const ran = await swaks('submission', ['--tls', '--from', boris.address, '--to', boris.address, ...auth])
  assert.match(ran.stdout, /<~\* 553 5\.7\.1 /)
  assert.deepEqual(codes(ran).filter((code) => code === '553').length, 1)
})

peerTest(['curl'], 'curl submits a large letter', async () => {
  const text = mark('curl')
  const large = `${letter(alice.address, boris.address, text)}${`${'0123456789'.repeat(7)}\r\n`.repeat(50_000)}`
  const url = `smtp://localhost:${gavan.ports.submission}/client.test`
  const ran = await run(
    'curl',
    [
      ...[
        '--silent',
        '--show-error',
        '--ssl-reqd',
        '--cacert',
        gavan.caFile,
        '--user',
        `${alice.address}:${alice.password}`,
      ],
      ...['--mail-from', alice.address, '--mail-rcpt', boris.address, '--upload-file', '-', url],
    ],
    { input: large },
  )
  assert.equal(ran.code, 0, ran.all)
  const { source } = await arrived(gavan, boris, text)
  assert.equal(source.slice(source.indexOf('Здравствуйте')), large.slice(large.indexOf('Здравствуйте')))
})

for (const auth of ['plain', 'login', 'scram-sha-256'] as const)
  peerTest(['msmtp'], `msmtp submits with ${auth}`, async () => {
    const text = mark(`msmtp-${auth}`)
    const to = [boris.address, alice.address]
    const ran = await msmtp(gavan, alice, join(folder.path, 'msmtp'), {
      auth,
      to,
      letter: letter(alice.address, to[0]!, text).replaceAll('\r\n', '\n'),
    })
    assert.equal(ran.code, 0, ran.all)
    await arrived(gavan, boris, text)
    await arrived(gavan, alice, text)
  })

peerTest(['python3'], "Python's smtplib on 25 and 587", async () => {
  const text = mark('smtplib')
  const script = join(import.meta.dirname, 'python/smtp.py')
  const facts = { ...gavan.ready, text }
  const ran = await run('python3', [script], { input: JSON.stringify(facts) })
  assert.equal(ran.code, 0, ran.all)
  await arrived(gavan, alice, `${text}-mx`)
  await arrived(gavan, boris, `${text}-submission`)
  const { source } = await arrived(gavan, boris, `${text}-bcc`)
  assert.doesNotMatch(source, /^Bcc:/im, 'RFC 6409: removed')
  assert.match(source, /^Message-ID: </im, 'added')
  assert.match(source, /^Date: /im, 'added')
})
