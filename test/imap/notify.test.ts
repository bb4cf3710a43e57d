/** What transcripts of NOTIFY cannot play: its limits, and a store that does not answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError, type ChangeNotice, type Mailboxes } from '../../src/core/contract.ts'
import type { MailboxId, ModSeq } from '../../src/model/ids.ts'
import { IMAP_NOTIFY_NAMES_MAX, IMAP_NOTIFY_PENDING_MAX } from '../../src/model/limits.ts'
import { settle } from '../transcript.ts'
import { logIn, openImapStage, type ImapStage } from './stage.ts'

async function withStage(run: (stage: ImapStage) => Promise<void>): Promise<void> {
  const stage = await openImapStage()
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

test('news of more mailboxes than there is room for: the client hears so, and nothing after it (RFC 5465 §5.8)', () =>
  withStage(async (stage) => {
    const hearers: ((notice: ChangeNotice) => void)[] = []
    const wrap = (handle: Mailboxes): Mailboxes => ({
      ...handle,
      watch(heard) {
        hearers.push(heard)
        return handle.watch(heard)
      },
    })
    const client = await logIn(stage, { wrap })
    await client.ask('NOTIFY SET (personal (MessageNew MessageExpunge))')
    const news = (count: number): void => {
      for (let id = 1; id <= count; id++) {
        const mailboxId = (1000 + id) as MailboxId
        hearers[0]!({ kind: 'mailbox', accountId: stage.anna.accountId, mailboxId, modSeq: 1 as ModSeq })
      }
    }
    news(IMAP_NOTIFY_PENDING_MAX)
    await settle()
    assert.equal(client.peer.unread().length, 0) // Mailboxes that are gone: nothing to tell.
    await stage.fill('Sent', ['Subject: one\r\n\r\n'])
    assert.match((await client.peer.line())!, /^\* STATUS Sent \(UIDNEXT 2 MESSAGES 1\)$/)
    news(IMAP_NOTIFY_PENDING_MAX + 1)
    assert.match((await client.peer.line())!, /^\* OK \[NOTIFICATIONOVERFLOW\] /)
    await stage.fill('Sent', ['Subject: two\r\n\r\n'])
    assert.deepEqual(await client.ask('NOOP'), ['OK Noop completed'])
  }))

test('NOTIFY names at most so many mailboxes', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    const names = (count: number): string => Array.from({ length: count }, (_, i) => `m${i}`).join(' ')
    const ask = (count: number): Promise<string[]> =>
      client.ask(`NOTIFY SET (mailboxes (${names(count)}) (MailboxName))`)
    assert.match((await ask(IMAP_NOTIFY_NAMES_MAX)).at(-1)!, /^OK /)
    assert.match((await ask(IMAP_NOTIFY_NAMES_MAX + 1)).at(-1)!, /^NO \[NOTIFICATIONOVERFLOW\] /)
  }))

test('a store that does not answer is asked again at the next news', () =>
  withStage(async (stage) => {
    let fails = false
    const wrap = (handle: Mailboxes): Mailboxes => ({
      ...handle,
      info: (mailboxId) => (fails ? Promise.reject(new StoreError('busy', 'test')) : handle.info(mailboxId)),
    })
    const client = await logIn(stage, { wrap })
    await client.ask('NOTIFY SET (personal (MessageNew MessageExpunge))')
    fails = true
    await stage.fill('Sent', ['Subject: one\r\n\r\n'])
    await settle()
    assert.equal(client.peer.unread().length, 0)
    fails = false
    await stage.fill('Drafts', ['Subject: one\r\n\r\n'])
    assert.match((await client.peer.line())!, /^\* STATUS Sent \(UIDNEXT 2 MESSAGES 1\)$/)
    assert.match((await client.peer.line())!, /^\* STATUS Drafts \(UIDNEXT 2 MESSAGES 1\)$/)
  }))

test('a selected mailbox that is deleted ends the session without a command; half a command holds news back', () =>
  withStage(async (stage) => {
    const client = await logIn(stage)
    await client.ask('CREATE Old')
    await client.ask('SELECT Old')
    await client.ask('NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))')
    client.peer.send('x NO')
    await settle()
    await stage.fill('Sent', ['Subject: one\r\n\r\n'])
    await settle()
    assert.equal(client.peer.unread().length, 0)
    client.peer.send('OP\r\n')
    assert.match((await client.peer.line())!, /^x OK /)
    assert.match((await client.peer.line())!, /^\* STATUS Sent /)
    const old = (await stage.mailboxes.find('Old'))!
    await stage.mailboxes.remove(old.mailboxId)
    assert.match((await client.peer.line())!, /^\* BYE Selected mailbox was deleted/)
    assert.equal(await client.peer.line(), null)
  }))
