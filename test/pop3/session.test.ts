/** POP3 beyond transcripts: big and odd messages, other sessions, faults. RELIABILITY §2.3, R25, R31. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { AccountRef, Mailboxes } from '../../src/core/contract.ts'
import type { Uid } from '../../src/model/ids.ts'
import { createScramClient } from '../../src/protocol/smtp/client-scram.ts'
import { createMdaPolicy } from '../../src/roles/mda/mda.ts'
import { inLanguage } from '../../src/session/pop3/language.ts'
import { StoreError } from '../../src/store/contract.ts'
import { deliver, openMailStage, type MailStage } from '../mail-stage.ts'
import { settle } from '../transcript.ts'

const POP3 = new URL('../../src/session/pop3/', import.meta.url)
const LOGIN = 'USER anna@here.test\r\nPASS sesame\r\n'

async function append(stage: MailStage, content: string | Buffer): Promise<void> {
  const mailboxes = stage.mailboxesOf(stage.anna)
  const sink = mailboxes.open()
  await sink.write(Buffer.from(content))
  const message = await sink.finish()
  assert.ok(!('at' in message))
  const inbox = (await mailboxes.find('INBOX'))!
  const outcome = await mailboxes.append(inbox.mailboxId, [{ message, flags: [], internalDate: null }])
  assert.equal(outcome.at, 'done')
}

async function flagsOf(stage: MailStage): Promise<(readonly string[])[]> {
  const mailboxes = stage.mailboxesOf(stage.anna)
  const inbox = (await mailboxes.find('INBOX'))!
  const flags: (readonly string[])[] = []
  for await (const entries of mailboxes.entries(inbox.mailboxId, [{ from: 1 as Uid, to: 4_294_967_295 as Uid }])) {
    for (const entry of entries) flags.push(entry.flags)
  }
  return flags
}

/** What RETR sent, unstuffed. */
function unstuffed(said: Buffer): string {
  const text = said.toString('latin1')
  const from = text.indexOf('octets\r\n') + 8
  const end = text.indexOf('\r\n.\r\n', from)
  return text.slice(from, end + 2).replace(/^\.\./gm, '.')
}

test('a big message is streamed, waits for its reader, and arrives whole', async () => {
  const stage = await openMailStage()
  const body = Array.from(
    { length: 40_000 },
    (_, i) => `${i % 7 === 0 ? '.' : ''}line ${i} ${'x'.repeat(60)}\r\n`,
  ).join('')
  const content = `From: a@b.test\r\n\r\n${body}`
  await append(stage, content)
  const peer = stage.connect('pop3s', { windowOctets: 100_000 })
  peer.send(`${LOGIN}RETR 1\r\nNOOP\r\nQUIT\r\n`)
  for (let i = 0; i < 3; i++) await peer.line()
  await settle(200)
  // Unread, the answer stands still well before its end.
  assert.ok(peer.unread().length < 400_000, `${peer.unread().length} octets in flight`)
  const said = await peer.rest()
  assert.equal(unstuffed(said), content)
  assert.match(said.subarray(-30).toString(), /\r\n\.\r\n\+OK \r\n\+OK Bye\r\n$/)
  await stage.stop()
})

test('small messages in a row leave in few writes', async () => {
  const stage = await openMailStage()
  for (let i = 0; i < 20; i++) await append(stage, `Subject: ${i}\r\n\r\nx\r\n`)
  const peer = stage.connect('pop3s')
  peer.send(LOGIN)
  for (let i = 0; i < 3; i++) await peer.line()
  const before = peer.writes
  peer.send(`${Array.from({ length: 20 }, (_, i) => `RETR ${i + 1}\r\n`).join('')}QUIT\r\n`)
  const said = (await peer.rest()).toString()
  assert.equal(said.match(/^\.\r$/gm)?.length, 20)
  assert.ok(peer.writes - before <= 2)
  await stage.stop()
})

test('odd contents: no final CRLF, bare LF, only dots, nothing at all after the header', async () => {
  const stage = await openMailStage()
  const cases: readonly [content: string, wanted: string][] = [
    ['A: b\r\n\r\nend', 'A: b\r\n\r\nend\r\n'],
    ['A: b\n\none\n.two\n', 'A: b\r\n\r\none\r\n.two\r\n'],
    ['A: b\r\n\r\n.\r\n..\r\n', 'A: b\r\n\r\n.\r\n..\r\n'],
    ['A: b\r\n\r\n', 'A: b\r\n\r\n'],
  ]
  for (const [content] of cases) await append(stage, content)
  const peer = stage.connect('pop3s')
  peer.send(LOGIN)
  for (let i = 0; i < 3; i++) await peer.line()
  for (const [index, [content, wanted]] of cases.entries()) {
    peer.send(`RETR ${index + 1}\r\n`)
    assert.match((await peer.line())!, /^\+OK \d+ octets/)
    let text = ''
    for (let line = await peer.line(); line !== '.'; line = await peer.line()) text += `${line!.replace(/^\./, '')}\r\n`
    assert.equal(text, wanted, JSON.stringify(content))
  }
  await stage.stop()
})

test('TOP reads no more than it must', async () => {
  const stage = await openMailStage()
  await append(stage, `A: b\r\n\r\n${'line\r\n'.repeat(100_000)}`)
  const reads: number[] = []
  const mda = createMdaPolicy({
    authenticator: stage.mda.authenticator,
    openMailboxes: (account) => {
      const mailboxes = stage.mailboxesOf(account)
      return {
        ...mailboxes,
        read: (key, start, end) => {
          reads.push(end - start)
          return mailboxes.read(key, start, end)
        },
      }
    },
  })
  const peer = stage.connect('pop3s', { mda })
  peer.send(`${LOGIN}TOP 1 2\r\nQUIT\r\n`)
  assert.match((await peer.rest()).toString(), /\+OK Top follows\r\nA: b\r\n\r\nline\r\nline\r\n\.\r\n\+OK Bye\r\n$/)
  assert.equal(reads.length, 1)
  await stage.stop()
})

test('what is downloaded is seen, once QUIT is said; what is deleted is gone, others stay', async () => {
  const stage = await openMailStage()
  for (let i = 0; i < 5; i++) await deliver(stage, `From: a@b.test\r\nSubject: ${i}\r\n\r\nx\r\n`)
  const peer = stage.connect('pop3s')
  peer.send(`${LOGIN}RETR 1\r\nRETR 3\r\nTOP 2 0\r\nDELE 3\r\nDELE 4\r\n`)
  await settle(50)
  assert.deepEqual(await flagsOf(stage), [[], [], [], [], []])
  peer.send('QUIT\r\n')
  await peer.rest()
  assert.deepEqual(await flagsOf(stage), [['\\Seen'], [], []])
  await stage.stop()
})

/** What an IMAP session would do. */
async function expungeByImap(stage: MailStage, uid: number): Promise<void> {
  const mailboxes = stage.mailboxesOf(stage.anna)
  const inbox = (await mailboxes.find('INBOX'))!
  const uids = [{ from: uid as Uid, to: uid as Uid }]
  await mailboxes.setFlags(inbox.mailboxId, { uids, mode: 'add', flags: ['\\Deleted'], unchangedSince: null })
  await mailboxes.expunge(inbox.mailboxId, uids, { deletedOnly: true })
}

const subjects = (letters: readonly string[]): string[] => letters.map((text) => /Subject: (\S+)/.exec(text)![1]!)

test('IMAP expunges: numbers stay, the message is gone, QUIT is well', async () => {
  const stage = await openMailStage()
  for (let i = 0; i < 4; i++) await append(stage, `Subject: ${i}\r\n\r\nx\r\n`)
  const peer = stage.connect('pop3s')
  peer.send(`${LOGIN}UIDL\r\n`)
  for (let i = 0; i < 9; i++) await peer.line()
  await expungeByImap(stage, 2)
  await append(stage, 'Subject: new\r\n\r\nx\r\n')
  peer.send('RETR 2\r\nRETR 5\r\nRETR 4\r\n')
  assert.equal(await peer.line(), '-ERR Message is gone')
  assert.equal(await peer.line(), '-ERR No such message')
  for (let line = await peer.line(); line !== '.'; line = await peer.line());
  // Expunged after its size was told: its octets may be there still, or not; it is never half a message.
  await expungeByImap(stage, 4)
  peer.send('RETR 4\r\nDELE 2\r\nDELE 3\r\nSTAT\r\nQUIT\r\n')
  const said = (await peer.rest()).toString()
  assert.match(said, /^(?:-ERR Message is gone|\+OK \d+ octets\r\nSubject: 3\r\n\r\nx\r\n\.)\r\n\+OK /)
  assert.match(said, /\r\n\+OK Bye\r\n$/)
  assert.deepEqual(subjects(await stage.read(stage.anna)), ['0', 'new'])
  await stage.stop()
})

test('what is expunged while its octets are asked for is gone, and that is no damage', async () => {
  const stage = await openMailStage()
  await append(stage, 'Subject: 0\r\n\r\nx\r\n')
  const peer = stage.connect('pop3s', {
    mda: faulty(stage, () => ({
      async read() {
        await expungeByImap(stage, 1)
        throw new StoreError('damaged', 'the record is gone')
      },
    })),
  })
  peer.send(`${LOGIN}RETR 1\r\nQUIT\r\n`)
  assert.match(await stage.rest(peer), /-ERR Message is gone\r\n\+OK Bye\r\n$/)
  assert.ok(!stage.events.some(({ event }) => event === 'pop3.read.failed'))
  await stage.stop()
})

test('an IMAP session hears of what POP3 deletes, when it is deleted', async () => {
  const stage = await openMailStage()
  for (let i = 0; i < 2; i++) await append(stage, `Subject: ${i}\r\n\r\nx\r\n`)
  const mailboxes = stage.mailboxesOf(stage.anna)
  const heard = Promise.withResolvers<string>()
  const end = mailboxes.watch(({ kind }) => heard.resolve(kind))
  const peer = stage.connect('pop3s')
  peer.send(`${LOGIN}DELE 1\r\n`)
  for (let i = 0; i < 4; i++) await peer.line()
  assert.deepEqual(subjects(await stage.read(stage.anna)), ['0', '1'])
  peer.send('QUIT\r\n')
  await peer.rest()
  assert.equal(await heard.promise, 'mailbox')
  assert.deepEqual(subjects(await stage.read(stage.anna)), ['1'])
  end()
  await stage.stop()
})

test('RFC 1939 §4: one at a time; free again by QUIT, by a lost connection, by one that broke', async () => {
  const stage = await openMailStage()
  await append(stage, 'Subject: 0\r\n\r\nx\r\n')
  const enter = async (mda?: MailStage['mda']) => {
    const peer = stage.connect('pop3s', mda === undefined ? {} : { mda })
    peer.send(LOGIN)
    await peer.line()
    await peer.line()
    return { peer, said: (await peer.line())! }
  }
  const ends: ((peer: Awaited<ReturnType<typeof enter>>['peer']) => void)[] = [
    (peer) => peer.send('QUIT\r\n'),
    (peer) => peer.reset(),
    (peer) => peer.end(),
  ]
  for (const end of ends) {
    const first = await enter()
    assert.match(first.said, /^\+OK/)
    const second = await enter()
    assert.equal(second.said, '-ERR [IN-USE] Another POP3 session has the mailbox')
    end(first.peer)
    await first.peer.ended
    second.peer.send(LOGIN)
    await second.peer.line()
    assert.match((await second.peer.line())!, /^\+OK Logged in/)
    second.peer.end()
    await second.peer.ended
  }
  // Somebody else's mailbox is nobody's business.
  const mine = await enter()
  const other = stage.connect('pop3s')
  other.send(LOGIN.replace('anna', 'bert'))
  for (let i = 0; i < 2; i++) await other.line()
  assert.match((await other.line())!, /^\+OK Logged in/)
  mine.peer.end()
  await mine.peer.ended
  const broken = await enter(faulty(stage, () => ({ find: fail(new StoreError('busy', 'locked')) })))
  assert.match(broken.said, /^-ERR \[SYS\/TEMP\]/)
  assert.match((await enter()).said, /^\+OK/)
  await stage.stop()
})

test('RFC 7677 by RFC 5034: SCRAM, with the account’s password and with an app password; a wrong proof is [AUTH]', async () => {
  const stage = await openMailStage()
  const made = await stage.core.accessKeys.addAppPassword('anna@here.test', { name: 'Phone', scope: ['pop3'] })
  assert.ok(made.at === 'done')
  const attempt = async (password: string) => {
    const peer = stage.connect('pop3s')
    await peer.line()
    const client = createScramClient({ user: 'anna@here.test', nonce: 'abcdefgh' })
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const read = async (): Promise<string> => (await stage.hear(peer.line()))!
    const challenge = (line: string): string => Buffer.from(line.slice(2), 'base64').toString()
    peer.send(`AUTH SCRAM-SHA-256 ${base64(client.clientFirst)}\r\n`)
    const asked = client.challenge(challenge(await read()))
    assert.ok(asked.ok)
    const { salt, iterations } = asked.value
    peer.send(`${base64(client.clientFinal(pbkdf2Sync(password, salt, iterations, 32, 'sha256')))}\r\n`)
    const last = await read()
    if (!last.startsWith('+ ')) return last
    assert.ok(client.verify(challenge(last)), 'the server proves that it has the keys')
    peer.send('\r\n')
    const said = await read()
    peer.send('QUIT\r\n')
    await peer.rest()
    return said
  }
  assert.equal(await attempt('sesame'), '+OK Logged in, 0 messages')
  assert.equal(await attempt(made.password.reveal()), '+OK Logged in, 0 messages')
  assert.equal(await attempt('wrong'), '-ERR [AUTH] Wrong name or password')
  await stage.core.accessKeys.remove('anna@here.test', made.keyId)
  assert.equal(await attempt(made.password.reveal()), '-ERR [AUTH] Wrong name or password')
  await stage.stop()
})

test('every answer has its words in Russian too', async () => {
  const sources = [
    'session.ts',
    'context.ts',
    ...readdirSync(new URL('command/', POP3)).map((name) => `command/${name}`),
  ]
  const words = new Set<string>()
  for (const file of [...sources, '../../protocol/pop3/command.ts']) {
    const text = readFileSync(new URL(file, POP3), 'utf8')
    for (const [, quoted] of text.matchAll(/(?:okay|error|err)\(\s*['`]((?:\[[^\]]*\] )?[^'`]*)['`]/g))
      words.add(quoted!)
    for (const [, quoted] of text.matchAll(/['`](?:\+OK|-ERR) ([^'`\\]+)['`\\]/g)) words.add(quoted!)
  }
  assert.ok(words.size > 35, String(words.size))
  for (const each of words) {
    const said = each
      .replaceAll(/\$\{(?:drop\.count|number|message\.sizeOctets)\}/g, '7')
      .replaceAll(/\$\{[^}]*\}/g, 'ru')
    if (!/[A-Za-z]{2}/.test(each.replaceAll(/\$\{[^}]*\}|POP3/g, ''))) continue // Numbers alone; the greeting.
    assert.notEqual(inLanguage('ru', `+OK ${said}`), `+OK ${said}`, each)
  }
})

function faulty(
  stage: MailStage,
  change: (mailboxes: Mailboxes) => Partial<Mailboxes>,
): ReturnType<typeof createMdaPolicy> {
  return createMdaPolicy({
    authenticator: stage.mda.authenticator,
    openMailboxes: (account: AccountRef) => {
      const mailboxes = stage.mailboxesOf(account)
      return { ...mailboxes, ...change(mailboxes) }
    },
  })
}
const fail = (error: Error) => async (): Promise<never> => {
  throw error
}

test('RELIABILITY §2.3: the store fails: -ERR [SYS/TEMP], and never half a message for a whole one', async () => {
  const stage = await openMailStage()
  await append(stage, `A: b\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(200_000, 'y'))
  const busy = new StoreError('busy', 'locked')
  const converse = async (change: (mailboxes: Mailboxes) => Partial<Mailboxes>, commands: string): Promise<string> => {
    const peer = stage.connect('pop3s', { mda: faulty(stage, change) })
    peer.send(`${LOGIN}${commands}`)
    return stage.rest(peer)
  }
  assert.match(await converse(() => ({ find: fail(busy) }), 'QUIT\r\n'), /-ERR \[SYS\/TEMP\] [^\r]*\r\n\+OK Bye\r\n$/)
  assert.match(
    await converse(() => ({ read: fail(busy) }), 'RETR 1\r\nNOOP\r\nQUIT\r\n'),
    /-ERR \[SYS\/TEMP\] [^\r]*\r\n\+OK \r\n\+OK Bye\r\n$/,
  )
  const damaged = new StoreError('damaged', 'bad checksum')
  assert.match(
    await converse(() => ({ read: fail(damaged) }), 'RETR 1\r\nQUIT\r\n'),
    /-ERR \[SYS\/PERM\] [^\r]*\r\n\+OK Bye\r\n$/,
  )
  const expunge = await converse(() => ({ expunge: fail(busy) }), 'DELE 1\r\nQUIT\r\n')
  assert.match(expunge, /-ERR \[SYS\/TEMP\] Deleted messages were not removed\r\n$/)
  const half = await converse(
    (mailboxes) => ({ read: async (key, start, end) => (start > 0 ? fail(busy)() : mailboxes.read(key, start, end)) }),
    'RETR 1\r\nNOOP\r\nQUIT\r\n',
  )
  assert.doesNotMatch(half, /\r\n\.\r\n|-ERR/)
  assert.equal((await stage.read(stage.anna)).length, 1)
  await stage.stop()
})

test('R31: a handler that throws ends its own conversation only', async () => {
  const stage = await openMailStage()
  await append(stage, 'A: b\r\n\r\n')
  const other = stage.connect('pop3s')
  await other.line()
  const peer = stage.connect('pop3s', {
    mda: faulty(stage, () => ({
      entries: () => {
        throw new TypeError('a mistake of ours')
      },
    })),
  })
  peer.send(`${LOGIN}STAT\r\nNOOP\r\n`)
  assert.match(await stage.rest(peer), /-ERR \[SYS\/TEMP\] [^\r]*\r\n$/)
  assert.match(String(stage.events.find(({ event }) => event === 'pop3.failed')!['cause']), /a mistake of ours/)
  other.send('NOOP\r\n')
  assert.match((await other.line())!, /^\+OK/)
  await stage.stop()
})

test('shutdown: -ERR [SYS/TEMP], and nothing is deleted', async () => {
  const stage = await openMailStage()
  await append(stage, 'A: b\r\n\r\n')
  const stop = new AbortController()
  const peer = stage.connect('pop3s', { signal: stop.signal })
  peer.send(`${LOGIN}DELE 1\r\n`)
  for (let i = 0; i < 4; i++) await peer.line()
  stop.abort()
  assert.match(await stage.rest(peer), /^-ERR \[SYS\/TEMP\] Shutting down/)
  assert.equal((await stage.read(stage.anna)).length, 1)
  await stage.stop()
})
