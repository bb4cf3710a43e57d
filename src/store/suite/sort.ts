/** What SORT, THREAD and a FETCH of flags read. */
import assert from 'node:assert/strict'
import { ENTRIES_PER_BATCH, FLAG_ROWS_PER_BATCH } from '../../model/limits.ts'
import type { SortKeys } from '../../model/message.ts'
import type { MessageDraft } from '../contract.ts'
import { account, ALL, collect, draft, mailboxId, NOW, range, uid } from '../testing/letters.ts'
import type { Check } from './shared.ts'

const KEYS: SortKeys = {
  sentAt: NOW - 1000,
  subject: 'ПРИВЕТ "AND" MORE',
  isReply: true,
  from: 'ANN',
  to: '',
  cc: '\\',
  displayFrom: 'ANN OF A.EXAMPLE',
  displayTo: '[1,2]',
  messageId: 'abcdefghi-_0',
  references: ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'],
}
const EMPTY: SortKeys = {
  sentAt: null,
  subject: '',
  isReply: false,
  from: '',
  to: '',
  cc: '',
  displayFrom: '',
  displayTo: '',
  messageId: null,
  references: [],
}

export function sortTests(check: Check): void {
  check('flagRows: as entries, of several batches, with keywords and holes', async (store) => {
    const accountId = await account(store)
    const inbox = await mailboxId(store, accountId)
    const flags = [
      [],
      ['\\Seen'],
      ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'],
      ['$Junk', '\\Seen', 'a"b'],
    ]
    const messages: (MessageDraft & { flags: string[]; internalDate: number })[] = []
    for (let index = 0; index < FLAG_ROWS_PER_BATCH + 10; index++) {
      messages.push({ ...(await draft(store, 'x')), flags: flags[index % flags.length]!, internalDate: NOW })
    }
    await store.run({ do: 'append', accountId, mailboxId: inbox, messages, now: NOW })
    await store.run({ do: 'expunge', accountId, mailboxId: inbox, uids: [range(5, 7)], deletedOnly: false })
    for (const ranges of [ALL, [range(3, 9), range(FLAG_ROWS_PER_BATCH, FLAG_ROWS_PER_BATCH + 4)], [range(5, 6)]]) {
      const entries = await collect(store.mail.entries(accountId, inbox, ranges))
      assert.deepEqual(
        await collect(store.mail.flagRows(accountId, inbox, ranges)),
        entries.map((entry) => ({ uid: entry.uid, flags: entry.flags })),
      )
    }
  })

  check('sortRows: keys as they were given, null where none were, and the summary without them', async (store) => {
    const accountId = await account(store)
    const inbox = await mailboxId(store, accountId)
    const messages: (MessageDraft & { flags: string[]; internalDate: number })[] = []
    for (const sortKeys of [KEYS, EMPTY, undefined]) {
      const { body, summary } = await draft(store, 'content')
      messages.push({
        body,
        summary: sortKeys === undefined ? summary : { ...summary, sortKeys },
        flags: [],
        internalDate: NOW + messages.length,
      })
    }
    await store.run({ do: 'append', accountId, mailboxId: inbox, messages, now: NOW })
    const rows = await collect(store.mail.sortRows(accountId, inbox, ALL))
    const common = { sizeOctets: 7 }
    assert.deepEqual(rows, [
      { ...common, uid: 1, internalDate: NOW, keys: KEYS },
      { ...common, uid: 2, internalDate: NOW + 1, keys: EMPTY },
      { ...common, uid: 3, internalDate: NOW + 2, keys: null },
    ])
    const stored = await collect(store.mail.messages(accountId, inbox, ALL))
    assert.deepEqual(
      stored.map(({ summary }) => summary),
      messages.map(() => ({ ...messages[2]!.summary })),
    )
  })

  check('sortRows: copies have the keys of what was copied; ranges and batches', async (store) => {
    const accountId = await account(store)
    const inbox = await mailboxId(store, accountId)
    const sent = await mailboxId(store, accountId, 'Sent')
    const messages: (MessageDraft & { flags: string[]; internalDate: number })[] = []
    for (let i = 0; i < ENTRIES_PER_BATCH + 2; i++) {
      const { body, summary } = await draft(store, String(i))
      messages.push({
        body,
        summary: { ...summary, sortKeys: { ...EMPTY, sentAt: i } },
        flags: [],
        internalDate: NOW,
      })
    }
    await store.run({ do: 'append', accountId, mailboxId: inbox, messages, now: NOW })
    const sentAts = async (mailbox: typeof inbox, ...ranges: ReturnType<typeof range>[]) =>
      (await collect(store.mail.sortRows(accountId, mailbox, ranges))).map(({ keys }) => keys?.sentAt)
    assert.deepEqual(
      await sentAts(inbox, ...ALL),
      messages.map((_, i) => i),
    )
    assert.deepEqual(await sentAts(inbox, range(2, 3), range(5), range(9999)), [1, 2, 4])
    assert.deepEqual(await sentAts(inbox), [])
    await store.run({ do: 'copy', accountId, from: inbox, to: sent, uids: [range(3), range(501)], now: NOW })
    await store.run({ do: 'expunge', accountId, mailboxId: inbox, uids: ALL, deletedOnly: false })
    assert.deepEqual(await sentAts(inbox, ...ALL), [])
    assert.deepEqual(await sentAts(sent, ...ALL), [2, 500])
    assert.equal((await collect(store.mail.sortRows(accountId, sent, ALL)))[0]?.uid, uid(1))
  })
}
