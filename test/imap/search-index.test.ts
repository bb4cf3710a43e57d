/** SEARCH with the index finds what a look into every message finds: whatever is indexed, half indexed, gone or made anew. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { AccountRef, Mailboxes } from '../../src/core/contract.ts'
import { createGrants } from '../../src/core/mailboxes/grants.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import { createIndexer, type Indexer } from '../../src/core/search/indexer.ts'
import { createContentSearch } from '../../src/core/search/search.ts'
import { openTestCore, type TestCore } from '../../src/core/testing/test-core.ts'
import { foldForSearch } from '../../src/format/charset/fold.ts'
import { SEARCH_BLOCK_MESSAGES } from '../../src/model/limits.ts'
import type { MailboxId, MessageKey, Uid } from '../../src/model/ids.ts'
import type { Right } from '../../src/model/rights.ts'
import type { SearchKey } from '../../src/protocol/imap/search.ts'
import { shareMailboxes } from '../../src/roles/mda/shared.ts'
import { findIn } from '../../src/session/imap/search/find.ts'
import { silentLog } from '../../src/std/log.ts'
import { noMetrics } from '../../src/std/metrics.ts'
import type { SearchIndex, SearchReads } from '../../src/store/contract.ts'
import { openSearchIndex, removeSearchIndex, wishForReindex } from '../../src/store/search/search-index.ts'
import { openSearchReads } from '../../src/store/search/reads.ts'
import { letters, WORDS, type ReadableLetter } from './search-letters.ts'

const contentSearch = createContentSearch()
const LAST = 4_294_967_295 as Uid

type Room = {
  readonly core: TestCore
  readonly anna: AccountRef
  readonly dataDir: string
  /** With the index, and without. */
  readonly indexed: Mailboxes
  readonly scanned: Mailboxes
  readonly inbox: MailboxId
  readonly reads: SearchReads
  index: SearchIndex
  indexer: Indexer
  /** Messages that were opened. */
  opened: number
  restart(): void
  /** Until nothing is left to be indexed. */
  catchUp(): Promise<void>
}

async function inRoom(work: (room: Room) => Promise<void>): Promise<void> {
  const core = await openTestCore()
  const dataDir = mkdtempSync(join(tmpdir(), 'gavan-search-'))
  const anna = await core.addAccount('anna@here.test')
  const reads = openSearchReads({ dataDir, log: silentLog })
  const { store, clock } = core
  const open = (): Pick<Room, 'index' | 'indexer'> => {
    const index = openSearchIndex({ dataDir })
    return { index, indexer: createIndexer({ store, index, clock, log: silentLog, metrics: noMetrics }) }
  }
  const indexed = openMailboxes(anna, { store, clock, search: reads })
  const room: Room = {
    core,
    anna,
    dataDir,
    indexed: {
      ...indexed,
      read(...where) {
        room.opened++
        return indexed.read(...where)
      },
    },
    scanned: openMailboxes(anna, { store, clock }),
    inbox: (await indexed.find('INBOX'))!.mailboxId,
    reads,
    ...open(),
    opened: 0,
    restart() {
      room.index.close()
      Object.assign(room, open())
    },
    async catchUp() {
      while (await room.indexer.step());
    },
  }
  try {
    await work(room)
  } finally {
    reads.close()
    room.index.close()
    await core[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function append(room: Room, mailboxId: MailboxId, octets: readonly (Buffer | string)[]): Promise<readonly Uid[]> {
  const drafts = []
  for (const each of octets) {
    const sink = room.scanned.open()
    await sink.write(Buffer.from(each))
    const message = await sink.finish()
    if ('at' in message) throw new Error(message.why)
    drafts.push({ message, flags: [], internalDate: null })
  }
  const outcome = await room.scanned.append(mailboxId, drafts)
  assert.equal(outcome.at, 'done')
  return outcome.at === 'done' ? outcome.uids : []
}

async function find(room: Room, handle: Mailboxes, key: SearchKey): Promise<readonly number[]> {
  const uids = await handle.uids(room.inbox)
  const context = { uids, savedSearch: new Uint32Array(0), now: 0 }
  const progress = { tell: () => undefined }
  return (await findIn({ handle, mailboxId: room.inbox, context, contentSearch, progress }, key)).uids
}

async function sameAsScan(room: Room, key: SearchKey): Promise<readonly number[]> {
  const found = await find(room, room.indexed, key)
  assert.deepEqual(found, await find(room, room.scanned, key), JSON.stringify(key))
  return found
}

/** Parts of words, words, and what goes over the gap between two. */
const needle = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.tuple(fc.constantFrom(...WORDS), fc.nat(4), fc.integer({ min: 1, max: 6 })).map(([word, from, length]) => word.slice(from, from + length)), // prettier-ignore
  fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS)).map((two) => two.join(' ')),
  fc.constantFrom('', 'a', 'far.test>', 'reader@HERE', 'subject: ', '<b>', 'hidden', 'QW5j', 'no such thing', 'STRASSE', 'ёЛК'), // prettier-ignore
).map((text) => text.toWellFormed()) // prettier-ignore

const leaf: fc.Arbitrary<SearchKey> = fc.oneof(
  needle.map((text): SearchKey => ({ key: 'text', text })),
  needle.map((text): SearchKey => ({ key: 'body', text })),
  fc.tuple(fc.constantFrom('subject', 'from', 'to', 'cc', 'bcc'), needle).map(([field, text]): SearchKey => ({ key: 'envelope', field, text })), // prettier-ignore
  fc.tuple(fc.constantFrom('Subject', 'X-Extra', 'Cc', 'No-Such'), needle).map(([name, text]): SearchKey => ({ key: 'header', name, text })), // prettier-ignore
  fc.constant<SearchKey>({ key: 'flag', flag: '\\Flagged' }),
  fc.constant<SearchKey>({ key: 'larger', octets: 600 }),
)
const keys = fc.letrec<{ key: SearchKey }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'key' },
    leaf,
    tie('key').map((of): SearchKey => ({ key: 'not', of })),
    fc.tuple(tie('key'), tie('key')).map((of): SearchKey => ({ key: 'or', of })),
    fc.array(tie('key'), { minLength: 1, maxLength: 3 }).map((of): SearchKey => ({ key: 'and', of })),
  ),
})).key

type Step =
  | { readonly do: 'arrive'; readonly letters: readonly ReadableLetter[] }
  | { readonly do: 'index' | 'expunge' | 'move' | 'flag' | 'rebuild' | 'lose' | 'restart' }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.array(letters, { minLength: 1, maxLength: 5 }).map((list): Step => ({ do: 'arrive', letters: list })) }, // prettier-ignore
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'index' }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'expunge' }, { do: 'move' }, { do: 'flag' }, { do: 'rebuild' }, { do: 'lose' }, { do: 'restart' }) }, // prettier-ignore
)

async function take(room: Room, what: Step): Promise<void> {
  const { inbox, scanned } = room
  const some = [{ from: 1 as Uid, to: 2 as Uid }]
  switch (what.do) {
    case 'arrive':
      await append(room, inbox, what.letters.map(({ octets }) => octets)) // prettier-ignore
      return
    case 'index':
      return room.catchUp()
    case 'expunge':
      await scanned.expunge(inbox, some, { deletedOnly: false })
      return
    case 'move':
      await scanned.move(inbox, [{ from: 1 as Uid, to: LAST }], inbox) // New uids, the same messages.
      return
    case 'flag':
      await scanned.setFlags(inbox, { uids: [{ from: 3 as Uid, to: 6 as Uid }], mode: 'add', flags: ['\\Flagged'], unchangedSince: null }) // prettier-ignore
      return
    case 'rebuild':
      wishForReindex(room.dataDir, room.anna.accountId)
      return
    case 'lose':
      removeSearchIndex(room.dataDir)
      return
    case 'restart':
      return room.restart()
  }
}

test('any mailbox, any key, at any time: the same as without an index', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 8 }),
      fc.array(keys, { minLength: 4, maxLength: 8 }),
      async (steps, asked) => {
        await inRoom(async (room) => {
          for (const one of steps) {
            await take(room, one)
            for (const key of asked) await sameAsScan(room, key)
          }
          await room.catchUp()
          for (const key of asked) await sameAsScan(room, key)
        })
      },
    ),
    { numRuns: 25 },
  )
})

test('and the same as what a reader of the letters would find', async () => {
  const has = (texts: readonly string[], text: string): boolean =>
    texts.some((one) => foldForSearch(one).includes(foldForSearch(text)))
  await fc.assert(
    fc.asyncProperty(
      fc.array(letters, { minLength: 1, maxLength: 8 }),
      fc.array(needle, { minLength: 4, maxLength: 10 }),
      async (mail, asked) => {
        await inRoom(async (room) => {
          const uids = await append(room, room.inbox, mail.map(({ octets }) => octets)) // prettier-ignore
          await room.catchUp()
          const found = (key: SearchKey): Promise<readonly number[]> => find(room, room.indexed, key)
          const expected = (fits: (letter: ReadableLetter) => boolean): readonly number[] =>
            uids.filter((_, place) => fits(mail[place]!))
          for (const text of asked) {
            if (text === '' || /[<>&+=]|hidden|Content|subject/i.test(text)) continue // What HTML and headers are made of.
            const inBody = ({ bodies }: ReadableLetter): boolean => has(bodies, text)
            const told = await found({ key: 'body', text })
            for (const uid of expected(inBody)) assert.ok(told.includes(uid), `BODY ${text}`)
            const anywhere = (letter: ReadableLetter): boolean =>
              has([...letter.headers, ...letter.bodies, ...letter.names], text)
            const all = await found({ key: 'text', text })
            for (const uid of expected(anywhere)) assert.ok(all.includes(uid), `TEXT ${text}`)
            assert.deepEqual(
              await found({ key: 'envelope', field: 'subject', text }),
              expected(({ headers }) => has([headers[3]!.slice('Subject: '.length)], text)),
              `SUBJECT ${text}`,
            )
          }
        })
      },
    ),
    { numRuns: 20 },
  )
})

const filler = (n: number, word = ''): string =>
  `Subject: letter ${n}\r\n\r\nThe harbour and its ${n % 7} anchors. ${word}\r\n`

test('over blocks, messages that wait for one, and messages not indexed yet: few are opened', async () => {
  await inRoom(async (room) => {
    const count = SEARCH_BLOCK_MESSAGES + 40
    const rare = new Map([[3, 'Ёлочка'], [700, 'xylographer'], [SEARCH_BLOCK_MESSAGES + 9, 'ёлочка']]) // prettier-ignore
    await append(room, room.inbox, Array.from({ length: count }, (_, i) => filler(i + 1, rare.get(i + 1)))) // prettier-ignore
    await room.catchUp()
    await append(room, room.inbox, [filler(count + 1), filler(count + 2, 'ЁЛОЧКА')])
    room.opened = 0
    const found = await find(room, room.indexed, { key: 'text', text: 'ёлочк' })
    assert.deepEqual(found, [3, SEARCH_BLOCK_MESSAGES + 9, count + 2])
    assert.ok(room.opened <= 2 * 5, `${room.opened} reads`) // Header and text of three that hold it and two that are new.
    await sameAsScan(room, { key: 'not', of: { key: 'body', text: 'xylograph' } })
    await sameAsScan(room, {
      key: 'or',
      of: [
        { key: 'text', text: 'xylograph' },
        { key: 'text', text: 'ёлоч' },
      ],
    })
    await sameAsScan(room, {
      key: 'and',
      of: [
        { key: 'text', text: 'anchors' },
        { key: 'body', text: 'graphe' },
      ],
    })

    // Most go, and the index lets go of them.
    await room.scanned.expunge(room.inbox, [{ from: 10 as Uid, to: 690 as Uid }, { from: 720 as Uid, to: LAST }], { deletedOnly: false }) // prettier-ignore
    const held = (): number => room.index.status().accounts[0]?.messages ?? 0
    const before = held()
    for (let i = 0; i < 3; i++) {
      await append(room, room.inbox, Array.from({ length: 600 }, (_, n) => filler(n))) // prettier-ignore
      await room.catchUp()
      await room.scanned.expunge(room.inbox, [{ from: 1060 as Uid, to: LAST }], { deletedOnly: false })
    }
    await room.catchUp()
    assert.ok(held() < before, `${held()} of ${before}`)
    assert.deepEqual(await sameAsScan(room, { key: 'text', text: 'ёлочк' }), [3])
    assert.deepEqual(await sameAsScan(room, { key: 'text', text: 'xylographer' }), [700])
  })
})

test('one account never learns from another’s mail (S27)', async () => {
  await inRoom(async (room) => {
    const { store, clock } = room.core
    await append(room, room.inbox, [filler(1, 'secretword')])
    const bert = await room.core.addAccount('bert@here.test')
    await room.catchUp()
    const his = openMailboxes(bert, { store, clock, search: room.reads })
    assert.equal((await room.indexed.mayHold(room.inbox, 'secretword'))?.keys.length, 1)
    const told = await his.mayHold((await his.find('INBOX'))!.mailboxId, 'secretword')
    assert.ok(told === null || told.keys.length === 0)
    await room.core.directory.removeAccount('anna@here.test')
    await room.catchUp()
    assert.deepEqual(room.index.status().accounts.filter(({ accountId }) => accountId === room.anna.accountId), []) // prettier-ignore
  })
})

test('a mailbox that another shares is searched by its owner’s index, as long as it may be read (RFC 4314)', async () => {
  await inRoom(async (room) => {
    const { store, clock } = room.core
    const bert = await room.core.addAccount('bert@here.test')
    await append(room, room.inbox, Array.from({ length: 30 }, (_, i) => filler(i, i === 7 ? 'xylographer' : ''))) // prettier-ignore
    await room.catchUp()
    await append(room, room.inbox, [filler(30, 'xylographer'), filler(31)])
    const give = (rights: readonly Right[]) =>
      room.scanned.setAcl(room.inbox, { identifier: 'bert@here.test', mode: 'replace', rights })
    await give(['l', 'r'])
    let opened = 0
    const handle = (search: { search?: SearchReads }): Mailboxes => {
      const parts = { store, clock, ...search }
      const his = shareMailboxes({ account: bert, own: openMailboxes(bert, parts), grants: createGrants(parts) })
      const read: Mailboxes['read'] = (...where) => (opened++, his.read(...where))
      return Object.assign(Object.create(his) as Mailboxes, { read })
    }
    const shared = handle({ search: room.reads })
    const { mailboxId } = (await shared.find('Other Users/anna@here.test/INBOX'))!
    const there = { ...room, inbox: mailboxId }
    for (const text of ['xylographer', 'YLOGR', 'anchors', 'no such thing']) {
      for (const key of [
        { key: 'text', text },
        { key: 'not', of: { key: 'body', text } },
      ] as const) {
        const scanned = await find(there, handle({}), key)
        opened = 0
        assert.deepEqual(await find(there, shared, key), scanned, text)
        if (text === 'xylographer' && key.key === 'text') {
          assert.deepEqual(scanned, [8, 31])
          assert.ok(opened <= 6, `${opened} reads`)
        }
      }
    }
    await give(['l'])
    assert.equal(await shared.mayHold(mailboxId, 'xylographer'), null)
  })
})

test('an older database beside a newer index: the index begins anew, since keys come again', async () => {
  await inRoom(async (room) => {
    const { accountId } = room.anna
    const mark = { accountId, lastKey: 50 as MessageKey, modSeq: 1_000_000 as never, messages: 50 }
    room.index.add([{ messageKey: 1 as MessageKey, grams: new Uint16Array(0) }], mark)
    await append(room, room.inbox, [filler(1, 'xylographer')])
    assert.deepEqual(await find(room, room.indexed, { key: 'text', text: 'xylographer' }), [])
    await room.catchUp()
    assert.deepEqual(await find(room, room.indexed, { key: 'text', text: 'xylographer' }), [1])
  })
})

test('a message that cannot be read keeps no other from the index', async () => {
  await inRoom(async (room) => {
    await append(room, room.inbox, [filler(1), filler(2, 'xylographer')])
    const { mail } = room.core.store
    const broken = {
      mail: {
        ...mail,
        read: (...[accountId, key, start, end]: Parameters<typeof mail.read>) =>
          key === 1 ? mail.read(99 as typeof accountId, key, start, end) : mail.read(accountId, key, start, end),
      },
    }
    const { clock } = room.core
    const indexer = createIndexer({ store: broken, index: room.index, clock, log: silentLog, metrics: noMetrics })
    while (await indexer.step());
    const told = await room.indexed.mayHold(room.inbox, 'xylographer')
    assert.deepEqual([...(told?.keys ?? [])], [1, 2])
    assert.equal(told?.above, 2)
  })
})
