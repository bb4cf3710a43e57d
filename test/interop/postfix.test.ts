/** Postfix and gavan send each other mail, with STARTTLS both ways; what arrives is read by real clients. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { startGavan, type Gavan, type User } from './gavan.ts'
import { mbsync, fetchByPop3, ranWell } from './clients.ts'
import { haveAll, peerTest } from './peers.ts'
import { freeOffset } from './ports.ts'
import { startPostfix, type Postfix } from './postfix.ts'
import { run, until } from './run.ts'
import { arrived, letter, mark, temporaryFolder, type Folder } from './world.ts'

const NEEDS = ['root', 'postfix', 'openssl', 'curl'] as const

let folder: Folder
let gavan: Gavan
let postfix: Postfix
let alice: User

before(async () => {
  if (!haveAll(NEEDS)) return
  folder = temporaryFolder('postfix')
  const offset = await freeOffset()
  postfix = await startPostfix({
    folder: `${folder.path}/postfix`,
    domain: 'postfix.test',
    routes: { 'gavan.test': 25 + offset },
    refuse: ['refused'],
  })
  gavan = await startGavan({ folder: `${folder.path}/gavan`, offset, routes: { 'postfix.test': postfix.port } })
  alice = gavan.users[0]!
})
after(async () => {
  if (!haveAll(NEEDS)) return
  await Promise.all([gavan?.[Symbol.asyncDispose](), postfix?.[Symbol.asyncDispose]()])
  folder?.[Symbol.dispose]()
})

/** Hands a letter to Postfix, as one of its people would. */
async function sendByPostfix(to: readonly string[], text: string, from = 'maria@postfix.test'): Promise<void> {
  const sent = await run(
    'curl',
    [
      ...['--silent', '--show-error', '--mail-from', from, ...to.flatMap((one) => ['--mail-rcpt', one])],
      ...['--upload-file', '-', `smtp://127.0.0.1:${postfix.port}/client.postfix.test`],
    ],
    { input: letter(from, to[0]!, text) },
  )
  assert.equal(sent.code, 0, sent.all)
}

/** Hands a letter to gavan's submission port. */
async function sendByGavan(to: readonly string[], text: string): Promise<void> {
  const sent = await run(
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
      ...['--mail-from', alice.address, ...to.flatMap((one) => ['--mail-rcpt', one])],
      ...['--upload-file', '-', `smtp://localhost:${gavan.ports.submission}/client.gavan.test`],
    ],
    { input: letter(alice.address, to[0]!, text) },
  )
  assert.equal(sent.code, 0, sent.all)
}

const letterAtPostfix = (text: string): Promise<string> =>
  until(`${text} at Postfix`, () => postfix.letters().find((one) => one.includes(text)) ?? null).catch(
    (error: Error) => {
      throw new Error(`${error.message}\n${postfix.log()}\n${gavan.log()}`)
    },
  )

peerTest(NEEDS, 'Postfix sends to gavan, encrypted', async () => {
  const text = mark('in')
  await sendByPostfix([alice.address], text)
  const { source } = await arrived(gavan, alice, text)
  assert.match(source, /^Return-Path: <maria@postfix\.test>\r\n/)
  const [newest] = /^Received:[^]*?\r\n(?=\S)/m.exec(source) ?? ['']
  assert.match(newest, /from mx\.postfix\.test/)
  assert.match(newest, /with ESMTPS/, 'RFC 3848')
  assert.ok(source.endsWith(`Здравствуйте, ${text}\r\n.a line with a dot\r\n`), 'content as it was')
  assert.match(postfix.log(), /TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: TLSv1\.[23]/)
})

peerTest([...NEEDS, 'mbsync', 'fetchmail'], 'a letter sent by Postfix is read in mbsync and by POP3', async () => {
  const text = mark('read')
  await sendByPostfix([alice.address], text)
  await arrived(gavan, alice, text)
  const box = await mbsync(gavan, alice, `${folder.path}/mbsync`)
  assert.ok(box.letters('INBOX').some(({ source }) => source.includes(text)))
  const fetched = await fetchByPop3(gavan, alice, `${folder.path}/fetchmail`)
  assert.ok(fetched.includes(text))
})

peerTest(NEEDS, 'a letter sent through 587 arrives at Postfix, encrypted', async () => {
  const text = mark('out')
  await sendByGavan(['someone@postfix.test'], text)
  const got = await letterAtPostfix(text)
  assert.match(got, /^Return-Path: <alice@gavan\.test>/)
  assert.match(got, /using TLSv1\.[23] with cipher/, 'Postfix says so in its Received')
  assert.match(got, /with ESMTPS id/)
  assert.match(got, /\n\.a line with a dot\n/, 'RFC 5321 §4.5.2')
  assert.match(
    got,
    /^Received: from .*\r?\n(?:\s.*\r?\n)*?\s*.*with (?:UTF8)?E?SMTPSA/m,
    'RFC 3848: gavan took it with AUTH and TLS',
  )
})

peerTest([...NEEDS, 'python3'], 'an address beyond ASCII, by SMTPUTF8 all the way', async () => {
  const text = mark('utf8')
  const input = JSON.stringify({ ...gavan.ready, to: 'ящик@postfix.test', text })
  await ranWell('python3', [join(import.meta.dirname, 'python/utf8.py')], { input })
  const got = await letterAtPostfix(text)
  assert.match(Buffer.from(got, 'latin1').toString('utf8'), /^Delivered-To: ящик@postfix\.test$/m)
  assert.match(got, /with UTF8SMTPS id/, 'RFC 6531 §4.3')
})

peerTest(NEEDS, 'one letter to both sides', async () => {
  const text = mark('both')
  await sendByGavan(['one@postfix.test', 'two@postfix.test', gavan.users[1]!.address, alice.address], text)
  await letterAtPostfix(text)
  await arrived(gavan, alice, text)
  await arrived(gavan, gavan.users[1]!, text)
  await until('both of Postfix', () =>
    postfix.letters().filter((one) => one.includes(text)).length === 2 ? true : null,
  )
})

peerTest(NEEDS, 'an unknown recipient: Postfix bounces at once to its own sender', async () => {
  const text = mark('unknown')
  await sendByPostfix(['nobody@gavan.test'], text, 'maria@postfix.test')
  const bounce = await until(
    'the bounce',
    () => postfix.letters().find((one) => one.includes('MAILER-DAEMON') && one.includes(text)) ?? null,
  )
  assert.match(bounce, /550 5\.1\.1/)
})

peerTest(NEEDS, 'a recipient that Postfix refuses comes back to the sender as a DSN', async () => {
  const text = mark('refused')
  await sendByGavan(['refused@postfix.test', 'fine@postfix.test'], text)
  await letterAtPostfix(text)
  const { source } = await arrived(gavan, alice, 'message/delivery-status')
  assert.match(source, /^Return-Path: <>\r\n/)
  assert.match(source, /^Final-Recipient: rfc822; ?refused@postfix\.test\r$/im)
  assert.match(source, /^Action: failed\r$/im)
  assert.match(source, /^Status: 5\.1\.1\r$/im)
})

peerTest(NEEDS, 'gavan relays for nobody', async () => {
  const sent = await run(
    'curl',
    [
      ...['--silent', '--show-error', '--verbose', '--mail-from', 'a@x.test', '--mail-rcpt', 'b@postfix.test'],
      ...['--upload-file', '-', `smtp://localhost:${gavan.ports.mx}/x.test`],
    ],
    { input: letter('a@x.test', 'b@postfix.test', mark('relay')) },
  )
  assert.notEqual(sent.code, 0)
  assert.match(sent.all, /< 550 5\.7\.1 .*587/)
})
