/** COMPRESS, CATENATE, REPLACE and URLAUTH where transcripts do not reach: limits, order, a store that fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError, type Mailboxes } from '../../src/core/contract.ts'
import {
  IMAP_CATENATE_PARTS_MAX,
  IMAP_PREVIEW_MAX_CHARACTERS,
  IMAP_URL_MAX_OCTETS,
  IMAP_URLS_PER_COMMAND_MAX,
  PREVIEW_MAX_CHARACTERS,
} from '../../src/model/limits.ts'
import { logIn, openImapStage, type ImapStage } from './stage.ts'

async function withStage(run: (stage: ImapStage) => Promise<void>): Promise<void> {
  const stage = await openImapStage()
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

const LETTER = 'Subject: one\r\n\r\nwords\r\n'

test('COMPRESS: not offered where it is active, and nothing may stand behind it (RFC 4978 §3)', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    const offered = async (): Promise<boolean> => (await client.ask('CAPABILITY'))[0]!.includes(' COMPRESS=DEFLATE ')
    assert.equal(await offered(), true)
    client.peer.send('x COMPRESS DEFLATE\r\ny NOOP\r\n')
    assert.match((await client.until('x ')).at(-1)!, /^x BAD /)
    assert.match((await client.until('y ')).at(-1)!, /^y OK /)
    assert.equal(await offered(), true)
    assert.deepEqual(await client.ask('COMPRESS DEFLATE'), ['OK DEFLATE active'])
    assert.equal(await offered(), false)
  }))

test('CATENATE: so many parts, so long a URL, also in a literal', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', [LETTER])
    const client = await logIn(stage)
    const url = '/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=0.1'
    const many = (count: number): string => Array.from({ length: count }, () => `URL "${url}"`).join(' ')
    const append = (parts: string): Promise<string[]> => client.ask(`APPEND Drafts CATENATE (${parts})`)
    assert.match((await append(many(IMAP_CATENATE_PARTS_MAX))).at(-1)!, /^OK \[APPENDUID \d+ 1\]/)
    assert.match((await append(many(IMAP_CATENATE_PARTS_MAX + 1))).at(-1)!, /^NO \[LIMIT\] /)
    const long = (octets: number): string => `/${'x'.repeat(octets - '/x/;UID=1'.length + 1)}/;UID=1`
    assert.equal(long(IMAP_URL_MAX_OCTETS).length, IMAP_URL_MAX_OCTETS)
    assert.match((await append(`URL "${long(IMAP_URL_MAX_OCTETS)}"`)).at(-1)!, /^NO \[BADURL \/x/)
    const over = long(IMAP_URL_MAX_OCTETS + 1)
    assert.match((await append(`URL "${over}"`)).at(-1)!, /^NO \[BADURL \/x/)
    assert.match((await append(`URL {${over.length}+}\r\n${over}`)).at(-1)!, /^NO \[LIMIT\] /)
    assert.match((await append(`URL "${url}"`)).at(-1)!, /^OK \[APPENDUID \d+ 2\]/)
  }))

test('URLAUTH: so many URLs, so long a URL', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    const urls = (count: number): string => Array.from({ length: count }, () => 'imap://x').join(' ')
    const fetched = await client.ask(`URLFETCH ${urls(IMAP_URLS_PER_COMMAND_MAX)}`)
    assert.equal(fetched.filter((line) => line === '* URLFETCH imap://x NIL').length, IMAP_URLS_PER_COMMAND_MAX)
    assert.match((await client.ask(`URLFETCH ${urls(IMAP_URLS_PER_COMMAND_MAX + 1)}`)).at(-1)!, /^NO \[LIMIT\] /)
    const long = (octets: number): string => `"${'x'.repeat(octets)}"`
    assert.match((await client.ask(`URLFETCH ${long(IMAP_URL_MAX_OCTETS)}`)).at(-1)!, /^OK /)
    assert.match((await client.ask(`URLFETCH ${long(IMAP_URL_MAX_OCTETS + 1)}`)).at(-1)!, /^NO \[LIMIT\] /)
  }))

test('PREVIEW tells no more than RFC 8970 §3.3 allows', () => {
  assert.ok(IMAP_PREVIEW_MAX_CHARACTERS <= 200 && PREVIEW_MAX_CHARACTERS <= 256)
})

test('R6: a store that fails in the middle of CATENATE or REPLACE: nothing is kept, nothing is gone, and the next goes', () =>
  withStage(async (stage) => {
    await stage.fill('INBOX', [LETTER])
    let fails: 'read' | 'replace' | null = null
    const wrap = (handle: Mailboxes): Mailboxes => ({
      ...handle,
      read: (...asked) => (fails === 'read' ? Promise.reject(new StoreError('busy', 'test')) : handle.read(...asked)),
      replace: (...asked) =>
        fails === 'replace' ? Promise.reject(new StoreError('no-space', 'test')) : handle.replace(...asked),
    })
    const client = await logIn(stage, { wrap })
    await client.ask('SELECT INBOX')
    fails = 'read'
    const cut = await client.ask('APPEND INBOX CATENATE (TEXT {2+}\r\nA: URL "/INBOX/;UID=1" TEXT {2+}\r\n\r\n)')
    assert.match(cut.at(-1)!, /^NO \[UNAVAILABLE\] /)
    fails = 'replace'
    assert.match((await client.ask('REPLACE 1 INBOX {8+}\r\nA: b\r\n\r\n')).at(-1)!, /^NO \[UNAVAILABLE\] /)
    fails = null
    const replaced = await client.ask('UID REPLACE 1 INBOX {8+}\r\nA: b\r\n\r\n')
    assert.match(replaced[0]!, /^\* OK \[APPENDUID \d+ 2\]/)
    assert.deepEqual(replaced.slice(1), ['* 1 EXPUNGE', '* 1 EXISTS', 'OK Replace completed'])
  }))
