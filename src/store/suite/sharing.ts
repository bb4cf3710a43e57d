/** Rights of others (RFC 4314), annotations (RFC 5464), letters that go from one account to another, their ids (RFC 8474). */
import assert from 'node:assert/strict'
import {
  ANNOTATIONS_PER_ACCOUNT_MAX,
  ANNOTATIONS_PER_MAILBOX_MAX,
  RIGHTS_PER_ACCOUNT_MAX,
  RIGHTS_PER_MAILBOX_MAX,
} from '../../model/limits.ts'
import type { AccountId, MailboxId, Uid } from '../../model/ids.ts'
import { printRights, type Right } from '../../model/rights.ts'
import type { ChangeNotice, Grantee, Store, StoreFlagsMode } from '../contract.ts'
import { account, accept, ALL, collect, CREDENTIAL, deliver, draft, mailboxId, NOW, range } from '../testing/letters.ts'
import { type Check, countsHold, entriesOf, info } from './shared.ts'

const letters = (text: string): Right[] => [...text] as Right[]

export function sharingTests(check: Check): void {
  const give = async (
    store: Store,
    to: { accountId: AccountId; mailboxId: MailboxId; grantee: Grantee },
    rights: string,
    mode: StoreFlagsMode = 'replace',
  ) => (await store.run({ do: 'setRights', ...to, mode, rights: letters(rights) })).at

  const granted = async (store: Store, accountId: AccountId) =>
    (await store.mail.grantsTo(accountId)).map(
      ({ owner, mailboxId: id, rights }) => `${owner.address.localPart}/${id} ${printRights(rights)}`,
    )

  check('setRights: given, added to, taken away; told by the account and by the mailbox', async (store) => {
    const [ann, bob, cid] = [await account(store), await account(store, 'bob'), await account(store, 'cid')]
    const inbox = await mailboxId(store, ann)
    const to = { accountId: ann, mailboxId: inbox, grantee: bob }
    assert.equal(await give(store, to, 'rl'), 'done')
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lr`])
    assert.equal(await give(store, to, 'iws', 'add'), 'done')
    assert.equal(await give(store, to, 'wx', 'remove'), 'done')
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lrsi`])
    assert.equal(await give(store, { ...to, grantee: 'anyone' }, 'lp'), 'done')
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lrsip`])
    assert.deepEqual(await granted(store, cid), [`ann/${inbox} lp`])
    assert.deepEqual(await granted(store, ann), [])
    assert.deepEqual(
      (await store.mail.rights(ann, inbox)).map(({ grantee, rights }) => [
        grantee === 'anyone' ? grantee : grantee.accountId,
        printRights(rights),
      ]),
      [
        [bob, 'lrsi'],
        ['anyone', 'lp'],
      ],
    )
    assert.equal((await store.mail.grantTo(bob, ann, inbox))?.rights.has('p'), true)
    assert.equal(await store.mail.grantTo(bob, ann, await mailboxId(store, ann, 'Sent')), null)
    assert.equal(await give(store, to, ''), 'done')
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lp`])
    assert.equal(await give(store, { ...to, grantee: 'anyone' }, 'lp', 'remove'), 'done')
    assert.deepEqual(await granted(store, bob), [])
    assert.deepEqual(await store.mail.rights(ann, inbox), [])
    assert.equal(await give(store, { ...to, grantee: 99 as AccountId }, 'l'), 'not-found')
    assert.equal(await give(store, { ...to, mailboxId: 99 as MailboxId }, 'l'), 'not-found')
  })

  check('anyone is every account of the owner’s domain, and of no other', async (store) => {
    const ann = await account(store)
    await store.run({ do: 'addDomain', name: 'b.example' })
    const added = await store.run({
      do: 'addAccount',
      address: { localPart: 'zoe', domain: 'b.example' },
      credential: CREDENTIAL,
      quotaOctets: null,
      mailboxes: [],
      now: NOW,
    })
    assert.ok(added.at === 'done')
    const inbox = await mailboxId(store, ann)
    await give(store, { accountId: ann, mailboxId: inbox, grantee: 'anyone' }, 'lr')
    assert.deepEqual(await granted(store, added.accountId), [])
    assert.equal(await store.mail.grantTo(added.accountId, ann, inbox), null)
    assert.deepEqual(await granted(store, await account(store, 'bob')), [`ann/${inbox} lr`])
  })

  check('rights go with the mailbox, with the owner and with whom they were given to', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob')]
    const sent = await mailboxId(store, ann, 'Sent')
    const inbox = await mailboxId(store, ann)
    for (const id of [sent, inbox]) await give(store, { accountId: ann, mailboxId: id, grantee: bob }, 'lr')
    const below = { do: 'createMailbox', accountId: ann, specialUse: null, now: NOW } as const
    const child = await store.run({ ...below, name: 'Sent/More', rightsOf: sent })
    const plain = await store.run({ ...below, name: 'Plain' })
    assert.ok(child.at === 'done' && plain.at === 'done')
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lr`, `ann/${sent} lr`, `ann/${child.mailboxId} lr`])
    await store.run({ do: 'deleteMailbox', accountId: ann, mailboxId: sent })
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lr`, `ann/${child.mailboxId} lr`])
    await store.run({ do: 'renameMailbox', accountId: ann, mailboxId: child.mailboxId, name: 'Else', now: NOW })
    assert.deepEqual(await granted(store, bob), [`ann/${inbox} lr`, `ann/${child.mailboxId} lr`])
    await store.run({ do: 'removeAccount', accountId: bob })
    assert.deepEqual(await store.mail.rights(ann, inbox), [])
    const again = await account(store, 'bob')
    assert.deepEqual(await granted(store, again), [], 'another bob gets nothing')
    await give(store, { accountId: ann, mailboxId: inbox, grantee: again }, 'lr')
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.deepEqual(await granted(store, again), [])
  })

  check('a mailbox and an account have only so many with rights', async (store) => {
    const ann = await account(store)
    const boxes = Math.ceil(RIGHTS_PER_ACCOUNT_MAX / RIGHTS_PER_MAILBOX_MAX)
    const others: AccountId[] = []
    for (let i = 0; i <= RIGHTS_PER_MAILBOX_MAX; i++) others.push(await account(store, `other${i}`))
    const inbox = await mailboxId(store, ann)
    const giveAll = (id: MailboxId) =>
      Promise.all(others.map((grantee) => give(store, { accountId: ann, mailboxId: id, grantee }, 'l')))
    const outcomes = await giveAll(inbox)
    assert.deepEqual([...new Set(outcomes.slice(0, -1))], ['done'])
    assert.equal(outcomes.at(-1), 'too-many')
    for (let i = 1; i < boxes; i++) {
      const made = await store.run({ do: 'createMailbox', accountId: ann, name: `b${i}`, specialUse: null, now: NOW })
      assert.ok(made.at === 'done')
      await giveAll(made.mailboxId)
    }
    const sent = { accountId: ann, mailboxId: await mailboxId(store, ann, 'Sent') }
    assert.equal(await give(store, { ...sent, grantee: others[0]! }, 'l'), 'too-many')
    assert.equal(await give(store, { accountId: ann, mailboxId: inbox, grantee: others[0]! }, 'r', 'add'), 'done')
  })

  const annotate =
    (store: Store, at: { accountId: AccountId; mailboxId: MailboxId | null; reader: AccountId }) =>
    async (entries: Readonly<Record<string, string | null>>) =>
      (
        await store.run({
          do: 'setAnnotations',
          ...at,
          changes: Object.entries(entries).map(([entry, value]) => ({
            entry,
            value: value === null ? null : Buffer.from(value),
          })),
        })
      ).at
  const seen = async (store: Store, accountId: AccountId, id: MailboxId | null, reader: AccountId) =>
    Object.fromEntries(
      (await store.mail.annotations(accountId, id, reader)).map(({ entry, value }) => [
        entry,
        Buffer.from(value).toString('latin1'),
      ]),
    )

  check('setAnnotations: shared ones for all, private ones each his own; they follow the mailbox', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob')]
    const sent = await mailboxId(store, ann, 'Sent')
    const asAnn = annotate(store, { accountId: ann, mailboxId: sent, reader: ann })
    const asBob = annotate(store, { accountId: ann, mailboxId: sent, reader: bob })
    assert.equal(await asAnn({ '/private/comment': 'mine', '/shared/comment': '\0\xff' }), 'done')
    assert.equal(await asBob({ '/private/comment': 'his' }), 'done')
    assert.deepEqual(await seen(store, ann, sent, ann), { '/private/comment': 'mine', '/shared/comment': '\0\xc3\xbf' })
    assert.deepEqual(await seen(store, ann, sent, bob), { '/private/comment': 'his', '/shared/comment': '\0\xc3\xbf' })
    await store.run({ do: 'renameMailbox', accountId: ann, mailboxId: sent, name: 'Gone', now: NOW })
    assert.equal((await seen(store, ann, sent, bob))['/private/comment'], 'his')
    assert.equal(await asAnn({ '/shared/comment': null, '/private/nothing': null, '/private/empty': '' }), 'done')
    assert.deepEqual(await seen(store, ann, sent, ann), { '/private/comment': 'mine', '/private/empty': '' })
    await store.run({ do: 'removeAccount', accountId: bob })
    assert.deepEqual(await seen(store, ann, sent, bob), {})
    await store.run({ do: 'deleteMailbox', accountId: ann, mailboxId: sent })
    assert.deepEqual(await seen(store, ann, sent, ann), {})
    assert.equal(await asAnn({ '/private/comment': 'x' }), 'not-found')
  })

  check('annotations of the inbox stay when it is renamed, and go along (RFC 5464 §4.1)', async (store) => {
    const ann = await account(store)
    const inbox = await mailboxId(store, ann)
    await annotate(store, { accountId: ann, mailboxId: inbox, reader: ann })({ '/shared/comment': 'a' })
    await store.run({ do: 'renameMailbox', accountId: ann, mailboxId: inbox, name: 'Old', now: NOW })
    for (const id of [inbox, await mailboxId(store, ann, 'Old')]) {
      assert.deepEqual(await seen(store, ann, id, ann), { '/shared/comment': 'a' })
    }
  })

  check('keys of URLs: one for each mailbox, kept until it is made anew; gone with the mailbox', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob')]
    const inbox = await mailboxId(store, ann)
    const sent = await mailboxId(store, ann, 'Sent')
    const set = async (mailbox: MailboxId, key: number, anew = false) => {
      const made = { accountId: ann, mailboxId: mailbox, key: Buffer.of(key), anew }
      const outcome = await store.run({ do: 'setUrlKey', ...made })
      return outcome.at === 'done' ? outcome.key[0] : outcome.at
    }
    const keyOf = async (mailbox: MailboxId) => (await store.mail.urlKey(ann, mailbox))?.[0] ?? null
    assert.equal(await keyOf(inbox), null)
    assert.deepEqual([await set(inbox, 1), await set(sent, 2), await set(inbox, 3)], [1, 2, 1])
    assert.deepEqual([await keyOf(inbox), await keyOf(sent)], [1, 2])
    assert.equal(await set(inbox, 4, true), 4)
    assert.equal(await keyOf(inbox), 4)
    assert.equal(await set(99 as MailboxId, 5), 'not-found')
    await store.run({ do: 'removeUrlKeys', accountId: bob })
    await store.run({ do: 'deleteMailbox', accountId: ann, mailboxId: sent })
    assert.deepEqual([await keyOf(inbox), await keyOf(sent)], [4, null])
    await store.run({ do: 'removeUrlKeys', accountId: ann })
    assert.equal(await keyOf(inbox), null)
    assert.equal(await set(inbox, 6), 6)
    await store.run({ do: 'removeAccount', accountId: ann })
    assert.equal(await keyOf(inbox), null)
  })

  check('a special use goes from one mailbox to another (RFC 6154 §4)', async (store) => {
    const ann = await account(store)
    const made = await store.run({ do: 'createMailbox', accountId: ann, name: 'New', specialUse: null, now: NOW })
    assert.ok(made.at === 'done')
    const uses = async () =>
      (await store.mail.mailboxes(ann)).flatMap(({ name, specialUse }) => (specialUse === null ? [] : [name]))
    const use = (specialUse: 'Sent' | null) =>
      store.run({
        do: 'setAnnotations',
        accountId: ann,
        mailboxId: made.mailboxId,
        reader: ann,
        changes: [],
        specialUse,
      })
    assert.deepEqual(await uses(), ['Sent'])
    assert.deepEqual(await use('Sent'), { at: 'done' })
    assert.deepEqual(await use('Sent'), { at: 'done' })
    assert.deepEqual(await uses(), ['New'])
    assert.deepEqual(await use(null), { at: 'done' })
    assert.deepEqual(await uses(), [])
  })

  check('annotations of the server are each account’s own', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob')]
    await annotate(store, { accountId: ann, mailboxId: null, reader: ann })({ '/private/vendor/x/y': '1' })
    assert.deepEqual(await seen(store, ann, null, ann), { '/private/vendor/x/y': '1' })
    assert.deepEqual(await seen(store, bob, null, bob), {})
  })

  check('a mailbox and an account hold only so many annotations, and a refusal changes nothing', async (store) => {
    const ann = await account(store)
    const many = (count: number, of = 'n') =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`/private/${of}${i}`, 'x']))
    const inbox = annotate(store, { accountId: ann, mailboxId: await mailboxId(store, ann), reader: ann })
    assert.equal(await inbox(many(ANNOTATIONS_PER_MAILBOX_MAX + 1)), 'too-many')
    assert.deepEqual(await seen(store, ann, await mailboxId(store, ann), ann), {})
    assert.equal(await inbox(many(ANNOTATIONS_PER_MAILBOX_MAX)), 'done')
    assert.equal(await inbox({ '/private/more': 'x', '/private/n0': 'changed' }), 'too-many')
    assert.equal(await inbox({ '/private/n0': 'changed' }), 'done')
    assert.equal(await inbox({ '/shared/other': 'x' }), 'done')
    for (let i = 1; i * ANNOTATIONS_PER_MAILBOX_MAX < ANNOTATIONS_PER_ACCOUNT_MAX; i++) {
      const made = await store.run({ do: 'createMailbox', accountId: ann, name: `b${i}`, specialUse: null, now: NOW })
      assert.ok(made.at === 'done')
      const there = annotate(store, { accountId: ann, mailboxId: made.mailboxId, reader: ann })
      const last = (i + 1) * ANNOTATIONS_PER_MAILBOX_MAX >= ANNOTATIONS_PER_ACCOUNT_MAX
      assert.equal(await there(many(ANNOTATIONS_PER_MAILBOX_MAX)), last ? 'too-many' : 'done')
    }
  })

  check('a copy into another account: whole, with its flags as far as allowed, counted there', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob', 1000)]
    for (const content of ['one', 'two', 'three']) await deliver(store, ann, content)
    const [from, to] = [await mailboxId(store, ann), await mailboxId(store, bob)]
    const flags = ['\\Seen', '\\Deleted', '\\Flagged', 'Word']
    const at = { accountId: ann, mailboxId: from }
    await store.run({ do: 'setFlags', ...at, uids: [range(2)], mode: 'add', flags, unchangedSince: null })
    const copy = { do: 'copy', accountId: ann, from, to, toAccountId: bob, now: NOW } as const
    const outcome = await store.run({ ...copy, uids: ALL })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(
      [outcome.sources, outcome.uids],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    )
    const some = { seen: true, deleted: false, others: false }
    await store.run({ ...copy, uids: [range(2)], keeps: some })
    await store.run({ ...copy, uids: [range(2)], keeps: { seen: false, deleted: true, others: true } })
    const entries = await entriesOf(store, bob, to)
    assert.deepEqual(
      entries.map((entry) => [entry.uid, entry.flags.toSorted().join(' ')]),
      [
        [1, ''],
        [2, 'Word \\Deleted \\Flagged \\Seen'],
        [3, ''],
        [4, '\\Seen'],
        [5, 'Word \\Deleted \\Flagged'],
      ],
    )
    for (const accountId of [ann, bob]) await countsHold(store, accountId)
    await store.run({ do: 'removeAccount', accountId: ann })
    const bytes = await store.mail.read(bob, entries[1]!.messageKey, 0, 100)
    assert.equal(Buffer.from(bytes).toString(), 'two', 'the body stays while somebody has it')
    const messages = await collect(store.mail.messages(bob, to, ALL))
    assert.deepEqual(
      messages.map(({ summary }) => summary.preview),
      ['one', 'two', 'three', 'two', 'two'],
    )
    await store.run({ do: 'setQuota', accountId: bob, quotaMessages: 5 })
    const back = { do: 'copy', accountId: bob, from: to, to, uids: [range(1)], now: NOW } as const
    assert.equal((await store.run(back)).at, 'over-quota')
  })

  check('a move into another account: gone here, there with a tombstone, or neither', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob', 7)]
    for (const content of ['one', 'two', 'three']) await deliver(store, ann, content)
    const [from, to] = [await mailboxId(store, ann), await mailboxId(store, bob)]
    const before = await info(store, ann, from)
    const move = { do: 'move', accountId: ann, from, to, toAccountId: bob, now: NOW } as const
    assert.equal((await store.run({ ...move, uids: ALL })).at, 'over-quota')
    assert.equal((await info(store, ann, from)).messages, 3)
    const outcome = await store.run({ ...move, uids: [range(2, 2)] })
    assert.ok(outcome.at === 'done')
    assert.deepEqual(await store.mail.expungedSince(ann, from, before.highestModSeq), [2])
    assert.deepEqual(
      (await collect(store.mail.messages(bob, to, ALL))).map(({ summary }) => summary.preview),
      ['two'],
    )
    for (const accountId of [ann, bob]) await countsHold(store, accountId)
  })

  check('setFlags: only flags of the kinds that are named', async (store) => {
    const ann = await account(store)
    await deliver(store, ann, 'x')
    const at = { accountId: ann, mailboxId: await mailboxId(store, ann) }
    const set = (mode: StoreFlagsMode, flags: readonly string[], kinds: string) =>
      store.run({
        do: 'setFlags',
        ...at,
        uids: ALL,
        mode,
        flags,
        unchangedSince: null,
        only: { seen: kinds.includes('s'), deleted: kinds.includes('t'), others: kinds.includes('w') },
      })
    const now = async () => (await entriesOf(store, ann, at.mailboxId))[0]!.flags.toSorted().join(' ')
    await set('add', ['\\Seen', '\\Deleted', 'word', '\\Draft'], 'sw')
    assert.equal(await now(), '\\Draft \\Seen word')
    await set('replace', ['\\Deleted', 'other'], 't')
    assert.equal(await now(), '\\Deleted \\Draft \\Seen word')
    await set('replace', ['\\Flagged', 'other'], 'w')
    assert.equal(await now(), '\\Deleted \\Flagged \\Seen other')
    await set('replace', [], 's')
    assert.equal(await now(), '\\Deleted \\Flagged other')
    await set('remove', ['\\Deleted', 'other'], 't')
    assert.equal(await now(), '\\Flagged other')
    const nothing = await set('replace', ['\\Flagged', 'other', '\\Seen'], 'w')
    assert.ok(nothing.at === 'done' && nothing.modSeq === null)
    await countsHold(store, ann)
  })

  check('a quota of messages, beside that of octets (RFC 9208 §5.2)', async (store) => {
    const ann = await account(store)
    assert.equal((await store.directory.account(ann))?.quotaMessages, null)
    await store.run({ do: 'setQuota', accountId: ann, quotaMessages: 2 })
    await store.run({ do: 'setQuota', accountId: ann, quotaOctets: 1000 })
    const found = await store.directory.account(ann)
    assert.deepEqual([found?.quotaOctets, found?.quotaMessages], [1000, 2])
    for (const content of ['1', '2']) await deliver(store, ann, content)
    const local = [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }]
    assert.deepEqual(await accept(store, '3', { local }), { at: 'over-quota' })
    const one = { ...(await draft(store, '3')), flags: [], internalDate: NOW }
    const inbox = await mailboxId(store, ann)
    const append = { do: 'append', accountId: ann, mailboxId: inbox, messages: [one], now: NOW } as const
    assert.deepEqual(await store.run(append), { at: 'over-quota' })
    await store.run({
      do: 'setFlags',
      accountId: ann,
      mailboxId: inbox,
      uids: [range(1)],
      mode: 'add',
      flags: ['\\Deleted'],
      unchangedSince: null,
    })
    assert.equal(await store.mail.deletedOctets(ann, inbox), 1)
    await store.run({ do: 'setQuota', accountId: ann, quotaMessages: null })
    await deliver(store, ann, '3')
  })

  check('ids: the same for every copy, also in another account; threads by what letters refer to', async (store) => {
    const [ann, bob] = [await account(store), await account(store, 'bob')]
    const inbox = await mailboxId(store, ann)
    const take = async (accountId: AccountId, messageId: string, references: readonly string[]): Promise<Uid> => {
      const { body, summary } = await draft(store, messageId)
      const message = { body, summary: { ...summary, references, header: { ...summary.header, messageId } } }
      const outcome = await store.run({
        do: 'append',
        accountId,
        mailboxId: await mailboxId(store, accountId),
        messages: [{ ...message, flags: [], internalDate: NOW }],
        now: NOW,
      })
      assert.ok(outcome.at === 'done')
      return outcome.uids[0]!
    }
    await take(ann, '<1@x>', [])
    await take(ann, '<2@x>', ['<1@x>'])
    await take(ann, '<3@x>', [])
    await take(ann, '<4@x>', ['<1@x>', '<2@x>'])
    // Two that answer the same letter, which is not there, and comes last.
    await take(ann, '<6@x>', ['<5@x>'])
    await take(ann, '<7@x>', ['<5@x>'])
    await take(ann, '<5@x>', [])
    const idsIn = async (accountId: AccountId, id: MailboxId) => {
      const keys = (await entriesOf(store, accountId, id)).map(({ messageKey }) => messageKey)
      return store.mail.objectIds(accountId, keys)
    }
    const ids = await idsIn(ann, inbox)
    assert.equal(new Set(ids.map(({ email }) => email)).size, 7)
    const threads = ids.map(({ thread }) => ids.findIndex((other) => other.thread === thread))
    assert.deepEqual(threads, [0, 0, 2, 0, 4, 4, 4])
    const own = await store.mail.messagesWith(ann, { email: ids[1]!.email })
    assert.deepEqual([...own], [(await entriesOf(store, ann, inbox))[1]!.messageKey])
    assert.equal((await store.mail.messagesWith(ann, { thread: ids[0]!.thread })).size, 3)

    await take(bob, '<9@x>', [])
    const to = await mailboxId(store, bob)
    await store.run({ do: 'copy', accountId: ann, from: inbox, to, toAccountId: bob, uids: [range(1, 2)], now: NOW })
    const copied = await idsIn(bob, to)
    assert.deepEqual(copied.slice(1), ids.slice(0, 2))
    assert.equal((await store.mail.messagesWith(bob, { email: ids[0]!.email })).size, 1)
    assert.equal((await store.mail.messagesWith(bob, { thread: ids[0]!.thread })).size, 2)
    assert.equal((await store.mail.messagesWith(ann, { email: copied[0]!.email })).size, 0)
    // And back: still the same letter.
    const sent = await mailboxId(store, ann, 'Sent')
    await store.run({ do: 'copy', accountId: bob, from: to, to: sent, toAccountId: ann, uids: [range(2)], now: NOW })
    assert.deepEqual(await idsIn(ann, sent), ids.slice(0, 1))
    assert.equal((await store.mail.messagesWith(ann, { email: ids[0]!.email })).size, 2)
  })

  check('rights and annotations are told to those whom they concern', async (store) => {
    const [ann, bob, cid] = [await account(store), await account(store, 'bob'), await account(store, 'cid')]
    const heard: string[] = []
    const hear = (who: string) => (notice: ChangeNotice) => {
      const more = notice.kind === 'annotations' ? ` ${notice.reader ?? '*'} ${notice.entries.join()}` : ''
      heard.push(`${who} ${notice.kind}${more}`)
    }
    const ends = [
      store.changes.watchAccount(ann, hear('ann')),
      store.changes.watchAccount(bob, hear('bob')),
      store.changes.watchAccount(cid, hear('cid')),
    ]
    const expect = async (what: string[], act: () => Promise<unknown>) => {
      heard.length = 0
      await act()
      for (let i = 0; i < 500 && heard.length < what.length; i++) await new Promise((go) => setTimeout(go, 5))
      assert.deepEqual(heard.toSorted(), what)
    }
    const inbox = await mailboxId(store, ann)
    const to = { accountId: ann, mailboxId: inbox, grantee: bob }
    await expect(['ann mailbox-list', 'bob mailbox-list'], () => give(store, to, 'lr'))
    await expect(['ann mailbox-list', 'bob mailbox-list'], () => give(store, to, ''))
    await expect(['ann mailbox-list', 'bob mailbox-list', 'cid mailbox-list'], () =>
      give(store, { ...to, grantee: 'anyone' }, 'l'),
    )
    await expect([`ann annotations * /shared/a,/shared/b`, `ann annotations ${bob} /private/a`], () =>
      annotate(store, { accountId: ann, mailboxId: inbox, reader: bob })({
        '/shared/a': '1',
        '/private/a': '2',
        '/shared/b': '3',
      }),
    )
    for (const end of ends) end()
  })
}
