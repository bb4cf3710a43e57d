import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAILBOX_DEPTH_MAX } from '../../model/limits.ts'
import type { MailboxEntry, UidRange } from '../../model/mailbox.ts'
import type { MailboxId, Uid } from '../../model/ids.ts'
import type { ChangeNotice, Mailboxes } from '../contract.ts'
import { openTestCore, type TestCore } from '../testing/test-core.ts'
import { openMailboxes } from './mailboxes.ts'

const ALL: readonly UidRange[] = [{ from: 1 as Uid, to: 4294967295 as Uid }]

async function open(core: TestCore, address = 'ann@here.test', quotaOctets?: number): Promise<Mailboxes> {
  return openMailboxes(await core.addAccount(address, quotaOctets), core)
}

const names = async (mailboxes: Mailboxes): Promise<string[]> => (await mailboxes.list()).map(({ name }) => name)

const idOf = async (mailboxes: Mailboxes, name: string): Promise<MailboxId> => (await mailboxes.find(name))!.mailboxId

async function entriesOf(mailboxes: Mailboxes, name: string): Promise<MailboxEntry[]> {
  const found: MailboxEntry[] = []
  for await (const batch of mailboxes.entries(await idOf(mailboxes, name), ALL)) found.push(...batch)
  return found
}

async function append(mailboxes: Mailboxes, name: string, content: string | Buffer) {
  const sink = mailboxes.open()
  await sink.write(Buffer.from(content as string, 'latin1'))
  const message = await sink.finish()
  if ('at' in message) return message
  const drafts = [{ message, flags: ['\\Seen'], internalDate: null }]
  return mailboxes.append(await idOf(mailboxes, name), drafts)
}

test('the inbox in any case; missing parents are made', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  assert.equal((await mailboxes.find('inbox'))?.name, 'INBOX')
  assert.equal((await mailboxes.create('inBox', null)).at, 'exists')
  assert.equal((await mailboxes.create('a/b/c', null)).at, 'done')
  assert.equal((await mailboxes.create('a/b', null)).at, 'exists')
  assert.equal((await mailboxes.create('Inbox/lists', null)).at, 'done')
  const all = await names(mailboxes)
  for (const name of ['INBOX', 'INBOX/lists', 'a', 'a/b', 'a/b/c']) assert.ok(all.includes(name), name)
})

test('a refused name leaves no parents behind', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  const before = await names(mailboxes)
  for (const name of [
    '',
    'x//y',
    'x/*',
    'x/a\0b',
    Array.from({ length: MAILBOX_DEPTH_MAX + 1 }, () => 'x').join('/'),
  ]) {
    assert.equal((await mailboxes.create(name, null)).at, 'bad-name', name)
  }
  assert.equal((await mailboxes.create('x/sent', 'Sent')).at, 'special-use-taken')
  assert.deepEqual(await names(mailboxes), before)
})

test('deleting: not INBOX; children stay', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  await mailboxes.create('a/b', null)
  assert.equal((await mailboxes.remove(await idOf(mailboxes, 'INBOX'))).at, 'bad-name')
  const a = await idOf(mailboxes, 'a')
  assert.equal((await mailboxes.remove(a)).at, 'done')
  assert.equal((await mailboxes.remove(a)).at, 'not-found')
  assert.equal(await mailboxes.find('a'), null)
  assert.equal((await mailboxes.find('a/b'))?.name, 'a/b')
  assert.equal((await mailboxes.create('a/b', null)).at, 'exists')
  assert.equal(await mailboxes.find('a'), null, 'a refused CREATE makes no parents')
})

test('renaming: children go along, parents are made, names stay good', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  await mailboxes.create('a/b', null)
  const a = await idOf(mailboxes, 'a')
  assert.equal((await mailboxes.rename(a, 'Sent')).at, 'exists')
  assert.equal((await mailboxes.rename(a, 'a')).at, 'exists')
  assert.equal((await mailboxes.rename(a, 'a/c')).at, 'bad-name', 'into itself')
  assert.equal((await mailboxes.rename(a, 'x//y')).at, 'bad-name')
  assert.equal(
    (await mailboxes.rename(a, Array.from({ length: MAILBOX_DEPTH_MAX }, () => 'x').join('/'))).at,
    'bad-name',
  )
  assert.equal(await mailboxes.find('x'), null)
  assert.equal((await mailboxes.rename(a, 'new/place')).at, 'done')
  const all = await names(mailboxes)
  for (const name of ['new', 'new/place', 'new/place/b']) assert.ok(all.includes(name), name)
  assert.ok(!all.includes('a') && !all.includes('a/b'))
})

test('renaming INBOX moves its messages and leaves it empty, its children stay (RFC 9051 §6.3.6)', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  await mailboxes.create('INBOX/sub', null)
  await append(mailboxes, 'INBOX', 'Subject: x\r\n\r\nbody')
  assert.equal((await mailboxes.rename(await idOf(mailboxes, 'INBOX'), 'INBOX/old')).at, 'done')
  assert.equal((await mailboxes.find('INBOX'))?.messages, 0)
  assert.equal((await mailboxes.find('INBOX/old'))?.messages, 1)
  assert.notEqual(await mailboxes.find('INBOX/sub'), null)
})

test('subscriptions are by name, with or without a mailbox', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  assert.equal((await mailboxes.setSubscribed('not there', true)).at, 'done')
  assert.equal((await mailboxes.setSubscribed('inbox', false)).at, 'done')
  assert.equal((await mailboxes.setSubscribed('a\0b', true)).at, 'bad-name')
  const subscribed = await mailboxes.subscriptions()
  assert.ok(subscribed.includes('not there'))
  assert.ok(!subscribed.includes('INBOX'))
})

test('a message: appended, read back octet by octet, flagged, copied, moved, expunged', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  const content = Buffer.from('Subject: \xff\xfe\r\nFrom: a@b.test\r\n\r\nbody\0\x80\r\n', 'latin1')
  const appended = await append(mailboxes, 'INBOX', content)
  assert.ok(appended.at === 'done')
  const [entry] = await entriesOf(mailboxes, 'INBOX')
  assert.deepEqual(entry?.flags, ['\\Seen'])
  assert.equal(entry.internalDate, core.clock.now())
  assert.equal(entry.sizeOctets, content.length)
  assert.deepEqual(Buffer.from(await mailboxes.read(entry.messageKey, 0, content.length)), content)
  assert.deepEqual(Buffer.from(await mailboxes.read(entry.messageKey, 9, 11)), content.subarray(9, 11))

  const [inbox, trash, archive] = await Promise.all(['INBOX', 'Trash', 'Archive'].map((name) => idOf(mailboxes, name)))
  const flagged = await mailboxes.setFlags(inbox!, {
    uids: ALL,
    mode: 'add',
    flags: ['\\Deleted'],
    unchangedSince: null,
  })
  assert.ok(flagged.at === 'done' && flagged.changed.length === 1)
  assert.equal((await mailboxes.copy(inbox!, ALL, archive!)).at, 'done')
  assert.equal((await mailboxes.move(archive!, ALL, trash!)).at, 'done')
  const expunged = await mailboxes.expunge(inbox!, ALL, { deletedOnly: true })
  assert.ok(expunged.at === 'done' && expunged.uids.length === 1)
  assert.deepEqual(
    (await mailboxes.list()).filter(({ messages }) => messages > 0).map(({ name }) => name),
    ['Trash'],
  )
  assert.equal((await mailboxes.expungedSince(inbox!, 0 as never)).length, 1)
  assert.deepEqual(await mailboxes.quota(), {
    usedOctets: content.length,
    limitOctets: null,
    messages: 1,
    limitMessages: null,
  })
})

test('a NUL in the header is refused, in the body it is kept (RFC 3516)', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core)
  assert.equal((await append(mailboxes, 'INBOX', 'Sub\0ject: x\r\n\r\nbody')).at, 'malformed')
  assert.equal((await append(mailboxes, 'INBOX', 'Subject: x\r\n\r\nbo\0dy')).at, 'done')
})

test('quota', async () => {
  await using core = await openTestCore()
  const mailboxes = await open(core, 'ann@here.test', 100)
  assert.equal((await append(mailboxes, 'INBOX', `A: b\r\n\r\n${'x'.repeat(91)}`)).at, 'done')
  assert.equal((await append(mailboxes, 'INBOX', 'A: b\r\n\r\n')).at, 'over-quota')
  assert.deepEqual(await mailboxes.quota(), { usedOctets: 99, limitOctets: 100, messages: 1, limitMessages: null })
})

test('an account sees and hears nothing of another (S27)', async () => {
  await using core = await openTestCore()
  const [ann, bob] = [await open(core, 'ann@here.test'), await open(core, 'bob@here.test')]
  const heard: ChangeNotice[] = []
  const end = bob.watch((notice) => heard.push(notice))
  const own: ChangeNotice[] = []
  const endOwn = ann.watch((notice) => own.push(notice))
  await ann.create('secret', null)
  await append(ann, 'secret', 'A: b\r\n\r\nx')
  const secret = await idOf(ann, 'secret')
  const [entry] = await entriesOf(ann, 'secret')
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(own.length > 0)
  assert.deepEqual(heard, [])
  end()
  endOwn()

  assert.equal(await bob.find('secret'), null)
  assert.equal(await bob.info(secret), null)
  assert.equal((await bob.uids(secret)).length, 0)
  assert.equal((await bob.expunge(secret, ALL, { deletedOnly: false })).at, 'not-found')
  assert.equal((await bob.remove(secret)).at, 'not-found')
  await assert.rejects(bob.read(entry!.messageKey, 0, 1))
  assert.equal((await entriesOf(ann, 'secret')).length, 1)
})
