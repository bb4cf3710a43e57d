/** BURL (RFC 4468): a letter made of what IMAP URLs of this server name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountRef } from '../../src/core/contract.ts'
import { createUrlAccess } from '../../src/core/urls/url-access.ts'
import { HOSTNAME, openMailStage, type MailStage } from '../mail-stage.ts'

type Peer = ReturnType<MailStage['connect']>

const LETTER = [
  'From: anna@here.test',
  'To: bert@here.test',
  'Subject: from afar',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=top',
  '',
  '--top',
  '',
  'the words',
  '--top',
  'Content-Type: text/plain; name=a.txt',
  '',
  'an attachment',
  '--top--',
  '',
].join('\r\n')
const plain = (name: string): string => Buffer.from(`\0${name}@here.test\0sesame`).toString('base64')

/** Puts letters into anna's drafts. */
async function draft(stage: MailStage, ...letters: string[]): Promise<void> {
  const mailboxes = stage.mailboxesOf(stage.anna)
  const { mailboxId } = (await mailboxes.find('Drafts'))!
  for (const letter of letters) {
    const sink = mailboxes.open()
    await sink.write(Buffer.from(letter))
    const message = await sink.finish()
    assert.ok(!('at' in message))
    assert.equal((await mailboxes.append(mailboxId, [{ message, flags: [], internalDate: null }])).at, 'done')
  }
}

const user = ({ address: { localPart, domain } }: AccountRef): string => `${localPart}%40${domain}`

/** A URL as GENURLAUTH makes it. */
async function urlOf(
  stage: MailStage,
  what: { path?: string; access?: string; owner?: AccountRef; host?: string } = {},
): Promise<string> {
  const { path = '/;UID=1', owner = stage.anna, host = HOSTNAME } = what
  const { access = `submit+${user(stage.anna)}` } = what
  const rump = `imap://${user(owner)}@${host}/Drafts${path};URLAUTH=${access}`
  const { store, random } = stage.core
  return `${rump}:internal:${await createUrlAccess({ store, random }).sign(owner, 'Drafts', rump)}`
}

async function say(stage: MailStage, peer: Peer, ...commands: string[]): Promise<string> {
  let answer = ''
  for (const command of commands) {
    peer.send(`${command}\r\n`)
    do answer = (await stage.hear(peer.line()))!
    while (answer[3] === '-')
  }
  return answer
}

async function signIn(stage: MailStage, name = 'anna'): Promise<Peer> {
  const peer = stage.connect('submissions')
  await peer.line()
  assert.match(await say(stage, peer, 'EHLO x.test', `AUTH PLAIN ${plain(name)}`), /^235 /)
  return peer
}

const BEGIN = ['MAIL FROM:<anna@here.test>', 'RCPT TO:<bert@here.test>']

async function talk(run: (stage: MailStage, peer: Peer) => Promise<void>, size?: number): Promise<void> {
  const stage = await openMailStage(size === undefined ? {} : { messageMaxOctets: size })
  try {
    await run(stage, await signIn(stage))
  } finally {
    await stage.stop()
  }
}

test('a whole letter by its URL, and one put together from chunks and parts', () =>
  talk(async (stage, peer) => {
    await draft(stage, LETTER)
    const url = await urlOf(stage)
    assert.match(await say(stage, peer, ...BEGIN, `BURL ${url} LAST`), /^250 2\.0\.0 /)
    const [first = ''] = await stage.read(stage.bert)
    assert.match(first, /^Subject: from afar\r$/m)
    assert.ok(first.endsWith(LETTER.slice(LETTER.indexOf('\r\n--top'))), first)

    const part = await urlOf(stage, { path: '/;UID=1/;SECTION=2' })
    const header = 'From: anna@here.test\r\nSubject: pieces\r\n\r\n'
    assert.match(await say(stage, peer, ...BEGIN, `BDAT ${header.length}\r\n${header.slice(0, -2)}`), /^250 2\.0\.0 /)
    assert.match(await say(stage, peer, `burl ${part}`), /^250 2\.5\.0 /)
    assert.match(await say(stage, peer, 'RCPT TO:<anna@here.test>'), /^503 /)
    assert.match(await say(stage, peer, 'BDAT 8 LAST\r\n\r\n2nd:'), /^250 2\.0\.0 /)
    const [, second = ''] = await stage.read(stage.bert)
    assert.ok(second.endsWith('\r\n\r\nan attachment\r\n2nd:\r\n'), second)
  }))

test('a URL that does not hold, is not for this, or names nothing: the transaction fails (RFC 4468 §3.2, §3.3)', () =>
  talk(async (stage) => {
    await draft(stage, LETTER, 'Subject: bare\r\n\r\na\nb\r\n')
    const good = await urlOf(stage)
    for (const url of [
      `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`,
      await urlOf(stage, { path: '/;UID=7' }),
      await urlOf(stage, { path: '/;UID=1/;SECTION=9' }),
      await urlOf(stage, { access: `submit+${user(stage.bert)}` }),
      await urlOf(stage, { access: `user+${user(stage.anna)}` }),
      await urlOf(stage, { host: 'mail.there.test' }),
      await urlOf(stage, { path: '/;UID=1;EXPIRE=2020-01-01T00:00:00Z' }),
      `imap://${user(stage.anna)}@${HOSTNAME}/Drafts/;UID=1`,
      'http://127.0.0.1/',
    ]) {
      const peer = await signIn(stage)
      assert.match(await say(stage, peer, ...BEGIN, `BURL ${url} LAST`), /^554 5\.6\.6 IMAP URL resolution failed/, url)
      assert.match(await say(stage, peer, 'DATA'), /^503 /)
    }
    const peer = await signIn(stage)
    const bare = await urlOf(stage, { path: '/;UID=2' })
    assert.match(await say(stage, peer, ...BEGIN, `BURL ${bare} LAST`), /^554 5\.6\.0 Bare CR or LF/)
    assert.deepEqual(await stage.read(stage.bert), [])
    assert.match(await say(stage, peer, ...BEGIN, `BURL ${good} LAST`), /^250 /)
  }))

test('BURL in its place, by its size, with its syntax; not on 25', async () => {
  await talk(async (stage, peer) => {
    await draft(stage, LETTER)
    const url = await urlOf(stage)
    assert.match(await say(stage, peer, `BURL ${url} LAST`), /^503 5\.5\.1 Send MAIL first/)
    assert.match(await say(stage, peer, BEGIN[0]!, `BURL ${url} LAST`), /^503 5\.5\.1 Send RCPT first/)
    assert.match(await say(stage, peer, 'RCPT TO:<bert@here.test>', `BURL ${url} FIRST`), /^501 /)
    assert.match(await say(stage, peer, 'BURL'), /^501 /)
    assert.match(await say(stage, peer, `BURL ${url} LAST`), /^552 /)
  }, LETTER.length - 1)
  const stage = await openMailStage()
  try {
    const peer = stage.connect('mx')
    await peer.line()
    assert.match(await say(stage, peer, 'EHLO x.test', 'BURL imap://a@b/c/;UID=1 LAST'), /^502 /)
  } finally {
    await stage.stop()
  }
})

test('a part of another one’s letter, by a URL that was made for this account', () =>
  talk(async (stage, anna) => {
    await draft(stage, LETTER)
    const url = await urlOf(stage, { path: '/;UID=1/;SECTION=1', access: `submit+${user(stage.bert)}` })
    assert.match(await say(stage, anna, ...BEGIN, `BURL ${url} LAST`), /^554 5\.6\.6 /)
    const bert = await signIn(stage, 'bert')
    const header = 'From: bert@here.test\r\nSubject: by bert\r\n\r\n'
    const begin = ['MAIL FROM:<bert@here.test>', 'RCPT TO:<anna@here.test>']
    assert.match(await say(stage, bert, ...begin, `BDAT ${header.length}\r\n${header.slice(0, -2)}`), /^250 /)
    assert.match(await say(stage, bert, `BURL ${url} LAST`), /^250 2\.0\.0 /)
    const [letter = ''] = await stage.read(stage.anna)
    assert.ok(letter.endsWith('\r\n\r\nthe words'), letter)
  }))
