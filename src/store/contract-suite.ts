/** What every backend is held to. `open` makes an empty store; `reopen` closes it and opens the same data again. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { BODY_IN_MEMORY_MAX_OCTETS, ENTRIES_PER_BATCH, KEYWORDS_PER_MAILBOX_MAX } from '../model/limits.ts'
import type { AccountId, MailboxId, MessageKey, ModSeq, QueueId } from '../model/ids.ts'
import type { Answer, QueueEntry } from '../model/queue.ts'
import { type ChangeNotice, type Command, type Store, StoreError } from './contract.ts'
import {
  accept,
  account,
  ALL,
  collect,
  CREDENTIAL,
  deliver,
  draft,
  mailboxId,
  NOW,
  range,
  relayTo,
  summaryOf,
  uid,
} from './testing/letters.ts'

export type Opened = { readonly store: Store; reopen(): Promise<Opened>; close(): Promise<void> }

const ANSWER: Answer = { code: 250, status: '2.0.0', text: 'ok', remote: 'mx.b.example' }

/** @param concurrency tests at once: worth it where opening a store takes long */
export function storeSuite(name: string, open: () => Promise<Opened>, { concurrency = 1 } = {}): void {
  const check = (what: string, body: (store: Store, opened: Opened) => Promise<void>): void => {
    test(what, async () => {
      const opened = await open()
      try {
        await body(opened.store, opened)
      } finally {
        await opened.close()
      }
    })
  }
  suite(name, { concurrency }, () => {
    directoryTests(check)
    intakeTests(check)
    flagTests(check)
    transferTests(check)
    mailboxTests(check)
    queueTests(check)
    changeTests(check)
    lifeTests(check)
  })
}

type Check = (what: string, body: (store: Store, opened: Opened) => Promise<void>) => void

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const entriesOf = (store: Store, accountId: AccountId, id: MailboxId) => collect(store.mail.entries(accountId, id, ALL))
const uidsOf = async (store: Store, accountId: AccountId, id: MailboxId) => [...(await store.mail.uids(accountId, id))]

async function info(store: Store, accountId: AccountId, id: MailboxId) {
  const found = await store.mail.mailbox(accountId, id)
  assert.ok(found !== null)
  return found
}

/** The counts a mailbox keeps are those its entries come to. */
async function countsHold(store: Store, accountId: AccountId): Promise<void> {
  let octets = 0
  let messages = 0
  for (const mailbox of await store.mail.mailboxes(accountId)) {
    const entries = await entriesOf(store, accountId, mailbox.mailboxId)
    const size = entries.reduce((sum, { sizeOctets }) => sum + sizeOctets, 0)
    assert.equal(mailbox.messages, entries.length)
    assert.equal(mailbox.sizeOctets, size)
    assert.equal(mailbox.unseen, entries.filter(({ flags }) => !flags.includes('\\Seen')).length)
    assert.equal(mailbox.deleted, entries.filter(({ flags }) => flags.includes('\\Deleted')).length)
    for (const entry of entries) {
      assert.ok(entry.uid < mailbox.uidNext)
      assert.ok(entry.modSeq <= mailbox.highestModSeq)
    }
    octets += size
    messages += entries.length
  }
  const found = await store.directory.account(accountId)
  assert.deepEqual([found?.usedOctets, found?.usedMessages], [octets, messages])
}

// Directory ------------------------------------------------------------------------------------------------------------

function directoryTests(check: Check): void {
  check('domains: add, list, catch-all, remove', async (store) => {
    assert.deepEqual(await store.run({ do: 'addDomain', name: 'b.example' }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'addDomain', name: 'b.example' }), { at: 'exists' })
    await store.run({ do: 'addDomain', name: 'a.example' })
    const target = { localPart: 'x', domain: 'a.example' }
    assert.deepEqual(await store.run({ do: 'setCatchAll', domain: 'b.example', target }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'setCatchAll', domain: 'c.example', target }), { at: 'not-found' })
    const [a, b] = await store.directory.domains()
    assert.deepEqual(
      [a, b],
      [
        { name: 'a.example', catchAll: null },
        { name: 'b.example', catchAll: target },
      ],
    )
    assert.deepEqual(await store.directory.domain('b.example'), b)
    assert.equal(await store.directory.domain('c.example'), null)
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'b.example' }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'b.example' }), { at: 'not-found' })
  })

  check('an address is unique over accounts and aliases, local part without case', async (store) => {
    const accountId = await account(store, 'Ann')
    const ANN = { localPart: 'aNN', domain: 'a.example' }
    const base = { credential: CREDENTIAL, quotaOctets: null, mailboxes: [], now: NOW }
    assert.deepEqual(await store.run({ do: 'addAccount', address: ANN, ...base }), { at: 'exists' })
    assert.deepEqual(await store.run({ do: 'addAlias', address: ANN, targets: [] }), { at: 'exists' })
    const team = { localPart: 'Info', domain: 'a.example' }
    assert.deepEqual(await store.run({ do: 'addAlias', address: team, targets: [ANN] }), { at: 'done' })
    const lower = { ...team, localPart: 'info' }
    assert.deepEqual(await store.run({ do: 'addAccount', address: lower, ...base }), { at: 'exists' })
    const elsewhere = { localPart: 'x', domain: 'no.example' }
    assert.deepEqual(await store.run({ do: 'addAccount', address: elsewhere, ...base }), { at: 'no-domain' })
    assert.deepEqual(await store.run({ do: 'addAlias', address: elsewhere, targets: [] }), { at: 'no-domain' })
    assert.equal((await store.directory.accountByAddress(ANN))?.accountId, accountId)
    assert.equal(await store.directory.accountByAddress(team), null)
    assert.deepEqual(await store.directory.alias(lower), { address: team, targets: [ANN] })
    assert.equal(await store.directory.alias(ANN), null)
    assert.equal((await store.directory.aliases()).length, 1)
    assert.deepEqual(await store.run({ do: 'removeDomain', name: 'a.example' }), { at: 'in-use' })
    assert.deepEqual(await store.run({ do: 'removeAlias', address: ANN }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'removeAlias', address: team }), { at: 'done' })
  })

  check('accounts: credential, quota, mailboxes of the start', async (store) => {
    const accountId = await account(store, 'ann', 1000)
    const credential = { phc: 'new', scram: { salt: 's', iterations: 4096, storedKey: 'a', serverKey: 'b' } }
    assert.deepEqual(await store.run({ do: 'setCredential', accountId, credential }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'setQuota', accountId, quotaOctets: 5 }), { at: 'done' })
    assert.deepEqual(await store.directory.account(accountId), {
      accountId,
      address: { localPart: 'ann', domain: 'a.example' },
      credential,
      quotaOctets: 5,
      usedOctets: 0,
      usedMessages: 0,
    })
    const mailboxes = await store.mail.mailboxes(accountId)
    assert.deepEqual(
      mailboxes.map(({ name, specialUse, subscribed, uidNext, messages }) => [
        name,
        specialUse,
        subscribed,
        uidNext,
        messages,
      ]),
      [
        ['INBOX', null, true, 1, 0],
        ['Sent', 'Sent', true, 1, 0],
      ],
    )
    const nobody = 999 as AccountId
    assert.deepEqual(await store.run({ do: 'setCredential', accountId: nobody, credential }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'setQuota', accountId: nobody, quotaOctets: 1 }), { at: 'not-found' })
    assert.deepEqual(await store.run({ do: 'removeAccount', accountId: nobody }), { at: 'not-found' })
  })

  check('a removed account takes its mail along; what others share stays', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    await accept(store, 'for both', {
      local: [ann, bob].map((accountId) => ({ accountId, mailbox: 'INBOX' as const, flags: [] })),
    })
    assert.deepEqual(await store.run({ do: 'removeAccount', accountId: ann }), { at: 'done' })
    assert.equal(await store.directory.account(ann), null)
    assert.deepEqual(await store.mail.mailboxes(ann), [])
    const [entry] = await entriesOf(store, bob, await mailboxId(store, bob))
    assert.ok(entry !== undefined)
    assert.equal(text(await store.mail.read(bob, entry.messageKey, 0, 100)), 'for both')
    const again = await account(store, 'ann')
    assert.ok(again > bob, 'an account id is never used again')
  })
}

// Intake ---------------------------------------------------------------------------------------------------------------

function intakeTests(check: Check): void {
  check('accept: local deliveries and queue entries of one message', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const outcome = await accept(store, 'Return-Path: <>\r\n\r\nhello', {
      local: [
        { accountId: ann, mailbox: 'Sent', flags: ['\\Seen', 'Work'] },
        { accountId: 999 as AccountId, mailbox: 'INBOX', flags: [] },
        { accountId: bob, mailbox: 'Junk', flags: [] }, // No such mailbox: the inbox.
      ],
      relay: [relayTo('b.example', { skipOctets: 17 }), relayTo('c.example')],
    })
    assert.ok(outcome.at === 'accepted')
    const annSent = await mailboxId(store, ann, 'Sent')
    const bobInbox = await mailboxId(store, bob)
    assert.deepEqual(outcome.local, [{ mailboxId: annSent, uid: 1 }, null, { mailboxId: bobInbox, uid: 1 }])
    assert.equal(outcome.queueIds.length, 2)
    const [stored] = await collect(store.mail.messages(ann, annSent, ALL))
    assert.ok(stored !== undefined)
    const { summary, ...entry } = stored
    assert.deepEqual(summary, summaryOf(24, 'Return-Path: <>\r\n\r\nhello'))
    assert.deepEqual(entry.flags, ['\\Seen', 'Work'])
    assert.deepEqual([entry.internalDate, entry.savedAt, entry.sizeOctets], [NOW, NOW, 24])
    const [first, second] = outcome.queueIds
    assert.equal(text(await store.queue.read(first!, 0, 100)), '\r\nhello')
    assert.equal(text(await store.queue.read(first!, 2, 4)), 'he')
    assert.equal((await store.queue.entry(first!))?.sizeOctets, 7)
    assert.equal((await store.queue.entry(second!))?.sizeOctets, 24)
    await countsHold(store, ann)
    await countsHold(store, bob)
  })

  check('accept: several deliveries to one account share the content', async (store) => {
    const ann = await account(store)
    const one = { accountId: ann, mailbox: 'INBOX' as const, flags: [] }
    await accept(store, 'twice', { local: [one, one] })
    const entries = await entriesOf(store, ann, await mailboxId(store, ann))
    assert.deepEqual(
      entries.map((entry) => entry.uid),
      [1, 2],
    )
    assert.equal(entries[0]?.messageKey, entries[1]?.messageKey)
    await countsHold(store, ann)
  })

  check('accept: over quota only when nobody has room', async (store) => {
    const full = await account(store, 'full', 3)
    const roomy = await account(store, 'roomy', 100)
    const to = (accountId: AccountId) => ({ accountId, mailbox: 'INBOX' as const, flags: [] })
    assert.deepEqual(await accept(store, 'four', { local: [to(full)] }), { at: 'over-quota' })
    assert.equal((await store.directory.account(full))?.usedMessages, 0)
    assert.equal((await accept(store, 'thr', { local: [to(full)] })).at, 'accepted')
    assert.equal((await accept(store, 'more', { local: [to(full), to(roomy)] })).at, 'accepted')
    assert.equal((await accept(store, 'more', { local: [to(full)], relay: [relayTo('b.example')] })).at, 'accepted')
    assert.equal((await store.directory.account(full))?.usedOctets, 11)
    await countsHold(store, full)
  })

  check('append: all or none, in order', async (store) => {
    const ann = await account(store, 'ann', 20)
    const inbox = await mailboxId(store, ann)
    const message = async (content: string, flags: string[] = []) => ({
      ...(await draft(store, content)),
      flags,
      internalDate: 5,
    })
    const base = { do: 'append', accountId: ann, mailboxId: inbox, now: NOW } as const
    const done = await store.run({ ...base, messages: [await message('one', ['\\Draft']), await message('two')] })
    assert.ok(done.at === 'done')
    assert.deepEqual(done.uids, [1, 2])
    const mailbox = await info(store, ann, inbox)
    assert.equal(done.uidValidity, mailbox.uidValidity)
    assert.equal(done.modSeq, mailbox.highestModSeq)
    const entries = await entriesOf(store, ann, inbox)
    assert.deepEqual(
      entries.map(({ internalDate, savedAt, flags, modSeq }) => [internalDate, savedAt, flags, modSeq]),
      [
        [5, NOW, ['\\Draft'], done.modSeq],
        [5, NOW, [], done.modSeq],
      ],
    )
    const tooMuch = await store.run({ ...base, messages: [await message('a'), await message('x'.repeat(14))] })
    assert.deepEqual(tooMuch, { at: 'over-quota' })
    const many = Array.from({ length: KEYWORDS_PER_MAILBOX_MAX + 1 }, (_, i) => `k${i}`)
    assert.deepEqual(await store.run({ ...base, messages: [await message('a', many)] }), { at: 'too-many-keywords' })
    const nowhere = await store.run({ ...base, mailboxId: 77 as MailboxId, messages: [await message('a')] })
    assert.deepEqual(nowhere, { at: 'not-found' })
    assert.deepEqual(await uidsOf(store, ann, inbox), [1, 2])
    await countsHold(store, ann)
  })

  for (const size of [0, 1, BODY_IN_MEMORY_MAX_OCTETS, BODY_IN_MEMORY_MAX_OCTETS + 1, 3 * BODY_IN_MEMORY_MAX_OCTETS]) {
    check(`a body of ${size} octets comes back as it was`, async (store, opened) => {
      const ann = await account(store)
      const bytes = Buffer.alloc(size, 'The quick brown fox. ')
      await deliver(store, ann, bytes)
      let now = store
      for (const restart of [false, true]) {
        if (restart) now = (await opened.reopen()).store
        const [entry] = await entriesOf(now, ann, await mailboxId(now, ann))
        assert.ok(entry !== undefined)
        const { messageKey } = entry
        assert.equal(entry.sizeOctets, size)
        assert.ok(bytes.equals(await now.mail.read(ann, messageKey, 0, size)))
        assert.ok(bytes.equals(await now.mail.read(ann, messageKey, 0, size + 10)))
        assert.ok(bytes.subarray(3, 9).equals(await now.mail.read(ann, messageKey, 3, 9)))
        const half = size >> 1
        const pieces = [await now.mail.read(ann, messageKey, 0, half), await now.mail.read(ann, messageKey, half, size)]
        assert.ok(bytes.equals(Buffer.concat(pieces)))
        assert.equal((await now.mail.read(ann, messageKey, size, size + 5)).length, 0)
      }
    })
  }

  check('a sink keeps a copy; abort and discard let go', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    const chunk = Buffer.from('abc')
    const sink = store.stage()
    await sink.write(chunk)
    chunk.fill('x')
    await sink.write(Buffer.from('def'))
    assert.equal(sink.sizeOctets, 6)
    const body = await sink.finish()
    const message = { body, summary: summaryOf(6), flags: [], internalDate: 0 }
    await store.run({ do: 'append', accountId: ann, mailboxId: inbox, messages: [message], now: NOW })
    const [entry] = await entriesOf(store, ann, inbox)
    assert.equal(text(await store.mail.read(ann, entry!.messageKey, 0, 6)), 'abcdef')
    await store.discard(body)
    const large = store.stage()
    await large.write(Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS))
    await large.abort()
    await large.abort()
    const unused = (await draft(store, Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS))).body
    await store.discard(unused)
    await store.discard(unused)
  })

  check('a sink given up while it writes leaves the others alone', async (store) => {
    const ann = await account(store)
    const large = Buffer.alloc(5 * BODY_IN_MEMORY_MAX_OCTETS, 'g')
    const sinks = Array.from({ length: 8 }, () => store.stage())
    const writes = Promise.allSettled(sinks.map((sink) => sink.write(large)))
    await Promise.all(sinks.filter((_, i) => i % 2 === 0).map((sink) => sink.abort()))
    for (const [i, { status }] of (await writes).entries()) {
      const sink = sinks[i]!
      assert.equal(status, i % 2 === 0 ? 'rejected' : 'fulfilled')
      if (status === 'rejected') continue
      const body = await sink.finish()
      const message = { body, summary: summaryOf(large.length), flags: [], internalDate: 0 }
      const at = { accountId: ann, mailboxId: await mailboxId(store, ann) }
      await store.run({ do: 'append', ...at, messages: [message], now: NOW })
    }
    for (const { messageKey } of await entriesOf(store, ann, await mailboxId(store, ann))) {
      assert.ok(large.equals(await store.mail.read(ann, messageKey, 0, large.length)))
    }
  })

  check('reading what is not there', async (store) => {
    const ann = await account(store)
    await assert.rejects(store.mail.read(ann, 7 as MessageKey, 0, 1), (error: unknown) => {
      return error instanceof StoreError && error.kind === 'damaged'
    })
    assert.deepEqual(await collect(store.mail.entries(ann, 9 as MailboxId, ALL)), [])
    assert.equal(await store.mail.mailbox(ann, 9 as MailboxId), null)
    assert.equal(await store.mail.mailboxByName(ann, 'Nope'), null)
  })

  check('long lists come whole, in order, in batches', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    const count = 2 * ENTRIES_PER_BATCH + 10
    const all = Array.from({ length: count }, (_, i) => i + 1)
    await Promise.all(all.map((i) => deliver(store, ann, `m${i}`)))
    assert.deepEqual(await uidsOf(store, ann, inbox), all)
    const batches: number[] = []
    const seen: number[] = []
    for await (const batch of store.mail.messages(ann, inbox, [range(2, 5), range(4, count), range(1)])) {
      batches.push(batch.length)
      for (const message of batch) seen.push(message.uid)
    }
    assert.deepEqual(seen, all)
    assert.ok(batches.length > 1 && batches.every((size) => size <= 2 * ENTRIES_PER_BATCH))
    const some = await collect(store.mail.entries(ann, inbox, [range(7), range(3, 4), range(count, 4_294_967_295)]))
    assert.deepEqual(
      some.map((entry) => entry.uid),
      [3, 4, 7, count],
    )
  })
}

// Flags ----------------------------------------------------------------------------------------------------------------

function flagTests(check: Check): void {
  type Flags = Extract<Command, { do: 'setFlags' }>
  async function mailboxOfFour(store: Store) {
    const accountId = await account(store)
    for (const content of ['a', 'b', 'c', 'd']) await deliver(store, accountId, content)
    const id = await mailboxId(store, accountId)
    const set = (change: Partial<Flags>) =>
      store.run({
        do: 'setFlags',
        accountId,
        mailboxId: id,
        uids: ALL,
        mode: 'add',
        flags: [],
        unchangedSince: null,
        ...change,
      })
    return { accountId, id, set }
  }

  check('setFlags: add, remove, replace; unchanged entries keep their modSeq', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const before = await info(store, accountId, id)
    const one = await set({ uids: [range(2, 3)], flags: ['\\Seen', 'Work'] })
    assert.ok(one.at === 'done' && one.modSeq !== null)
    assert.ok(one.modSeq > before.highestModSeq)
    assert.deepEqual(one.changed, [
      { uid: 2, flags: ['\\Seen', 'Work'] },
      { uid: 3, flags: ['\\Seen', 'Work'] },
    ])
    const two = await set({ uids: [range(1, 4)], flags: ['\\Seen'] })
    assert.ok(two.at === 'done' && two.modSeq !== null)
    assert.deepEqual(
      two.changed.map((entry) => entry.uid),
      [1, 4],
    )
    const entries = await entriesOf(store, accountId, id)
    assert.deepEqual(
      entries.map((entry) => entry.modSeq),
      [two.modSeq, one.modSeq, one.modSeq, two.modSeq],
    )
    const nothing = await set({ uids: [range(2)], flags: ['\\Seen', 'WORK'] })
    assert.deepEqual(nothing, { at: 'done', modSeq: null, changed: [], modified: [] })
    const three = await set({ uids: [range(3)], mode: 'remove', flags: ['work', 'unknown', '\\Flagged'] })
    assert.ok(three.at === 'done')
    assert.deepEqual(three.changed, [{ uid: 3, flags: ['\\Seen'] }])
    const four = await set({ uids: [range(2, 3)], mode: 'replace', flags: ['\\Deleted', 'b', 'a'] })
    assert.ok(four.at === 'done')
    assert.deepEqual(
      four.changed.map((entry) => entry.flags),
      [
        ['\\Deleted', 'b', 'a'],
        ['\\Deleted', 'b', 'a'],
      ],
    )
    const same = await set({ uids: [range(2, 3)], mode: 'replace', flags: ['A', 'B', '\\Deleted'] })
    assert.ok(same.at === 'done' && same.modSeq === null)
    const five = await set({ uids: [range(2)], mode: 'replace', flags: ['a'] })
    assert.ok(five.at === 'done')
    assert.deepEqual(five.changed, [{ uid: 2, flags: ['a'] }])
    await countsHold(store, accountId)
    assert.equal((await set({ mailboxId: 99 as MailboxId })).at, 'not-found')
  })

  check('setFlags: unchangedSince leaves alone and names what changed after it (RFC 7162 §3.1.3)', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const since = (await info(store, accountId, id)).highestModSeq
    await set({ uids: [range(2)], flags: ['\\Flagged'] })
    const outcome = await set({ uids: [range(1, 3)], flags: ['\\Seen'], unchangedSince: since })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(outcome.modified, [2])
    assert.deepEqual(
      outcome.changed.map((entry) => entry.uid),
      [1, 3],
    )
    const none = await set({ uids: [range(1, 3)], flags: ['\\Seen'], unchangedSince: 0 as ModSeq })
    assert.ok(none.at === 'done')
    assert.deepEqual([none.modified, none.changed], [[1, 2, 3], []])
    await countsHold(store, accountId)
  })

  check('keywords keep the case they were first stored with; a mailbox holds only so many', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    await set({ uids: [range(1)], flags: ['$Forwarded'] })
    const outcome = await set({ uids: [range(2)], flags: ['$FORWARDED', '$forwarded'] })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(outcome.changed, [{ uid: 2, flags: ['$Forwarded'] }])
    const more = Array.from({ length: KEYWORDS_PER_MAILBOX_MAX - 1 }, (_, i) => `k${i}`)
    assert.equal((await set({ uids: [range(3)], flags: more })).at, 'done')
    assert.equal((await store.mail.keywords(accountId, id)).length, KEYWORDS_PER_MAILBOX_MAX)
    assert.equal((await set({ uids: [range(4)], flags: ['last'] })).at, 'too-many-keywords')
    // What no message has any more makes room.
    await set({ uids: [range(3)], mode: 'remove', flags: ['k0'] })
    assert.equal((await set({ uids: [range(4)], flags: ['last'] })).at, 'done')
    assert.ok((await store.mail.keywords(accountId, id)).includes('last'))
  })

  check('changedSince gives what changed, and nothing else', async (store) => {
    const { accountId, id, set } = await mailboxOfFour(store)
    const since = (await info(store, accountId, id)).highestModSeq
    assert.deepEqual(await collect(store.mail.entries(accountId, id, ALL, { changedSince: since })), [])
    await set({ uids: [range(2), range(4)], flags: ['\\Seen'] })
    const uids = async (ranges: readonly ReturnType<typeof range>[]) => {
      const entries = await collect(store.mail.entries(accountId, id, ranges, { changedSince: since }))
      return entries.map((entry) => entry.uid)
    }
    assert.deepEqual(await uids(ALL), [2, 4])
    assert.deepEqual(await uids([range(1, 3)]), [2])
    const messages = await collect(store.mail.messages(accountId, id, ALL, { changedSince: since }))
    assert.deepEqual(
      messages.map((message) => message.summary.preview),
      ['b', 'd'],
    )
    const all = await collect(store.mail.entries(accountId, id, ALL, { changedSince: 0 as ModSeq }))
    assert.equal(all.length, 4)
  })
}

// Copy, move, expunge --------------------------------------------------------------------------------------------------

function transferTests(check: Check): void {
  async function two(store: Store, quotaOctets: number | null = null) {
    const accountId = await account(store, 'ann', quotaOctets)
    for (const content of ['one', 'two', 'three']) await deliver(store, accountId, content)
    const from = await mailboxId(store, accountId)
    const to = await mailboxId(store, accountId, 'Sent')
    return { accountId, from, to, now: NOW + 5 }
  }

  check('copy: flags, dates and content go along', async (store) => {
    const at = await two(store)
    const { accountId, from, to } = at
    const flags = ['\\Flagged', 'work']
    const base = { accountId, uids: [range(2)], mode: 'add', flags, unchangedSince: null } as const
    await store.run({ do: 'setFlags', mailboxId: from, ...base })
    // The target knows the keyword in another case: the first one stays.
    await store.run({
      do: 'append',
      accountId,
      mailboxId: to,
      messages: [{ ...(await draft(store, 'x')), flags: ['WORK'], internalDate: 0 }],
      now: NOW,
    })
    const outcome = await store.run({ do: 'copy', ...at, uids: [range(2, 3), range(3, 9)] })
    const { uidValidity } = await info(store, accountId, to)
    assert.deepEqual(outcome, { at: 'done', uidValidity, sources: [2, 3], uids: [2, 3] })
    const [source] = await collect(store.mail.entries(accountId, from, [range(2)]))
    const [copy] = await collect(store.mail.entries(accountId, to, [range(2)]))
    assert.ok(source !== undefined && copy !== undefined)
    assert.deepEqual(copy.flags, ['\\Flagged', 'WORK'])
    assert.equal(copy.messageKey, source.messageKey)
    assert.deepEqual([copy.internalDate, copy.savedAt], [source.internalDate, NOW + 5])
    await countsHold(store, accountId)
    const none = await store.run({ do: 'copy', ...at, uids: [range(50, 60)] })
    assert.deepEqual(none, { at: 'done', uidValidity, sources: [], uids: [] })
    assert.equal((await store.run({ do: 'copy', ...at, to: 99 as MailboxId, uids: ALL })).at, 'not-found')
  })

  check('copy: into the same mailbox, and the content outlives either', async (store) => {
    const at = await two(store)
    const { accountId, from } = at
    const outcome = await store.run({ do: 'copy', ...at, to: from, uids: ALL })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(
      [outcome.sources, outcome.uids],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    )
    const gone = await store.run({
      do: 'expunge',
      accountId,
      mailboxId: from,
      uids: [range(1, 3), range(5)],
      deletedOnly: false,
    })
    assert.ok(gone.at === 'done')
    assert.deepEqual(gone.uids, [1, 2, 3, 5])
    const entries = await entriesOf(store, accountId, from)
    assert.deepEqual(
      entries.map((entry) => entry.uid),
      [4, 6],
    )
    const bodies = await Promise.all(entries.map(({ messageKey }) => store.mail.read(accountId, messageKey, 0, 10)))
    assert.deepEqual(bodies.map(text), ['one', 'three'])
    await countsHold(store, accountId)
  })

  check('copy: over quota keeps nothing; move needs no room', async (store) => {
    const at = await two(store, 15)
    const { accountId, from, to } = at
    assert.deepEqual(await store.run({ do: 'copy', ...at, uids: ALL }), { at: 'over-quota' })
    assert.deepEqual(await uidsOf(store, accountId, to), [])
    assert.equal((await store.run({ do: 'move', ...at, uids: ALL })).at, 'done')
    assert.deepEqual(await uidsOf(store, accountId, from), [])
    await countsHold(store, accountId)
  })

  check('move: leaves tombstones, raises both mailboxes, gives new uids in the same one', async (store) => {
    const at = await two(store)
    const { accountId, from, to } = at
    const before = await info(store, accountId, from)
    const outcome = await store.run({ do: 'move', ...at, uids: [range(1), range(3)] })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(
      [outcome.sources, outcome.uids],
      [
        [1, 3],
        [1, 2],
      ],
    )
    assert.deepEqual(await uidsOf(store, accountId, from), [2])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, before.highestModSeq), [1, 3])
    const [left, right] = [await info(store, accountId, from), await info(store, accountId, to)]
    assert.ok(left.highestModSeq > before.highestModSeq && right.highestModSeq > before.highestModSeq)
    const again = await store.run({ do: 'move', ...at, to: from, uids: ALL })
    assert.ok(again.at === 'done')
    assert.deepEqual([again.sources, again.uids], [[2], [4]])
    const [entry] = await entriesOf(store, accountId, from)
    assert.equal(text(await store.mail.read(accountId, entry!.messageKey, 0, 9)), 'two')
    await countsHold(store, accountId)
  })

  check('expunge: only the deleted ones, or all; tombstones by modSeq', async (store) => {
    const { accountId, from } = await two(store)
    const start = (await info(store, accountId, from)).highestModSeq
    const deleted = { uids: [range(1), range(3)], mode: 'add', flags: ['\\Deleted'], unchangedSince: null } as const
    await store.run({ do: 'setFlags', accountId, mailboxId: from, ...deleted })
    const base = { do: 'expunge', accountId, mailboxId: from } as const
    const one = await store.run({ ...base, uids: [range(1, 2)], deletedOnly: true })
    assert.ok(one.at === 'done' && one.modSeq !== null)
    assert.deepEqual(one.uids, [1])
    const rest = await store.run({ ...base, uids: ALL, deletedOnly: true })
    assert.ok(rest.at === 'done')
    assert.deepEqual(rest.uids, [3])
    assert.deepEqual(await store.run({ ...base, uids: ALL, deletedOnly: true }), { at: 'done', modSeq: null, uids: [] })
    const three = await store.run({ ...base, uids: ALL, deletedOnly: false })
    assert.ok(three.at === 'done')
    assert.deepEqual(three.uids, [2])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, start), [1, 2, 3])
    assert.deepEqual(await store.mail.expungedSince(accountId, from, one.modSeq), [2, 3])
    assert.equal((await info(store, accountId, from)).uidNext, 4)
    assert.equal(
      (await store.run({ ...base, mailboxId: 9 as MailboxId, uids: ALL, deletedOnly: false })).at,
      'not-found',
    )
    await countsHold(store, accountId)
  })

  check('uids and modSeqs are never used again, also after a restart', async (store, opened) => {
    const { accountId, from } = await two(store)
    await store.run({ do: 'expunge', accountId, mailboxId: from, uids: ALL, deletedOnly: false })
    const before = await info(store, accountId, from)
    const { store: again } = await opened.reopen()
    assert.deepEqual(await info(again, accountId, from), before)
    assert.equal(await deliver(again, accountId, 'new'), uid(4))
    assert.ok((await info(again, accountId, from)).highestModSeq > before.highestModSeq)
  })
}

// Mailboxes ------------------------------------------------------------------------------------------------------------

function mailboxTests(check: Check): void {
  const names = async (store: Store, accountId: AccountId) =>
    (await store.mail.mailboxes(accountId)).map((mailbox) => mailbox.name)

  async function make(store: Store, accountId: AccountId, name: string): Promise<MailboxId> {
    const outcome = await store.run({ do: 'createMailbox', accountId, name, specialUse: null, now: NOW })
    assert.ok(outcome.at === 'done')
    return outcome.mailboxId
  }

  check('createMailbox: names and special uses are taken once', async (store) => {
    const accountId = await account(store)
    const create = (name: string, specialUse: 'Sent' | 'Trash' | null) =>
      store.run({ do: 'createMailbox', accountId, name, specialUse, now: NOW })
    const outcome = await create('Trash', 'Trash')
    assert.ok(outcome.at === 'done')
    assert.equal((await info(store, accountId, outcome.mailboxId)).specialUse, 'Trash')
    assert.equal((await info(store, accountId, outcome.mailboxId)).subscribed, false)
    assert.deepEqual(await create('Trash', null), { at: 'exists' })
    assert.deepEqual(await create('Outbox', 'Sent'), { at: 'special-use-taken' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'Trash'])
  })

  check('deleteMailbox: its mail goes; the name made anew has a new uidValidity', async (store) => {
    const accountId = await account(store)
    const id = await make(store, accountId, 'Old')
    const child = await make(store, accountId, 'Old/Child')
    await deliver(store, accountId, 'x')
    const from = await mailboxId(store, accountId)
    await store.run({ do: 'copy', accountId, from, to: id, uids: ALL, now: NOW })
    const old = await info(store, accountId, id)
    assert.deepEqual(await store.run({ do: 'deleteMailbox', accountId, mailboxId: id }), { at: 'done' })
    assert.deepEqual(await store.run({ do: 'deleteMailbox', accountId, mailboxId: id }), { at: 'not-found' })
    assert.ok((await store.mail.mailbox(accountId, child)) !== null)
    const anew = await info(store, accountId, await make(store, accountId, 'Old'))
    assert.ok(anew.uidValidity > old.uidValidity && anew.mailboxId !== old.mailboxId)
    assert.equal(anew.messages, 0)
    await countsHold(store, accountId)
  })

  check('renameMailbox: children go along, ids and mail stay', async (store) => {
    const accountId = await account(store)
    const id = await make(store, accountId, 'a')
    const child = await make(store, accountId, 'a/b/c')
    await make(store, accountId, 'ab')
    await make(store, accountId, 'a0')
    await store.run({ do: 'setSubscribed', accountId, name: 'a', subscribed: true })
    const rename = (name: string) => store.run({ do: 'renameMailbox', accountId, mailboxId: id, name, now: NOW })
    assert.deepEqual(await rename('x/y'), { at: 'done' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'a0', 'ab', 'x/y', 'x/y/b/c'])
    assert.equal((await info(store, accountId, child)).name, 'x/y/b/c')
    assert.equal((await info(store, accountId, id)).subscribed, true)
    assert.deepEqual(await rename('ab'), { at: 'exists' })
    await make(store, accountId, 'z/b/c')
    assert.deepEqual(await rename('z'), { at: 'exists' })
    assert.deepEqual(await rename('x/y/b'), { at: 'done' })
    assert.deepEqual(await names(store, accountId), ['INBOX', 'Sent', 'a0', 'ab', 'x/y/b', 'x/y/b/b/c', 'z/b/c'])
    const outcome = await store.run({ do: 'renameMailbox', accountId, mailboxId: 99 as MailboxId, name: 'q', now: NOW })
    assert.deepEqual(outcome, { at: 'not-found' })
  })

  check('renaming INBOX moves its messages and leaves it empty (RFC 9051 §6.3.6)', async (store) => {
    const accountId = await account(store)
    for (const content of ['one', 'two']) await deliver(store, accountId, content)
    const inbox = await mailboxId(store, accountId)
    const before = await info(store, accountId, inbox)
    const rename = { do: 'renameMailbox', accountId, mailboxId: inbox, now: NOW } as const
    assert.deepEqual(await store.run({ ...rename, name: 'Sent' }), { at: 'exists' })
    assert.deepEqual(await store.run({ ...rename, name: 'Old' }), { at: 'done' })
    const after = await info(store, accountId, inbox)
    assert.deepEqual([after.name, after.messages, after.uidNext], ['INBOX', 0, 3])
    assert.equal(after.uidValidity, before.uidValidity)
    assert.deepEqual(await store.mail.expungedSince(accountId, inbox, before.highestModSeq), [1, 2])
    const messages = await collect(store.mail.messages(accountId, await mailboxId(store, accountId, 'Old'), ALL))
    assert.deepEqual(
      messages.map((message) => message.summary.preview),
      ['one', 'two'],
    )
    await countsHold(store, accountId)
  })

  check('subscriptions are names, with or without a mailbox', async (store) => {
    const accountId = await account(store)
    const set = (name: string, subscribed: boolean) => store.run({ do: 'setSubscribed', accountId, name, subscribed })
    await set('Nowhere', true)
    await set('Nowhere', true)
    await set('Sent', false)
    assert.deepEqual(await store.mail.subscriptions(accountId), ['INBOX', 'Nowhere'])
    assert.equal((await store.mail.mailboxByName(accountId, 'Sent'))?.subscribed, false)
  })
}

// Queue ----------------------------------------------------------------------------------------------------------------

function queueTests(check: Check): void {
  const claim = (store: Store, more: Partial<Extract<Command, { do: 'claimDue' }>> = {}) =>
    store.run({
      do: 'claimDue',
      now: NOW,
      lease: 'me',
      leaseUntil: NOW + 100,
      limit: 100,
      perDestination: 100,
      except: [],
      ...more,
    })
  const destinations = (entries: readonly QueueEntry[]) => entries.map((entry) => entry.destination)
  const settle = (store: Store, queueId: QueueId, more: Partial<Extract<Command, { do: 'settle' }>> = {}) =>
    store.run({
      do: 'settle',
      queueId,
      lease: 'me',
      results: [],
      now: NOW + 10,
      nextAttemptAt: NOW + 50,
      attempted: true,
      delayNoticed: false,
      notices: [],
      ...more,
    })

  async function queued(store: Store, destination: string, more = {}): Promise<QueueId> {
    const outcome = await accept(store, `to ${destination}`, { relay: [relayTo(destination, more)] })
    assert.ok(outcome.at === 'accepted')
    return outcome.queueIds[0]!
  }

  check('claimDue: oldest first, within its limits, never what is leased', async (store) => {
    await queued(store, 'b.example', { nextAttemptAt: NOW - 1 })
    await queued(store, 'c.example', { nextAttemptAt: NOW - 3 })
    for (const at of [5, 4]) await queued(store, 'd.example', { nextAttemptAt: NOW - at })
    await queued(store, 'later.example', { nextAttemptAt: NOW + 20 })
    assert.equal(await store.queue.nextDueAt(), NOW - 5)
    const one = await claim(store, { limit: 2, perDestination: 1 })
    assert.deepEqual(destinations(one.entries), ['d.example', 'c.example'])
    const two = await claim(store, { except: ['d.example'] })
    assert.deepEqual(destinations(two.entries), ['b.example'])
    assert.deepEqual(destinations((await claim(store)).entries), ['d.example'])
    assert.deepEqual((await claim(store)).entries, [])
    assert.equal(await store.queue.nextDueAt(), NOW + 20)
    const late = await claim(store, { now: NOW + 100, leaseUntil: NOW + 200, lease: 'you' })
    assert.equal(late.entries.length, 5, 'leases end')
  })

  check('claimDue: a full destination does not hide those behind it', async (store) => {
    const many = Array.from({ length: 300 }, () => relayTo('dead.example', { nextAttemptAt: NOW - 9 }))
    await accept(store, 'x', { relay: [...many, relayTo('b.example')] })
    const { entries } = await claim(store, { limit: 10, perDestination: 3 })
    assert.deepEqual(destinations(entries), ['dead.example', 'dead.example', 'dead.example', 'b.example'])
    const next = await claim(store, { limit: 10, perDestination: 3, except: ['dead.example'] })
    assert.deepEqual(next.entries, [])
  })

  check('settle: each recipient for itself; gone when none waits', async (store) => {
    const recipients = ['x', 'y', 'z'].map((localPart) => ({ address: { localPart, domain: 'b.example' } }))
    const queueId = await queued(store, 'b.example', { recipients })
    const [entry] = (await claim(store)).entries
    assert.deepEqual(entry?.recipients[2], {
      address: { localPart: 'z', domain: 'b.example' },
      index: 2,
      state: { at: 'waiting' },
      lastAnswer: null,
    })
    const temporary = { ...ANSWER, code: 451, status: '4.0.0' }
    const results = [
      { index: 0, to: 'delivered', answer: ANSWER },
      { index: 2, to: 'waiting', answer: temporary },
    ] as const
    assert.deepEqual(await settle(store, queueId, { results, delayNoticed: true }), { at: 'done' })
    const after = await store.queue.entry(queueId)
    assert.ok(after !== null)
    assert.deepEqual(
      after.recipients.map(({ state, lastAnswer }) => [state.at, lastAnswer]),
      [
        ['delivered', null],
        ['waiting', null],
        ['waiting', temporary],
      ],
    )
    assert.deepEqual([after.attempts, after.nextAttemptAt, after.delayNoticeAt], [1, NOW + 50, NOW + 10])
    assert.deepEqual(await settle(store, queueId, { results }), { at: 'lease-lost' })
    await claim(store, { now: NOW + 50 })
    await settle(store, queueId, { results: [], attempted: false, nextAttemptAt: NOW + 60 })
    assert.equal((await store.queue.entry(queueId))?.attempts, 1)
    await claim(store, { now: NOW + 60 })
    const last = [0, 1, 2].map((index) => ({ index, to: 'failed' as const, answer: { ...ANSWER, code: 550 } }))
    await settle(store, queueId, { results: last })
    assert.equal(await store.queue.entry(queueId), null)
    assert.equal(await store.queue.nextDueAt(), null)
  })

  check('settle: notices are accepted with it, both or neither', async (store) => {
    const ann = await account(store)
    const queueId = await queued(store, 'b.example')
    await claim(store)
    const notice = async (content: string) => ({
      message: await draft(store, content),
      traceId: 'dsn' as never,
      acceptedAt: NOW,
      local: [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }],
      relay: [relayTo('c.example')],
    })
    const results = [{ index: 0, to: 'failed' as const, answer: ANSWER }]
    const lost = await settle(store, queueId, { lease: 'other', results, notices: [await notice('no')] })
    assert.deepEqual(lost, { at: 'lease-lost' })
    const inbox = await mailboxId(store, ann)
    assert.deepEqual(await uidsOf(store, ann, inbox), [])
    assert.deepEqual(await settle(store, queueId, { results, notices: [await notice('a dsn')] }), { at: 'done' })
    const [message] = await collect(store.mail.messages(ann, inbox, ALL))
    assert.equal(message?.summary.preview, 'a dsn')
    assert.deepEqual(destinations(await store.queue.list()), ['c.example'])
  })

  check('the operator: list, retry, remove', async (store) => {
    const b = await queued(store, 'b.example', { nextAttemptAt: NOW + 500 })
    const c = await queued(store, 'c.example', { nextAttemptAt: NOW + 500 })
    assert.deepEqual(
      (await store.queue.list()).map((entry) => entry.queueId),
      [b, c],
    )
    assert.deepEqual(
      (await store.queue.list({ destination: 'c.example' })).map((entry) => entry.queueId),
      [c],
    )
    assert.deepEqual(await store.run({ do: 'retryQueued', queueIds: [c, 99 as QueueId], now: NOW }), { queueIds: [c] })
    assert.equal(await store.queue.nextDueAt(), NOW)
    assert.deepEqual(await store.run({ do: 'retryQueued', queueIds: null, now: NOW }), { queueIds: [b, c] })
    await claim(store)
    assert.deepEqual(await store.run({ do: 'removeQueued', queueIds: [b, 99 as QueueId] }), { queueIds: [b] })
    assert.deepEqual(await settle(store, b), { at: 'lease-lost' })
    await assert.rejects(store.queue.read(b, 0, 1), StoreError)
  })

  check('releaseLeases: what a dead run held is due again, also after a restart', async (store, opened) => {
    const b = await queued(store, 'b.example')
    const c = await queued(store, 'c.example')
    await claim(store, { lease: 'one.1', limit: 1 })
    await claim(store, { lease: 'two.1' })
    const { store: again } = await opened.reopen()
    assert.deepEqual((await claim(again)).entries, [])
    assert.deepEqual(await again.run({ do: 'releaseLeases', prefix: 'one.' }), { queueIds: [b] })
    assert.deepEqual(destinations((await claim(again)).entries), ['b.example'])
    assert.equal((await again.queue.entry(c))?.destination, 'c.example')
  })

  check('a queued body outlives its sender’s account', async (store) => {
    const ann = await account(store)
    const local = [{ accountId: ann, mailbox: 'Sent' as const, flags: [] }]
    const outcome = await accept(store, 'letter', { local, relay: [relayTo('b.example')] })
    assert.ok(outcome.at === 'accepted')
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.equal(text(await store.queue.read(outcome.queueIds[0]!, 0, 10)), 'letter')
  })
}

// Changes --------------------------------------------------------------------------------------------------------------

function changeTests(check: Check): void {
  check('a notice is heard after the commit, and a reader then sees the change', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    const heard = Promise.withResolvers<ChangeNotice>()
    const end = store.changes.watchAccount(ann, heard.resolve)
    const delivered = deliver(store, ann, 'x')
    const notice = await heard.promise
    const mailbox = await info(store, ann, inbox)
    assert.deepEqual(notice, { kind: 'mailbox', accountId: ann, mailboxId: inbox, modSeq: mailbox.highestModSeq })
    assert.equal(mailbox.messages, 1)
    await delivered
    end()
  })

  check('each kind of change reaches who watches it, and nobody else', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob')
    const log: string[] = []
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))
    const ends = [
      store.changes.watchAccount(ann, (notice) => log.push(`ann ${notice.kind}`)),
      store.changes.watchAccount(bob, (notice) => log.push(`bob ${notice.kind}`)),
      store.changes.watchQueue(() => log.push('queue')),
      store.changes.watchDirectory(() => log.push('directory')),
    ]
    const hears = async (expected: string[], act: () => Promise<unknown>) => {
      log.length = 0
      await act()
      while (log.length < expected.length) await turn()
      assert.deepEqual(log.toSorted(), expected)
    }
    await turn()
    await hears(['ann mailbox'], () => deliver(store, ann, 'x'))
    await hears(['queue'], () => accept(store, 'x', { relay: [relayTo('b.example')] }))
    await hears(['bob mailbox-list'], () =>
      store.run({ do: 'createMailbox', accountId: bob, name: 'n', specialUse: null, now: NOW }),
    )
    await hears(['directory'], () => store.run({ do: 'addDomain', name: 'x.example' }))
    await hears(['ann account-removed', 'directory'], () => store.run({ do: 'removeAccount', accountId: ann }))
    for (const end of ends) end()
    log.length = 0
    await deliver(store, bob, 'x')
    await turn()
    assert.deepEqual(log, [])
  })
}

// Life -----------------------------------------------------------------------------------------------------------------

function lifeTests(check: Check): void {
  check('commands of one turn commit together, each for itself', async (store) => {
    const ann = await account(store, 'ann', 10)
    const outcomes = await Promise.all([
      accept(store, '12345678', { local: [{ accountId: ann, mailbox: 'INBOX', flags: [] }] }),
      store.run({ do: 'addDomain', name: 'a.example' }),
      store.run({ do: 'addDomain', name: 'z.example' }),
      // Ours: a mailbox that is no atom's. It fails alone.
      store
        .run({
          do: 'setFlags',
          accountId: ann,
          mailboxId: await mailboxId(store, ann),
          uids: ALL,
          mode: 'add',
          flags: ['no atom'],
          unchangedSince: null,
        })
        .then(
          () => 'kept',
          () => 'thrown',
        ),
    ])
    assert.deepEqual(
      outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.at)),
      ['accepted', 'exists', 'done', 'thrown'],
    )
    assert.equal((await store.directory.domains()).length, 2)
    await countsHold(store, ann)
  })

  check('close finishes what was given, then refuses', async (store, opened) => {
    const ann = await account(store)
    const pending = Promise.all(Array.from({ length: 20 }, (_, i) => deliver(store, ann, `m${i}`)))
    // The letters are staged in a few turns; then they are under way.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const { store: again } = await opened.reopen()
    await pending
    assert.equal((await uidsOf(again, ann, await mailboxId(again, ann))).length, 20)
    const closed = (error: unknown): boolean => error instanceof StoreError && error.kind === 'closed'
    await assert.rejects(store.run({ do: 'addDomain', name: 'q.example' }), closed)
    await assert.rejects(store.mail.mailboxes(ann), closed)
  })
}
