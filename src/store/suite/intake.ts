/** `accept`, `append`, bodies and the reading of them. */
import assert from 'node:assert/strict'
import {
  BODY_FRONT_MAX_OCTETS,
  BODY_IN_MEMORY_MAX_OCTETS,
  ENTRIES_PER_BATCH,
  KEYWORDS_PER_MAILBOX_MAX,
} from '../../model/limits.ts'
import type { AccountId, MailboxId, MessageKey, TraceId } from '../../model/ids.ts'
import { StoreError } from '../contract.ts'
import {
  accept,
  account,
  ALL,
  collect,
  deliver,
  draft,
  mailboxId,
  NOW,
  range,
  relayTo,
  summaryOf,
} from '../testing/letters.ts'
import { type Check, text, entriesOf, uidsOf, info, countsHold } from './shared.ts'

export function intakeTests(check: Check): void {
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

  check('accept: into a mailbox by its id; one that is gone means the inbox', async (store) => {
    const ann = await account(store, 'ann')
    const sent = await mailboxId(store, ann, 'Sent')
    const to = (id: MailboxId) => ({ accountId: ann, mailbox: { mailboxId: id }, flags: [] })
    const outcome = await accept(store, 'a letter', { local: [to(sent), to(999 as MailboxId)] })
    assert.ok(outcome.at === 'accepted')
    assert.deepEqual(
      outcome.local.map((place) => place?.mailboxId),
      [sent, await mailboxId(store, ann)],
    )
  })

  check('accept: what comes of a message is kept with it or not at all', async (store) => {
    const ann = await account(store, 'ann')
    const bob = await account(store, 'bob', 10)
    const local = [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }]
    const further = async (content: string) => [
      { message: await draft(store, content), traceId: 'trace' as TraceId, acceptedAt: NOW, local, relay: [] },
      {
        message: await draft(store, content.repeat(BODY_IN_MEMORY_MAX_OCTETS)),
        traceId: 'trace' as TraceId,
        acceptedAt: NOW,
        local: [],
        relay: [relayTo('b.example')],
      },
    ]
    const remember = [{ accountId: ann, what: 'vacation' as const, key: 'zoe', until: NOW + 10 }]
    const held = [{ accountId: bob, mailbox: 'INBOX' as const, flags: [] }]
    const refused = await accept(store, 'more than bob has room for', {
      local: held,
      further: await further('x'),
      remember,
    })
    assert.equal(refused.at, 'over-quota')
    assert.deepEqual(await store.queue.list(), [])
    assert.equal(await store.filters.isRemembered(remember[0]!, NOW), false)

    const done = await accept(store, 'nobody has it', { further: await further('y'), remember })
    assert.equal(done.at, 'accepted')
    const entries = await entriesOf(store, ann, await mailboxId(store, ann))
    assert.deepEqual(
      await Promise.all(entries.map(({ messageKey }) => store.mail.read(ann, messageKey, 0, 9).then(text))),
      ['y'],
    )
    const [queued] = await store.queue.list()
    assert.equal(queued?.sizeOctets, BODY_IN_MEMORY_MAX_OCTETS)
    assert.equal(await store.filters.isRemembered(remember[0]!, NOW + 9), true)
    assert.equal(await store.filters.isRemembered(remember[0]!, NOW + 10), false)
    assert.equal(await store.filters.isRemembered({ ...remember[0]!, accountId: bob }, NOW), false)
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.equal(await store.filters.isRemembered(remember[0]!, NOW), false)
  })

  check('a staged body can be read before it is kept', async (store) => {
    for (const octets of [0, 1000, BODY_IN_MEMORY_MAX_OCTETS + 1000]) {
      const bytes = Buffer.from(Array.from({ length: octets }, (_, i) => i % 251))
      const { body } = await draft(store, bytes)
      assert.deepEqual(Buffer.from(await store.readStaged(body, 0, octets)), bytes)
      if (octets > 20) assert.deepEqual(Buffer.from(await store.readStaged(body, 10, 20)), bytes.subarray(10, 20))
      if (octets > 5)
        assert.deepEqual(Buffer.from(await store.readStaged(body, octets - 5, octets + 100)), bytes.subarray(-5))
      await store.discard(body)
    }
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

  check('append: one message goes as another comes; only the difference counts (RFC 8508)', async (store) => {
    const ann = await account(store, 'ann', 20)
    const bob = await account(store, 'bob', 5)
    const inbox = await mailboxId(store, ann)
    const sent = await mailboxId(store, ann, 'Sent')
    for (const content of ['0123456789', 'abcde']) await deliver(store, ann, content)
    const base = { do: 'append', accountId: ann, mailboxId: inbox, now: NOW } as const
    const message = async (content: string, flags: string[] = []) => [
      { ...(await draft(store, content)), flags, internalDate: 5 },
    ]
    const at = (uid: number, mailbox = inbox) => ({ accountId: ann, mailboxId: mailbox, uid: range(uid).from })
    const before = (await info(store, ann, inbox)).highestModSeq

    // 15 of 20 are used: 12 for 10 fits, 16 for 10 does not.
    const tooMuch = await store.run({ ...base, messages: await message('x'.repeat(16)), replaces: at(1) })
    assert.deepEqual(tooMuch, { at: 'over-quota' })
    assert.deepEqual(await uidsOf(store, ann, inbox), [1, 2])
    const done = await store.run({ ...base, messages: await message('twelve twelv', ['\\Draft']), replaces: at(1) })
    assert.ok(done.at === 'done')
    assert.deepEqual(done.uids, [3])
    assert.deepEqual(await uidsOf(store, ann, inbox), [2, 3])
    assert.deepEqual(await store.mail.expungedSince(ann, inbox, before), [1])
    assert.equal((await info(store, ann, inbox)).highestModSeq, done.modSeq)
    await countsHold(store, ann)

    // It comes to another mailbox, and takes nothing of the old one over.
    const draftNow = (await info(store, ann, inbox)).highestModSeq
    const moved = await store.run({ ...base, mailboxId: sent, messages: await message('sent'), replaces: at(3) })
    assert.ok(moved.at === 'done')
    assert.deepEqual([await uidsOf(store, ann, inbox), await uidsOf(store, ann, sent)], [[2], [1]])
    assert.deepEqual(await store.mail.expungedSince(ann, inbox, draftNow), [3])
    assert.deepEqual((await entriesOf(store, ann, sent))[0]?.flags, [])
    assert.ok((await info(store, ann, inbox)).highestModSeq > draftNow)

    // Gone, in this account or in no mailbox at all: nothing comes either.
    for (const replaces of [at(3), at(9), at(1, 99 as MailboxId)]) {
      assert.deepEqual(await store.run({ ...base, messages: await message('a'), replaces }), { at: 'gone' })
    }
    assert.deepEqual(await uidsOf(store, ann, inbox), [2])

    // From another account: each counts its own.
    const bobs = await mailboxId(store, bob)
    const give = { ...base, accountId: bob, mailboxId: bobs }
    const noRoom = await store.run({ ...give, messages: await message('123456'), replaces: at(2) })
    assert.deepEqual(noRoom, { at: 'over-quota' })
    assert.equal((await store.run({ ...give, messages: await message('12345'), replaces: at(2) })).at, 'done')
    assert.deepEqual([await uidsOf(store, ann, inbox), await uidsOf(store, bob, bobs)], [[], [1]])
    // Over quota already: as much again still fits.
    await store.run({ do: 'setQuota', accountId: bob, quotaOctets: 2, quotaMessages: null })
    const mine = { accountId: bob, mailboxId: bobs, uid: range(1).from }
    assert.equal((await store.run({ ...give, messages: await message('1234'), replaces: mine })).at, 'done')
    await countsHold(store, ann)
    await countsHold(store, bob)
  })

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

  check('what comes in front at the end is read first, of small and of large bodies', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    const fronts = ['', 'f', 'x'.repeat(BODY_FRONT_MAX_OCTETS)]
    const sizes = [0, 10, BODY_IN_MEMORY_MAX_OCTETS, BODY_IN_MEMORY_MAX_OCTETS + 1, 3 * BODY_IN_MEMORY_MAX_OCTETS]
    const wanted: string[] = []
    for (const front of fronts) {
      for (const size of sizes) {
        const content = Buffer.alloc(size, `${size}.`)
        const sink = store.stage()
        await sink.write(content)
        const body = await sink.finish(Buffer.from(front))
        const whole = front + content.toString('latin1')
        assert.equal(text(await store.readStaged(body, 0, whole.length)), whole)
        assert.equal(text(await store.readStaged(body, 1, 4)), whole.slice(1, 4))
        const message = { body, summary: summaryOf(whole.length), flags: [], internalDate: 0 }
        await store.run({ do: 'append', accountId: ann, mailboxId: inbox, messages: [message], now: NOW })
        wanted.push(whole)
      }
    }
    for (const [index, entry] of (await entriesOf(store, ann, inbox)).entries()) {
      assert.equal(text(await store.mail.read(ann, entry.messageKey, 0, wanted[index]!.length)), wanted[index])
    }
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
