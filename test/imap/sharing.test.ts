/** Mailboxes of others (RFC 4314): what was given may be done, and nothing else; what was not given cannot be seen. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createGrants } from '../../src/core/mailboxes/grants.ts'
import { openMailboxes } from '../../src/core/mailboxes/mailboxes.ts'
import type { AccountRef, Mailboxes } from '../../src/core/contract.ts'
import { StoreError } from '../../src/core/contract.ts'
import type { MailboxId, MessageKey, Uid } from '../../src/model/ids.ts'
import { ALL_RIGHTS, printRights, RIGHTS, type Right, type Rights } from '../../src/model/rights.ts'
import { shareMailboxes } from '../../src/roles/mda/shared.ts'
import { LETTERS } from './letters.ts'
import { logIn, openImapStage, type Client, type ImapStage } from './stage.ts'

const BERT = 'bert@here.test'
const ALL = [{ from: 1 as Uid, to: 0xffffffff as Uid }]

async function onStage(body: (stage: ImapStage) => Promise<void>): Promise<void> {
  const stage = await openImapStage()
  try {
    await body(stage)
  } finally {
    await stage.stop()
  }
}

async function refOf({ core }: ImapStage, address: string): Promise<AccountRef> {
  const { accountId, address: at } = (await core.directory.account(address))!
  return { accountId, address: at }
}

/** As bert's sessions have it. */
async function handleOf(stage: ImapStage, address = BERT): Promise<Mailboxes> {
  const account = await refOf(stage, address)
  return shareMailboxes({ account, own: openMailboxes(account, stage.core), grants: createGrants(stage.core) })
}

async function give(stage: ImapStage, mailbox: string, rights: Rights, identifier = BERT): Promise<void> {
  const { mailboxId } = (await stage.mailboxes.find(mailbox))!
  const outcome = await stage.mailboxes.setAcl(mailboxId, { identifier, mode: 'replace', rights: [...rights] })
  assert.equal(outcome.at, 'done')
}

const shared = (name: string): string => `Other Users/anna@here.test/${name}`

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const batch of batches) items.push(...batch)
  return items
}

suite('what a stranger finds', () => {
  /** Each is asked of a mailbox that is there and hidden, and of one that is not: it must sound the same. */
  const PROBES = [
    'SELECT X',
    'EXAMINE X',
    'STATUS X (MESSAGES UIDNEXT MAILBOXID DELETED-STORAGE)',
    'DELETE X',
    'RENAME X Mine',
    'RENAME Sent X',
    'CREATE X',
    'CREATE X/below',
    'CREATE X (USE (\\Flagged))',
    'SUBSCRIBE X',
    'UNSUBSCRIBE X',
    'LIST "" X',
    'LIST "" (X) RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/shared/comment) CHILDREN)',
    'LIST "" X/%',
    'LSUB "" X',
    'APPEND X {3}',
    'COPY 1 X',
    'UID MOVE 1 X',
    'GETACL X',
    'SETACL X bert@here.test lrswipkxtea',
    'DELETEACL X anna@here.test',
    'LISTRIGHTS X anyone',
    'MYRIGHTS X',
    'GETQUOTAROOT X',
    'GETMETADATA X /shared/comment',
    'GETMETADATA X /private/comment',
    'SETMETADATA X (/private/comment "x")',
    'SETMETADATA X (/shared/comment "x")',
    'ESEARCH IN (mailboxes X) ALL',
    'ESEARCH IN (subtree X) ALL',
    'NOTIFY SET STATUS (mailboxes X (MessageNew MessageExpunge))',
  ]
  /** Where a name of anna's is, where only she is, and where nobody is. */
  const NAMES = [shared('Secret'), shared('Nothing'), 'Other Users/nobody@here.test/Secret', shared('INBOX')]

  const told = (lines: readonly string[], name: string): string =>
    lines.join('\n').replaceAll(name, 'X').replaceAll(name.split('/').slice(0, 2).join('/'), 'Y')

  async function compare(stage: ImapStage, bert: Client): Promise<void> {
    await stage.mailboxes.create('Secret', null)
    await stage.fill('Secret', [LETTERS['plain']!])
    for (const probe of PROBES) {
      const answers = new Map<string, string>()
      for (const name of NAMES) {
        await bert.ask('SELECT INBOX')
        const before = await stage.mailboxes.list()
        answers.set(name, told(await bert.ask(probe.replaceAll('X', `"${name}"`).replaceAll('"/', '/')), `"${name}"`))
        assert.deepEqual(await stage.mailboxes.list(), before, `${probe} changed something`)
      }
      const [first, ...others] = answers.values()
      for (const [i, other] of others.entries()) assert.equal(other, first, `${probe} tells of ${NAMES[i + 1]}`)
    }
  }

  test('of an account that has given nothing: what is there sounds like what is not', () =>
    onStage(async (stage) => compare(stage, await logIn(stage, {}, BERT))))

  test('of an account that has given something else', () =>
    onStage(async (stage) => {
      await give(stage, 'Sent', new Set<Right>(['l', 'r', 's', 'w', 'i', 't', 'e', 'k', 'x', 'a', 'p']))
      await compare(stage, await logIn(stage, {}, BERT))
    }))

  test('lists show nothing, whatever the pattern', () =>
    onStage(async (stage) => {
      await stage.mailboxes.create('Secret/Deep', null)
      const bert = await logIn(stage, {}, BERT)
      const patterns = [
        '*',
        '%',
        '%/%',
        '%/%/%',
        'Other*',
        'Other Users',
        'Other Users/%',
        '*Secret*',
        '*/INBOX',
        '*@*',
      ]
      for (const pattern of patterns) {
        for (const command of [`LIST "" "${pattern}"`, `LSUB "" "${pattern}"`, `LIST "Other Users/" "${pattern}"`]) {
          const answer = (await bert.ask(command)).join('\n')
          assert.doesNotMatch(answer, /anna|Secret|Other Users/, command)
        }
      }
      // And one mailbox of hers shows that one, and what is above it.
      await give(stage, 'Secret/Deep', new Set<Right>(['l']))
      const answer = (await bert.ask('LIST "" "Other*"')).slice(0, -1)
      assert.deepEqual(answer, [
        '* LIST (\\Noselect \\HasChildren) "/" "Other Users"',
        '* LIST (\\Noselect \\HasChildren) "/" "Other Users/anna@here.test"',
        '* LIST (\\Noselect \\HasChildren) "/" "Other Users/anna@here.test/Secret"',
        '* LIST (\\HasNoChildren) "/" "Other Users/anna@here.test/Secret/Deep"',
      ])
    }))

  test('ids lead nowhere: whatever numbers a session makes up', () =>
    onStage(async (stage) => {
      await stage.fill('INBOX', [LETTERS['plain']!])
      await give(stage, 'Sent', ALL_RIGHTS)
      const bert = await handleOf(stage)
      const mine = new Set((await bert.list()).map(({ mailboxId }) => mailboxId))
      const before = await stage.mailboxes.list()
      for (let owner = 0; owner < 5; owner++) {
        for (let id = 0; id < 15; id++) {
          const mailboxId = (owner * 2 ** 31 + id) as MailboxId
          if (mine.has(mailboxId)) continue
          assert.equal(await bert.info(mailboxId), null)
          assert.equal((await bert.uids(mailboxId)).length, 0)
          assert.deepEqual(await all(bert.entries(mailboxId, ALL)), [])
          assert.deepEqual(await all(bert.messages(mailboxId, ALL)), [])
          assert.deepEqual(await all(bert.sortRows(mailboxId, ALL)), [])
          assert.equal((await bert.acl(mailboxId)).at, 'not-found')
          assert.equal((await bert.annotations(mailboxId)).at, 'not-found')
          assert.equal((await bert.remove(mailboxId)).at, 'not-found')
          assert.equal((await bert.expunge(mailboxId, ALL, { deletedOnly: false })).at, 'not-found')
          const all4 = { uids: ALL, mode: 'add', flags: ['\\Seen'], unchangedSince: null } as const
          assert.equal((await bert.setFlags(mailboxId, all4)).at, 'not-found')
          assert.equal((await bert.setAcl(mailboxId, { identifier: BERT, mode: 'add', rights: ['l'] })).at, 'not-found')
          const inbox = (await bert.find('INBOX'))!.mailboxId
          assert.equal((await bert.copy(mailboxId, ALL, inbox)).at, 'not-found')
          assert.equal((await bert.copy(inbox, ALL, mailboxId)).at, 'not-found')
        }
        for (let key = 0; key < 5; key++) {
          const messageKey = (owner * 2 ** 32 + key) as MessageKey
          await assert.rejects(bert.read(messageKey, 0, 10), StoreError)
        }
      }
      assert.deepEqual(await stage.mailboxes.list(), before)
    }))

  test('NOTIFY, METADATA and IDLE tell nothing of it', () =>
    onStage(async (stage) => {
      await stage.mailboxes.create('Secret', null)
      await give(stage, 'Sent', new Set<Right>(['l', 'r']))
      const bert = await logIn(stage, {}, BERT)
      await bert.ask('ENABLE METADATA')
      const names = [shared('Secret'), shared('Sent'), shared('INBOX')].map((name) => `"${name}"`).join(' ')
      await bert.ask(`NOTIFY SET (mailboxes (${names}) (MessageNew MessageExpunge MailboxName))`)
      await stage.fill('Secret', [LETTERS['plain']!])
      const { mailboxId } = (await stage.mailboxes.find('Secret'))!
      await stage.mailboxes.setAnnotations(mailboxId, [{ entry: '/shared/comment', value: Buffer.from('x') }])
      const sent = (await stage.mailboxes.find('Sent'))!.mailboxId
      await stage.mailboxes.setAnnotations(sent, [
        { entry: '/private/comment', value: Buffer.from('hers') },
        { entry: '/shared/comment', value: Buffer.from('x') },
      ])
      await stage.mailboxes.rename(mailboxId, 'More secret')
      // What may be heard comes last, and alone.
      await stage.fill('Sent', [LETTERS['plain']!])
      bert.peer.send('i IDLE\r\n')
      const heard = await bert.until('* STATUS')
      assert.deepEqual(
        heard
          .filter((line) => line.startsWith('*'))
          .map((line) => line.replace(/\(.*/, '').trim())
          .toSorted(),
        [`* STATUS "${shared('Sent')}"`],
      )
      const rest = await bert.until('* METADATA')
      assert.deepEqual(
        rest.filter((line) => line.startsWith('*')),
        [`* METADATA "${shared('Sent')}" /shared/comment`],
      )
    }))

  test('a watch hears of what may be read, and of nothing else', () =>
    onStage(async (stage) => {
      await stage.mailboxes.create('Secret', null)
      await give(stage, 'Sent', new Set<Right>(['l', 'r']))
      await give(stage, 'Trash', new Set<Right>(['l']))
      const bert = await handleOf(stage)
      const heard = new Set<number>()
      const sent = (await bert.find(shared('Sent')))!.mailboxId
      const begun = Promise.withResolvers<void>()
      const last = Promise.withResolvers<void>()
      let isLast = false
      const stop = bert.watch((notice) => {
        if (!('mailboxId' in notice) || notice.mailboxId === null) return
        heard.add(notice.mailboxId)
        if (notice.mailboxId === sent) (isLast ? last : begun).resolve()
      })
      await begun.promise // It tells of what may have changed before.
      for (const name of ['Secret', 'Trash', 'INBOX']) await stage.fill(name, [LETTERS['plain']!])
      isLast = true
      await stage.fill('Sent', [LETTERS['plain']!])
      await last.promise
      stop()
      assert.deepEqual([...heard], [sent])
    }))

  test('EMAILID and THREADID of hers find nothing in his', () =>
    onStage(async (stage) => {
      await stage.fill('INBOX', [LETTERS['plain']!])
      const bert = await logIn(stage, {}, BERT)
      await bert.ask('SELECT INBOX')
      const { accountId } = stage.anna
      for (const id of [1, accountId * 2 ** 32 + 1]) {
        assert.deepEqual(await bert.ask(`SEARCH OR EMAILID M${id} THREADID T${id}`), [
          '* SEARCH',
          'OK Search completed',
        ])
      }
    }))
})

suite('each right by itself', () => {
  type Act = (bert: Mailboxes, target: MailboxId, own: MailboxId) => Promise<{ readonly at: string }>
  const flags = (names: readonly string[]) => ({
    uids: ALL,
    mode: 'add' as const,
    flags: names,
    unchangedSince: null,
  })
  const draftOf = async (bert: Mailboxes) => {
    const sink = bert.open()
    await sink.write(Buffer.from('A: b\r\n\r\nx'))
    const message = await sink.finish()
    assert.ok('body' in message)
    return { message, flags: ['\\Seen', '\\Deleted', 'word'], internalDate: null }
  }
  const found = (value: unknown): { at: string } => ({ at: value === null ? 'not-found' : 'done' })

  /** RFC 4314 §4, the table, and the sections below it. */
  const ACTS: Readonly<Record<string, { needs: (rights: Rights) => boolean; act: Act }>> = {
    read: { needs: (r) => r.has('r'), act: async (bert, target) => found(await bert.info(target)) },
    list: {
      needs: (r) => r.has('l'),
      act: async (bert, target) => found((await bert.list()).find(({ mailboxId }) => mailboxId === target) ?? null),
    },
    entries: {
      needs: (r) => r.has('r'),
      act: async (bert, target) => found((await all(bert.entries(target, ALL)))[0] ?? null),
    },
    seen: { needs: (r) => r.has('r') && r.has('s'), act: (bert, target) => bert.setFlags(target, flags(['\\Seen'])) },
    deleted: {
      needs: (r) => r.has('r') && r.has('t'),
      act: (bert, target) => bert.setFlags(target, flags(['\\Deleted'])),
    },
    word: { needs: (r) => r.has('r') && r.has('w'), act: (bert, target) => bert.setFlags(target, flags(['word'])) },
    expunge: {
      needs: (r) => r.has('e'),
      act: (bert, target) => bert.expunge(target, [{ from: 1 as Uid, to: 1 as Uid }], { deletedOnly: true }),
    },
    append: {
      needs: (r) => r.has('i'),
      act: async (bert, target) => bert.append(target, [await draftOf(bert)]),
    },
    'copy in': { needs: (r) => r.has('i'), act: (bert, target, own) => bert.copy(own, ALL, target) },
    'copy out': { needs: (r) => r.has('r'), act: (bert, target, own) => bert.copy(target, ALL, own) },
    'move out': {
      needs: (r) => r.has('r') && r.has('t') && r.has('e'),
      act: (bert, target, own) => bert.move(target, [{ from: 1 as Uid, to: 1 as Uid }], own),
    },
    create: {
      needs: (r) => r.has('k'),
      act: (bert) => bert.create(`${shared('Box')}/new`, null),
    },
    acl: { needs: (r) => r.has('a'), act: (bert, target) => bert.acl(target) },
    'set acl': {
      needs: (r) => r.has('a'),
      act: (bert, target) => bert.setAcl(target, { identifier: 'anyone', mode: 'remove', rights: ['l'] }),
    },
    annotations: {
      needs: (r) => r.has('l') && ['r', 's', 'w', 'i', 'p'].some((right) => r.has(right as Right)),
      act: (bert, target) => bert.annotations(target),
    },
    'set shared annotations': {
      needs: (r) => r.has('l') && r.has('w'),
      act: (bert, target) => bert.setAnnotations(target, [{ entry: '/shared/comment', value: Buffer.from('x') }]),
    },
    quota: {
      needs: (r) => r.has('r'),
      act: async (bert) => bert.quotaRootOf(shared('Box')),
    },
    remove: { needs: (r) => r.has('x'), act: (bert, target) => bert.remove(target) },
  }

  async function tryAll(rights: Rights): Promise<void> {
    await onStage(async (stage) => {
      for (const [what, { needs, act }] of Object.entries(ACTS)) {
        const made = await stage.mailboxes.create('Box', null)
        assert.ok(made.at === 'done')
        await stage.fill('Box', [LETTERS['plain']!, LETTERS['tree']!])
        await give(stage, 'Box', rights)
        const bert = await handleOf(stage)
        const own = (await bert.find('INBOX'))!.mailboxId
        const target = (stage.anna.accountId * 2 ** 31 + made.mailboxId) as MailboxId
        const outcome = await act(bert, target, own)
        const letters = printRights(rights)
        if (needs(rights)) assert.equal(outcome.at, 'done', `${what} with ${letters}`)
        else {
          assert.notEqual(outcome.at, 'done', `${what} with ${letters}`)
          // RFC 4314 §6: whoever may neither look it up nor read it is not told that it is there.
          const knows = rights.has('l') || rights.has('r') || what === 'create'
          if (!knows) assert.equal(outcome.at, 'not-found', `${what} with ${letters}`)
        }
        for (const name of ['Box/new', 'Box']) {
          const mailbox = await stage.mailboxes.find(name)
          if (mailbox !== null) await stage.mailboxes.remove(mailbox.mailboxId)
        }
      }
    })
  }

  for (const right of RIGHTS) {
    test(`${right} alone, and ${right} with l and r`, async () => {
      await tryAll(new Set([right]))
      await tryAll(new Set<Right>(['l', 'r', right]))
    })
  }

  test('any set of rights', () =>
    fc.assert(
      fc.asyncProperty(fc.subarray([...RIGHTS]), (rights) => tryAll(new Set(rights))),
      {
        numRuns: 12,
        endOnFailure: true,
      },
    ))
})

suite('two accounts, one mailbox', () => {
  test('what is given goes with whom it was given to, and with the owner', () =>
    onStage(async (stage) => {
      await stage.fill('INBOX', [LETTERS['plain']!])
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']))
      const before = await handleOf(stage)
      assert.equal((await before.find(shared('INBOX')))?.messages, 1)
      await stage.core.directory.removeAccount(BERT)
      await stage.core.addAccount(BERT)
      const another = await handleOf(stage)
      assert.equal(await another.find(shared('INBOX')), null, 'another bert is somebody else')
      assert.equal(await before.find(shared('INBOX')), null)
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']))
      const bert = await logIn(stage, {}, BERT)
      await bert.ask(`SELECT "${shared('INBOX')}"`)
      bert.peer.send('i IDLE\r\n')
      await bert.until('+ ')
      await stage.core.directory.removeAccount('anna@here.test')
      await bert.until('* BYE')
    }))

  test('a session that reads ends when it may no more, and reads nothing more by keys that it knows', () =>
    onStage(async (stage) => {
      await stage.fill('INBOX', [LETTERS['plain']!])
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']))
      const handle = await handleOf(stage)
      const { mailboxId } = (await handle.find(shared('INBOX')))!
      const [entry] = await all(handle.entries(mailboxId, ALL))
      assert.equal((await handle.read(entry!.messageKey, 0, 4)).length, 4)
      const bert = await logIn(stage, {}, BERT)
      await bert.ask(`SELECT "${shared('INBOX')}"`)
      bert.peer.send('i IDLE\r\n')
      await bert.until('+ ')
      await give(stage, 'INBOX', new Set<Right>(['l', 'i']))
      await bert.until('* BYE')
      await assert.rejects(handle.read(entry!.messageKey, 0, 4), StoreError)
    }))

  test('a mailbox below a shared one is shared as that is; one at the top is not made by others', () =>
    onStage(async (stage) => {
      await stage.mailboxes.create('Team', null)
      await give(stage, 'Team', new Set<Right>(['l', 'r', 'k', 'x']))
      const bert = await logIn(stage, {}, BERT)
      assert.match((await bert.ask(`CREATE "${shared('Team/Plans/2026')}"`)).at(-1)!, /^OK \[MAILBOXID/)
      assert.match((await bert.ask(`CREATE "${shared('Mine')}"`)).at(-1)!, /^NO \[NOPERM\]/)
      assert.match((await bert.ask(`MYRIGHTS "${shared('Team/Plans')}"`))[0]!, / lrkxcd?$/)
      assert.ok((await stage.mailboxes.find('Team/Plans/2026')) !== null)
      // What is there and hidden is not said to be there.
      await stage.mailboxes.create('Team/Hidden', null)
      await give(stage, 'Team/Hidden', new Set())
      assert.match((await bert.ask(`CREATE "${shared('Team/Hidden')}"`)).at(-1)!, /^NO \[NOPERM\]/)
      assert.match(
        (await bert.ask(`RENAME "${shared('Team/Plans/2026')}" "${shared('Team/Hidden')}"`)).at(-1)!,
        /^NO \[NOPERM\]/,
      )
      // RFC 4314 §4, RENAME: within the owner's, and its rights stay.
      assert.match((await bert.ask(`RENAME "${shared('Team/Plans')}" "${shared('Team/Old')}"`)).at(-1)!, /^OK/)
      assert.match((await bert.ask(`RENAME "${shared('Team/Old')}" Old`)).at(-1)!, /^NO \[CANNOT\]/)
      assert.match((await bert.ask(`RENAME Sent "${shared('Team/Sent')}"`)).at(-1)!, /^NO \[CANNOT\]/)
      assert.match((await bert.ask(`RENAME "${shared('Team/Old')}" "${shared('Old')}"`)).at(-1)!, /^NO \[NOPERM\]/)
      assert.match((await bert.ask(`STATUS "${shared('Team/Old/2026')}" (MESSAGES)`))[0]!, /MESSAGES 0/)
      // What is below it and not his to remove keeps it where it is.
      await give(stage, 'Team/Old/2026', new Set<Right>(['l', 'r']))
      assert.match((await bert.ask(`RENAME "${shared('Team/Old')}" "${shared('Team/New')}"`)).at(-1)!, /^NO \[NOPERM\]/)
      assert.match((await bert.ask(`DELETE "${shared('Team/Old/2026')}"`)).at(-1)!, /^NO \[NOPERM\]/)
      assert.match((await bert.ask(`DELETE "${shared('Team/Old')}"`)).at(-1)!, /^OK/)
      await give(stage, 'INBOX', ALL_RIGHTS)
      assert.match((await bert.ask(`DELETE "${shared('INBOX')}"`)).at(-1)!, /^NO \[CANNOT\]/)
      assert.match((await bert.ask(`RENAME "${shared('INBOX')}" "${shared('INBOX/Old')}"`)).at(-1)!, /^NO \[NOPERM\]/)
    }))

  test('ids differ between owners, and are those of the letter wherever it goes', () =>
    onStage(async (stage) => {
      await stage.fill('INBOX', [LETTERS['plain']!])
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']))
      const anna = await logIn(stage)
      const bert = await logIn(stage, {}, BERT)
      const idIn = async (client: Client): Promise<string> =>
        /EMAILID \((M\d+)\)/.exec((await client.ask('FETCH 1 (EMAILID THREADID)'))[0]!)![1]!
      await anna.ask('SELECT INBOX')
      const hers = await idIn(anna)
      bert.peer.send('a APPEND INBOX {9+}\r\nA: b\r\n\r\ny\r\n')
      await bert.until('a OK')
      await bert.ask('SELECT INBOX')
      const his = await idIn(bert)
      await bert.ask(`SELECT "${shared('INBOX')}"`)
      const theirs = await idIn(bert)
      assert.equal(hers, his, 'each counts from 1')
      assert.notEqual(theirs, his, 'and they are told apart')
      await bert.ask('COPY 1 Sent')
      await bert.ask('SELECT Sent')
      assert.equal(await idIn(bert), theirs, 'RFC 8474 §5.1')
      assert.deepEqual(await bert.ask(`SEARCH EMAILID ${theirs}`), ['* SEARCH 1', 'OK Search completed'])
      await bert.ask(`SELECT "${shared('INBOX')}"`)
      assert.deepEqual(await bert.ask(`SEARCH EMAILID ${theirs}`), ['* SEARCH 1', 'OK Search completed'])
      const ids = (await bert.ask('LIST "" "*" RETURN (STATUS (MAILBOXID))'))
        .filter((line) => line.startsWith('* STATUS'))
        .map((line) => /MAILBOXID \((F\d+)\)/.exec(line)![1]!)
      assert.equal(new Set(ids).size, ids.length)
    }))

  test('anyone is everybody of the domain', () =>
    onStage(async (stage) => {
      await stage.core.directory.addDomain('far.test')
      await stage.core.addAccount('carl@far.test')
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']), 'anyone')
      assert.ok((await (await handleOf(stage)).find(shared('INBOX'))) !== null)
      assert.equal(await (await handleOf(stage, 'carl@far.test')).find(shared('INBOX')), null)
      // By name it reaches further.
      await give(stage, 'INBOX', new Set<Right>(['l', 'r']), 'carl@far.test')
      assert.ok((await (await handleOf(stage, 'carl@far.test')).find(shared('INBOX'))) !== null)
    }))

  test('a letter counts against whom the mailbox belongs to', () =>
    onStage(async (stage) => {
      await give(stage, 'INBOX', new Set<Right>(['l', 'r', 'i']))
      await stage.core.store.run({ do: 'setQuota', accountId: stage.anna.accountId, quotaOctets: 10 })
      const bert = await logIn(stage, {}, BERT)
      bert.peer.send(`a APPEND "${shared('INBOX')}" {100}\r\n`)
      assert.match((await bert.until('a ')).at(-1)!, /^a NO \[OVERQUOTA\]/)
      bert.peer.send('b APPEND INBOX {100+}\r\nA: b\r\n\r\n' + 'x'.repeat(92) + '\r\n')
      await bert.until('b OK')
      await bert.ask('SELECT INBOX')
      assert.match((await bert.ask(`COPY 1 "${shared('INBOX')}"`)).at(-1)!, /^NO \[OVERQUOTA\]/)
      assert.match((await bert.ask(`MOVE 1 "${shared('INBOX')}"`)).at(-1)!, /^NO \[OVERQUOTA\]/)
      assert.deepEqual((await bert.ask('GETQUOTA anna@here.test')).slice(0, -1), [
        '* QUOTA anna@here.test (STORAGE 0 0)',
      ])
    }))

  test('a mailbox of one’s own that was called so before keeps its name', () =>
    onStage(async (stage) => {
      const { accountId } = await refOf(stage, BERT)
      const now = stage.clock.now()
      const make = (name: string) =>
        stage.core.store.run({ do: 'createMailbox', accountId, name, specialUse: null, now })
      await make('Other Users')
      await make('Other Users/anna@here.test/INBOX')
      const bert = await logIn(stage, {}, BERT)
      assert.match((await bert.ask(`MYRIGHTS "${shared('INBOX')}"`))[0]!, /lrswipkxteacd$/)
      await give(stage, 'INBOX', new Set<Right>(['l']))
      assert.match((await bert.ask(`MYRIGHTS "${shared('INBOX')}"`))[0]!, /lrswipkxteacd$/)
      assert.match((await bert.ask('CREATE "Other Users/more"')).at(-1)!, /^NO/)
    }))
})
