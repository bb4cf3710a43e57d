/**
 * Letters and commands that are made to cost much (S11, S12, S13): through whole sessions into the real store, in bounded
 * memory, in time that grows with their octets, and without a long turn of the event loop (S25). Time is CPU time.
 */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { MIME_DEPTH_MAX, MIME_PARTS_MAX } from '../../src/model/limits.ts'
import { createGuard } from '../../src/core/guard/guard.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import { createContentSearch } from '../../src/core/search/search.ts'
import { createUrlAccess } from '../../src/core/urls/url-access.ts'
import type { Connection } from '../../src/model/connection.ts'
import { createAuthenticator } from '../../src/roles/authenticator.ts'
import { createMdaPolicy } from '../../src/roles/mda/mda.ts'
import { imapSession } from '../../src/session/imap/session.ts'
import { smtpSession } from '../../src/session/smtp/session.ts'
import { createTestConnection, type TestPeer } from '../../src/session/test-connection.ts'
import { silentLog } from '../../src/std/log.ts'
import { logIn, openImapStage, type ImapStage } from '../imap/stage.ts'
import { HOSTNAME, openMailStage } from '../mail-stage.ts'
import { probeTurns, TURN_MAX_MS, type TurnProbe } from '../turns.ts'

const MIB = 1024 * 1024
const CHUNK_OCTETS = 64 * 1024
const GROWTH_MAX_OCTETS = 250 * MIB
/** Generous: what a plain letter of that size takes, many times over. */
const MS_PER_MIB_MAX = 400
const BASE_MS = 1500

const HEAD = 'From: x@far.test\r\nSubject: bomb\r\n'
const repeat = (count: number, piece: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => piece(n)).join('')

const LETTERS: Readonly<Record<string, () => string>> = {
  '1M empty parts': () =>
    `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(1_000_000)}--b--\r\n`,
  'depth 100k': () =>
    HEAD + repeat(100_000, (n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`) + '\r\ndeep\r\n',
  'message in message, 50k deep': () => HEAD + 'Content-Type: message/rfc822\r\n\r\n'.repeat(50_000) + '\r\ndeep\r\n',
  'one boundary, 100k deep': () => HEAD + 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'.repeat(100_000),
  'nearly a boundary': () =>
    `${HEAD}Content-Type: multipart/mixed; boundary=${'-'.repeat(70)}\r\n\r\n${`${'-'.repeat(73)}x\r\n`.repeat(100_000)}`,
  '500k recipients in To': () => `${HEAD}To: ${'a@b.test,'.repeat(500_000)}\r\n\r\nx\r\n`,
  'as many as fit in To': () => `${HEAD}To: ${'a@b.c,'.repeat(40_000)}z@z\r\n\r\nx\r\n`,
  'a header of 20 MB': () => `${HEAD}${`X-Long: ${'y'.repeat(990)}\r\n`.repeat(20_000)}\r\nx\r\n`,
  'one field of 20 MB': () => `${HEAD}X-Long: ${`${'y'.repeat(990)}\r\n `.repeat(20_000)}\r\n\r\nx\r\n`,
  '100k pieces of a parameter': () =>
    `${HEAD}Content-Type: text/plain;\r\n${repeat(100_000, (n) => ` name*${n}*=%41;\r\n`)}\r\nx\r\n`,
  'pieces that fit': () =>
    `${HEAD}Content-Type: text/plain;\r\n${repeat(15_000, (n) => ` n*${n}*=%41;\r\n`)}\r\n\r\nx\r\n`,
  '100k encoded words': () => `From: x@far.test\r\nSubject: ${'=?utf-8?q?=41?= '.repeat(100_000)}\r\n\r\nx\r\n`,
  'encoded words that fit': () => `From: x@far.test\r\nSubject: ${'=?utf-8?q?=41?=\r\n '.repeat(13_000)}z\r\n\r\nx\r\n`,
  'words that do not end': () =>
    `From: x@far.test\r\nSubject: ${'=?'.repeat(30_000)}\r\n${' =?a?q?'.repeat(20_000)}\r\n\r\nx\r\n`,
  'comments in comments': () => `From: ${'('.repeat(60_000)}\r\n ${')'.repeat(60_000)} x@far.test\r\n\r\nx\r\n`,
  'groups and quotes': () =>
    `From: x@far.test\r\nTo: ${'g:"'.repeat(20_000)}\r\nCc: ${'"a" <'.repeat(20_000)}\r\n\r\nx\r\n`,
  references: () => `From: x@far.test\r\nReferences: ${'<a@b> <'.repeat(30_000)}\r\n\r\nx\r\n`,
  'HTML of open tags': () =>
    `${HEAD}Content-Type: text/html\r\n\r\n${'<a '.repeat(1_000_000)}${'&'.repeat(1_000_000)}\r\n`,
}

/** A connection whose reads come in turns of their own, and which tells how many there were: as a socket that is paused. */
function paced(connection: Connection): { connection: Connection; readonly reads: number } {
  let reads = 0
  const read: Connection['read'] = async (timeoutMs) => {
    const chunk = await connection.read(timeoutMs)
    await nextTurn()
    reads++
    return chunk
  }
  return {
    connection: Object.create(connection, { read: { value: read } }) as Connection,
    get reads() {
      return reads
    },
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Says it in pieces, each in a turn of its own, as a network would bring it. */
async function pour(peer: TestPeer, content: string): Promise<void> {
  const bytes = Buffer.from(content, 'latin1')
  for (let at = 0; at < bytes.length; at += CHUNK_OCTETS) {
    peer.send(bytes.subarray(at, at + CHUNK_OCTETS))
    await nextTurn()
  }
}

/** As `pour`, the next piece when the last one has been read. */
async function pourPaced(slow: { readonly reads: number }, peer: TestPeer, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !peer.closed; at += CHUNK_OCTETS) {
    const before = slow.reads
    peer.send(bytes.subarray(at, at + CHUNK_OCTETS))
    while (slow.reads === before && !peer.closed) await nextTurn()
  }
}

/** A session on a paced connection. */
function connectPaced({ core, clock }: ImapStage): {
  slow: { readonly reads: number }
  peer: TestPeer
  ended: Promise<void>
} {
  const { connection, peer } = createTestConnection({ service: 'imaps', clock, tls: true })
  const slow = paced(connection)
  const { accounts, random, store } = core
  const guard = createGuard({ clock, lifted: () => true })
  const policy = createMdaPolicy({
    authenticator: createAuthenticator({ accounts, guard, log: silentLog }),
    openMailboxes: (account) => openMailboxes(account, { store, clock }),
    plainLoginAllowed: () => false,
  })
  const ended = imapSession(slow.connection, {
    policy,
    contentSearch: createContentSearch(),
    urls: createUrlAccess({ store, random }),
    clock,
    random,
    log: silentLog,
    hostname: HOSTNAME,
    drain: new AbortController().signal,
  })
  return { slow, peer, ended }
}

function judge(probe: TurnProbe, octets: number, t: TestContext): void {
  probe.stop()
  t.diagnostic(
    `${(octets / MIB).toFixed(1)} MiB, ${Math.round(probe.totalMs)} ms CPU, longest turn ${Math.round(probe.longestMs)} ms, ${Math.round(probe.grownOctets / MIB)} MiB`,
  )
  assert.ok(probe.totalMs < BASE_MS + (MS_PER_MIB_MAX * octets) / MIB, `${Math.round(probe.totalMs)} ms of CPU`)
  judgeTurns(probe)
}

/** For work that is much by its nature, and must leave others theirs all the same. */
function judgeTurns(probe: TurnProbe): void {
  assert.ok(probe.grownOctets < GROWTH_MAX_OCTETS, `${Math.round(probe.grownOctets / MIB)} MiB of memory`)
  assert.ok(probe.longestMs < TURN_MAX_MS, `a turn of ${Math.round(probe.longestMs)} ms`)
}

suite('letters by SMTP', () => {
  for (const [name, make] of Object.entries(LETTERS)) {
    test(name, async (t) => {
      const stage = await openMailStage()
      try {
        const content = make()
        const { connection, peer } = createTestConnection({ service: 'mx', clock: stage.clock })
        const slow = paced(connection)
        const { clock, mta: policy } = stage
        const ended = smtpSession(slow.connection, { policy, clock, random: stage.core.random, log: silentLog })
        peer.send('EHLO x.test\r\nMAIL FROM:<s@far.test>\r\nRCPT TO:<anna@here.test>\r\nDATA\r\n')
        const bytes = Buffer.from(content, 'latin1')
        await nextTurn()
        const probe = probeTurns()
        await pourPaced(slow, peer, bytes)
        peer.send('\r\n.\r\nQUIT\r\n')
        const said = await stage.rest(peer)
        await ended
        judge(probe, content.length, t)
        // Kept, or refused for its size: never a failure of ours.
        assert.match(said, /\r\n(?:250 2\.0\.0 Ok: kept|55\d 5\.)/, said)
        assert.ok(!said.includes('\r\n4'), said)
      } finally {
        await stage.stop()
      }
    })
  }
})

suite('letters by IMAP, and back', () => {
  for (const name of [
    '1M empty parts',
    'depth 100k',
    'message in message, 50k deep',
    'as many as fit in To',
    'pieces that fit',
    'encoded words that fit',
  ]) {
    test(name, async (t) => {
      const stage = await openImapStage()
      try {
        const { slow, peer, ended } = connectPaced(stage)
        const client = await logIn({ ...stage, connect: () => peer })
        const content = LETTERS[name]!()
        const bytes = Buffer.from(content, 'latin1')
        await nextTurn()
        const probe = probeTurns()
        peer.send(`x APPEND INBOX {${content.length}+}\r\n`)
        await nextTurn()
        await pourPaced(slow, peer, bytes)
        peer.send('\r\n')
        assert.match((await client.until('x ')).at(-1)!, /^x OK /)
        await client.ask('SELECT INBOX')
        const fetched = await client.ask('FETCH 1 (ENVELOPE BODYSTRUCTURE)')
        assert.match(fetched.at(-1)!, /^OK /)
        const parts = fetched.join('').split('"TEXT" "PLAIN"').length - 1
        assert.ok(parts <= MIME_PARTS_MAX + 1, `${parts} parts`)
        const part = Array.from({ length: MIME_DEPTH_MAX }, () => '1').join('.')
        assert.match((await client.ask(`FETCH 1 (BODY.PEEK[${part}]<0.10> BODY.PEEK[HEADER])`)).at(-1)!, /^OK /)
        judge(probe, content.length, t)
        peer.end()
        await ended
      } finally {
        await stage.stop()
      }
    })
  }
})

test('searching a large letter leaves others their turns', async (t) => {
  const stage = await openImapStage()
  try {
    const letter = LETTERS['1M empty parts']!()
    await stage.fill('INBOX', [letter])
    const client = await logIn(stage)
    await client.ask('SELECT INBOX')
    await nextTurn()
    const probe = probeTurns()
    await nextTurn()
    assert.match((await client.ask('SEARCH BODY "nowhere at all"')).at(-1)!, /^OK /)
    await nextTurn()
    judge(probe, letter.length, t)
  } finally {
    await stage.stop()
  }
})

/** What a peer may say before it has logged in, and the session's whole answer. */
async function sayBeforeLogin(stage: ImapStage, text: string): Promise<string> {
  const peer = stage.connect()
  await pour(peer, text)
  peer.end()
  return (await peer.rest()).toString('latin1')
}

suite('commands by IMAP', () => {
  const before: Readonly<Record<string, string>> = {
    'parentheses ×1M before login': `a ID ${'('.repeat(1_000_000)}\r\n`,
    'parentheses ×1M in lines that fit': `a ID ${'('.repeat(7_000)}\r\n`.repeat(140),
    'literals of 4 GB before login': 'a LOGIN {4294967295}\r\n'.repeat(1000),
    'a literal beyond numbers': `a LOGIN {${'9'.repeat(7_000)}+}\r\n`,
    'quotes that do not end': `a LOGIN "${'\\"'.repeat(500_000)}\r\n`,
    'a line that does not end': 'x'.repeat(5 * MIB),
    'no lines but ends': '\r\n'.repeat(500_000),
  }
  for (const [name, text] of Object.entries(before)) {
    test(name, async (t) => {
      const stage = await openImapStage()
      try {
        const probe = probeTurns()
        const said = await sayBeforeLogin(stage, text)
        judge(probe, text.length, t)
        assert.match(said, /^\* OK .*\r\n(?:a BAD|\* BAD|\* BYE)/)
        assert.ok(said.length < 100_000, `${said.length} octets of answers`)
      } finally {
        await stage.stop()
      }
    })
  }

  const after: Readonly<Record<string, { text: string; expects: RegExp }>> = {
    'a set of 1M elements': { text: `FETCH ${'1,'.repeat(1_000_000)}1 FLAGS`, expects: /^(?:BAD|\* BYE)/ },
    'a set that fits': { text: `UID FETCH ${'1,3:2,*,'.repeat(8000)}1 FLAGS`, expects: /^OK/ },
    'ranges that overlap': { text: `UID FETCH ${repeat(4500, (n) => `${n + 1}:*,`)}1 FLAGS`, expects: /^(?:OK|BAD)/ },
    'SEARCH nested 50k': { text: `SEARCH ${'NOT '.repeat(50_000)}ALL`, expects: /^(?:BAD|NO|\* BYE)/ },
    'SEARCH nested as deep as fits': { text: `SEARCH ${'NOT '.repeat(15_000)}ALL`, expects: /^(?:BAD|NO)/ },
    'SEARCH in parentheses': { text: `SEARCH ${'('.repeat(30_000)}ALL${')'.repeat(30_000)}`, expects: /^(?:BAD|NO)/ },
    'SEARCH with many ORs': { text: `SEARCH ${'OR ALL '.repeat(8000)}ALL`, expects: /^(?:BAD|NO|OK)/ },
    'SEARCH of many keys': { text: `SEARCH ${'SUBJECT a BODY b '.repeat(3500)}ALL`, expects: /^(?:BAD|NO|OK)/ },
    'LIST of wild cards': { text: `LIST "" "${'*%'.repeat(15_000)}x"`, expects: /^(?:OK|BAD|NO)/ },
    'many FETCH items': { text: `FETCH 1:* (${'BODY[TEXT]<1.2> '.repeat(3500)}FLAGS)`, expects: /^(?:OK|BAD|NO)/ },
    'header fields without end': {
      text: `FETCH 1:* BODY[HEADER.FIELDS (${'x '.repeat(30_000)}y)]`,
      expects: /^(?:OK|BAD|NO)/,
    },
    'flags without end': { text: `STORE 1 FLAGS (${repeat(8000, (n) => `k${n} `)}z)`, expects: /^(?:BAD|NO)/ },
  }
  for (const [name, { text, expects }] of Object.entries(after)) {
    test(name, async (t) => {
      const stage = await openImapStage()
      try {
        await stage.fill(
          'INBOX',
          Array.from({ length: 20 }, () => 'From: a@b.test\r\nSubject: s\r\n\r\nbody\r\n'),
        )
        const client = await logIn(stage)
        await client.ask('SELECT INBOX')
        const probe = probeTurns()
        await pour(client.peer, `x ${text}\r\n`)
        client.peer.send('y LOGOUT\r\n')
        const said = (await client.peer.rest()).toString('latin1')
        judge(probe, text.length + said.length, t)
        const answer = said.split('\r\n').find((line) => /^(?:x |\* (?:BYE|BAD))/.test(line)) ?? ''
        assert.match(answer.replace(/^(?:x|\*(?= BAD)) /, ''), expects, answer)
      } finally {
        await stage.stop()
      }
    })
  }

  /** With `t`, turns are judged. @returns the lines of the answers */
  async function pipeline(letters: number, commands: readonly string[], t: TestContext | null): Promise<string[]> {
    const stage = await openImapStage()
    try {
      await stage.fill(
        'INBOX',
        Array.from({ length: letters }, () => 'From: a@b.test\r\nSubject: s\r\n\r\nbody\r\n'),
      )
      const client = await logIn(stage)
      await client.ask('SELECT INBOX')
      const probe = probeTurns()
      await nextTurn()
      await pour(client.peer, commands.map((command, n) => `p${n} ${command}\r\n`).join(''))
      const said = await client.until(`p${commands.length - 1} `)
      await nextTurn()
      probe.stop()
      t?.diagnostic(`${Math.round(probe.totalMs)} ms CPU, longest turn ${Math.round(probe.longestMs)} ms`)
      if (t !== null) judgeTurns(probe)
      return said
    } finally {
      await stage.stop()
    }
  }

  test('1000 pipelined commands are answered in order', async () => {
    const kinds = ['NOOP', 'FETCH 1 (FLAGS UID ENVELOPE)', 'SEARCH UNSEEN', 'STATUS INBOX (MESSAGES)']
    const commands = Array.from({ length: 1000 }, (_, n) => kinds[n % 4]!)
    const said = await pipeline(5, commands, null)
    const tags = said.filter((line) => line.startsWith('p')).map((line) => line.split(' ', 2).join(' '))
    assert.deepEqual(
      tags,
      commands.map((_, n) => `p${n} OK`),
    )
  })

  test('1000 pipelined searches leave others their turns', async (t) => {
    const commands = Array.from({ length: 1000 }, () => 'SEARCH SUBJECT x')
    await pipeline(50, commands, t)
  })
})

/** A mailbox of so many letters and a session in it. */
async function fillLarge(stage: ImapStage, lettersMin: number): Promise<Awaited<ReturnType<typeof logIn>>> {
  await stage.fill(
    'INBOX',
    Array.from({ length: 500 }, (_, n) => `From: a${n}@b.test\r\nSubject: letter ${n}\r\n\r\nbody\r\n`),
  )
  const client = await logIn(stage)
  for (let letters = 500; letters < lettersMin; letters *= 2) {
    await client.ask('SELECT INBOX')
    await client.ask('COPY 1:* INBOX')
  }
  return client
}

// Writes are the writer thread's; here it is this thread, so what others hear of them is measured.
suite('a large mailbox leaves others their turns', () => {
  const LETTERS_MIN = 16_000
  for (const command of [
    'FETCH 1:* (UID FLAGS)',
    'FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)',
    'UID SEARCH OR UNSEEN SUBJECT nowhere',
    'SEARCH OR FROM nobody TO nobody',
    'SORT (SUBJECT REVERSE DATE) UTF-8 ALL',
    'THREAD REFERENCES UTF-8 ALL',
  ])
    test(command, async (t) => {
      const stage = await openImapStage()
      try {
        const client = await fillLarge(stage, LETTERS_MIN)
        const probe = probeTurns()
        await nextTurn()
        await client.ask('SELECT INBOX')
        // Read whole: line by line the reader would be what takes long.
        client.peer.send(`x ${command}\r\ny LOGOUT\r\n`)
        const said = (await client.peer.rest()).toString('latin1')
        await nextTurn()
        probe.stop()
        assert.match(said, /^x OK /m)
        t.diagnostic(`${Math.round(probe.totalMs)} ms CPU, longest turn ${Math.round(probe.longestMs)} ms`)
        judgeTurns(probe)
      } finally {
        await stage.stop()
      }
    })

  for (const [name, commands, told] of [
    ['STORE 1:*', ['STORE 1:* +FLAGS.SILENT (\\Flagged)'], 'FETCH'],
    ['COPY 1:*', ['COPY 1:* INBOX'], 'EXISTS'],
    ['EXPUNGE', ['STORE 1:* +FLAGS.SILENT (\\Deleted)', 'EXPUNGE'], 'EXPUNGE'],
  ] as const)
    test(`${name} by another session, told`, async (t) => {
      const stage = await openImapStage()
      try {
        const writer = await fillLarge(stage, LETTERS_MIN)
        const reader = await logIn(stage)
        for (const client of [writer, reader]) await client.ask('SELECT INBOX')
        for (const command of commands) assert.match((await writer.ask(command)).at(-1)!, /^OK /)
        const probe = probeTurns()
        await nextTurn()
        reader.peer.send('x NOOP\r\ny LOGOUT\r\n')
        const said = (await reader.peer.rest()).toString('latin1')
        await nextTurn()
        probe.stop()
        assert.match(said, new RegExp(`^\\* \\d+ ${told}`, 'm'))
        assert.match(said, /^x OK /m)
        t.diagnostic(`${Math.round(probe.totalMs)} ms CPU, longest turn ${Math.round(probe.longestMs)} ms`)
        judgeTurns(probe)
      } finally {
        await stage.stop()
      }
    })
})
