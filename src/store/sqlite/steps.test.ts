/**
 * R5, R26: power goes between each two steps of every command: each prefix of its file operations, and each prefix of
 * what it writes to the database's log, page by page and within a page. Opened again, the command is whole or absent.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { BODY_IN_MEMORY_MAX_OCTETS, ORPHAN_BODY_GRACE_MS } from '../../model/limits.ts'
import type { AccountId, MailboxId, QueueId, TraceId } from '../../model/ids.ts'
import type { Answer } from '../../model/queue.ts'
import type { CommandName, Store } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles, type Remains } from '../testing/faulty-files.ts'
import {
  accept,
  account,
  ALL,
  CREDENTIAL,
  deliver,
  draft,
  KEY,
  mailboxId,
  NOW,
  range,
  relayTo,
} from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openPlain } from './database.ts'
import { openStore } from './open.ts'
import { databasePath } from './paths.ts'
import { verifyStore } from './verify.ts'

type Ids = {
  readonly ann: AccountId
  readonly bob: AccountId
  readonly inbox: MailboxId
  readonly work: MailboxId
  readonly sent: MailboxId
  /** Under the lease `me/1`. */
  readonly claimed: QueueId
  readonly waiting: QueueId
}
type Act = (store: Store, ids: Ids) => Promise<unknown>

const SEGMENT = 4096
const STS_POLICY = { id: '1', mode: 'enforce', mx: ['mx.example'], maxAgeSeconds: 60, fetchedAt: 1 } as const
const SECRET = Buffer.alloc(32, 7)
const LARGE = Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS + 77, 'L')
const ANSWER: Answer = { code: 250, status: '2.0.0', text: 'ok', remote: 'mx.b.example' }
const LEASE = 'me/1'
const address = (localPart: string, domain = 'a.example') => ({ localPart, domain })

const append =
  (...contents: readonly (string | Buffer)[]): Act =>
  async (store, { ann, inbox }) => {
    const drafts = await Promise.all(contents.map((content) => draft(store, content)))
    const messages = drafts.map((one) => ({ ...one, flags: ['\\Flagged', 'new-word'], internalDate: NOW - 5 }))
    return store.run({ do: 'append', accountId: ann, mailboxId: inbox, messages, now: NOW })
  }

/** The first of INBOX goes (RFC 8508). */
const replace =
  (content: string | Buffer): Act =>
  async (store, { ann, inbox, sent }) => {
    const messages = [{ ...(await draft(store, content)), flags: ['\\Draft'], internalDate: NOW - 5 }]
    const [uid] = await store.mail.uids(ann, inbox)
    const replaces = { accountId: ann, mailboxId: inbox, uid: range(uid!).from }
    const outcome = await store.run({ do: 'append', accountId: ann, mailboxId: sent, messages, replaces, now: NOW })
    assert.equal(outcome.at, 'done')
  }

const acceptFor =
  (content: string | Buffer): Act =>
  (store, { ann, bob }) =>
    accept(store, content, {
      local: [ann, bob].map((accountId) => ({ accountId, mailbox: 'INBOX', flags: [] })),
      relay: [relayTo('c.example'), relayTo('d.example')],
    })

const settle =
  (to: 'delivered' | 'waiting', notice: string | null): Act =>
  async (store, { claimed, ann }) => {
    const local = [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }]
    const traceId = 'notice' as TraceId
    const notices =
      notice === null ? [] : [{ message: await draft(store, notice), traceId, acceptedAt: NOW, local, relay: [] }]
    return store.run({
      do: 'settle',
      queueId: claimed,
      lease: LEASE,
      results: [{ index: 0, to, answer: ANSWER }],
      now: NOW,
      nextAttemptAt: NOW + 60_000,
      attempted: true,
      delayNoticed: false,
      notices,
    })
  }

/** Every command has a row: what it is given in the world that `build` makes. */
const ROWS = {
  addDomain: [(store) => store.run({ do: 'addDomain', name: 'new.example' })],
  removeDomain: [(store) => store.run({ do: 'removeDomain', name: 'empty.example' })],
  setCatchAll: [(store) => store.run({ do: 'setCatchAll', domain: 'a.example', target: address('ann') })],
  addAccount: [
    (store) =>
      store.run({
        do: 'addAccount',
        address: address('new'),
        credential: CREDENTIAL,
        quotaOctets: 1000,
        mailboxes: [{ name: 'Junk', specialUse: 'Junk' }],
        now: NOW,
      }),
  ],
  removeAccount: [(store, { ann }) => store.run({ do: 'removeAccount', accountId: ann })],
  setCredential: [
    (store, { ann }) =>
      store.run({ do: 'setCredential', accountId: ann, credential: { ...CREDENTIAL, phc: '$argon2id$other' } }),
  ],
  setOnceLink: [
    (store, { bob }) =>
      store.run({ do: 'setOnceLink', accountId: bob, link: { tokenHash: 'bob', expiresAt: NOW + 1000 } }),
    (store, { ann }) => store.run({ do: 'setOnceLink', accountId: ann, link: null }),
  ],
  useOnceLink: [
    (store) =>
      store.run({
        do: 'useOnceLink',
        tokenHash: 'ann',
        credential: { ...CREDENTIAL, phc: '$argon2id$other' },
        now: NOW,
      }),
  ],
  putScript: [
    (store, { ann }) => store.run({ do: 'putScript', accountId: ann, name: 'new', text: 'keep;' }),
    (store, { ann }) => store.run({ do: 'putScript', accountId: ann, name: 'active', text: 'stop;' }),
  ],
  activateScript: [
    (store, { ann }) => store.run({ do: 'activateScript', accountId: ann, name: 'other' }),
    (store, { ann }) => store.run({ do: 'activateScript', accountId: ann, name: null }),
  ],
  removeScript: [(store, { ann }) => store.run({ do: 'removeScript', accountId: ann, name: 'other' })],
  renameScript: [
    (store, { ann }) => store.run({ do: 'renameScript', accountId: ann, name: 'active', newName: 'renamed' }),
  ],
  addAccessKey: [(store, { ann }) => store.run({ do: 'addAccessKey', accountId: ann, ...KEY, name: 'Tablet' })],
  removeAccessKey: [(store, { ann }) => store.run({ do: 'removeAccessKey', accountId: ann, keyId: 1 })],
  noteAccessKeyUse: [
    (store, { ann }) =>
      store.run({
        do: 'noteAccessKeyUse',
        accountId: ann,
        keyId: 1,
        use: { at: NOW, protocol: 'imap', address: '192.0.2.1' },
      }),
  ],
  setQuota: [(store, { ann }) => store.run({ do: 'setQuota', accountId: ann, quotaOctets: 5, quotaMessages: 7 })],
  setRights: [
    (store, { ann, bob, work }) =>
      store.run({
        do: 'setRights',
        accountId: ann,
        mailboxId: work,
        grantee: bob,
        mode: 'add',
        rights: ['l', 'r', 'i'],
      }),
    (store, { ann, bob, inbox }) =>
      store.run({ do: 'setRights', accountId: ann, mailboxId: inbox, grantee: bob, mode: 'replace', rights: [] }),
  ],
  setSendingLimit: [
    (store, { ann }) => store.run({ do: 'setSendingLimit', accountId: ann, limit: { messages: 5, recipients: 6 } }),
    (store, { bob }) => store.run({ do: 'setSendingLimit', accountId: bob, limit: null }),
  ],
  setStsPolicy: [
    (store) => store.run({ do: 'setStsPolicy', domain: 'new.example', policy: STS_POLICY }),
    (store) => store.run({ do: 'setStsPolicy', domain: 'kept.example', policy: null }),
  ],
  setUrlKey: [
    (store, { ann, work }) => store.run({ do: 'setUrlKey', accountId: ann, mailboxId: work, key: SECRET, anew: false }),
    (store, { ann, inbox }) =>
      store.run({ do: 'setUrlKey', accountId: ann, mailboxId: inbox, key: SECRET, anew: true }),
  ],
  removeUrlKeys: [(store, { ann }) => store.run({ do: 'removeUrlKeys', accountId: ann })],
  setAnnotations: [
    (store, { ann, bob, work }) =>
      store.run({
        do: 'setAnnotations',
        accountId: ann,
        mailboxId: work,
        reader: bob,
        changes: [
          { entry: '/private/comment', value: Buffer.from('mine') },
          { entry: '/shared/comment', value: Buffer.from('ours') },
        ],
      }),
    (store, { ann, work }) =>
      store.run({
        do: 'setAnnotations',
        accountId: ann,
        mailboxId: work,
        reader: ann,
        changes: [],
        specialUse: 'Sent',
      }),
  ],
  addAlias: [(store) => store.run({ do: 'addAlias', address: address('all'), targets: [address('ann')] })],
  removeAlias: [(store) => store.run({ do: 'removeAlias', address: address('info') })],
  accept: [
    acceptFor('to many'),
    acceptFor(LARGE),
    async (store, { ann, bob }) => {
      const local = [{ accountId: ann, mailbox: 'INBOX' as const, flags: [] }]
      const traceId = 'further' as TraceId
      const further = [{ message: await draft(store, LARGE), traceId, acceptedAt: NOW, local, relay: [] }]
      const remember = [{ accountId: ann, what: 'vacation' as const, key: 'zoe', until: NOW + 1000 }]
      return accept(store, 'with more', { local: [{ accountId: bob, mailbox: 'INBOX', flags: [] }], further, remember })
    },
  ],
  append: [
    append('one'),
    append('one', LARGE, 'x'.repeat(SEGMENT - 900), 'three', LARGE),
    replace('instead'),
    replace(LARGE),
  ],
  setFlags: [
    (store, { ann, inbox }) =>
      store.run({
        do: 'setFlags',
        accountId: ann,
        mailboxId: inbox,
        uids: ALL,
        mode: 'add',
        flags: ['\\Seen', 'word'],
        unchangedSince: null,
      }),
  ],
  copy: [
    (store, { ann, inbox, work }) =>
      store.run({ do: 'copy', accountId: ann, from: inbox, to: work, uids: ALL, now: NOW }),
    async (store, { ann, bob, inbox }) =>
      store.run({
        do: 'copy',
        accountId: ann,
        from: inbox,
        to: await mailboxId(store, bob),
        toAccountId: bob,
        uids: ALL,
        now: NOW,
      }),
  ],
  move: [
    (store, { ann, inbox, work }) =>
      store.run({ do: 'move', accountId: ann, from: inbox, to: work, uids: [range(2, 3)], now: NOW }),
    async (store, { ann, bob, inbox }) =>
      store.run({
        do: 'move',
        accountId: ann,
        from: inbox,
        to: await mailboxId(store, bob),
        toAccountId: bob,
        uids: [range(2, 3)],
        now: NOW,
      }),
  ],
  expunge: [
    (store, { ann, inbox }) =>
      store.run({ do: 'expunge', accountId: ann, mailboxId: inbox, uids: ALL, deletedOnly: false }),
  ],
  createMailbox: [
    (store, { ann }) => store.run({ do: 'createMailbox', accountId: ann, name: 'New', specialUse: null, now: NOW }),
  ],
  deleteMailbox: [
    (store, { ann, work }) => store.run({ do: 'deleteMailbox', accountId: ann, mailboxId: work }),
    (store, { ann, sent }) => store.run({ do: 'deleteMailbox', accountId: ann, mailboxId: sent }),
  ],
  renameMailbox: [
    (store, { ann, work }) =>
      store.run({ do: 'renameMailbox', accountId: ann, mailboxId: work, name: 'Play', now: NOW }),
    (store, { ann, inbox }) =>
      store.run({ do: 'renameMailbox', accountId: ann, mailboxId: inbox, name: 'Old', now: NOW }),
  ],
  setSubscribed: [
    (store, { ann }) => store.run({ do: 'setSubscribed', accountId: ann, name: 'Elsewhere', subscribed: true }),
  ],
  claimDue: [
    (store) =>
      store.run({
        do: 'claimDue',
        now: NOW,
        lease: 'me/2',
        leaseUntil: NOW + 1000,
        limit: 9,
        perDestination: 9,
        except: [],
      }),
  ],
  settle: [settle('delivered', null), settle('waiting', null), settle('delivered', 'It came too late.')],
  releaseLeases: [(store) => store.run({ do: 'releaseLeases', prefix: 'me/' })],
  retryQueued: [(store) => store.run({ do: 'retryQueued', queueIds: null, now: NOW + 7, last: true })],
  holdQueued: [(store) => store.run({ do: 'holdQueued', queueIds: null })],
  shiftQueued: [(store) => store.run({ do: 'shiftQueued', byMs: 1000, arrivedSince: NOW + 1, now: NOW + 2 })],
  resumeQueued: [(store) => store.run({ do: 'resumeQueued', now: NOW + 90_000, lateMs: 10 })],
  removeQueued: [(store, { waiting }) => store.run({ do: 'removeQueued', queueIds: [waiting] })],
} satisfies Record<CommandName, readonly Act[]>

async function build(store: Store): Promise<Ids> {
  const ann = await account(store)
  const bob = await account(store, 'bob')
  await store.run({ do: 'setOnceLink', accountId: ann, link: { tokenHash: 'ann', expiresAt: NOW + 1000 } })
  await store.run({ do: 'addAccessKey', accountId: ann, ...KEY })
  await store.run({ do: 'setStsPolicy', domain: 'kept.example', policy: STS_POLICY })
  await store.run({ do: 'setSendingLimit', accountId: bob, limit: { messages: 1, recipients: 1 } })
  await store.run({ do: 'putScript', accountId: ann, name: 'active', text: 'keep;' })
  await store.run({ do: 'putScript', accountId: ann, name: 'other', text: 'discard;' })
  await store.run({ do: 'activateScript', accountId: ann, name: 'active' })
  await store.run({ do: 'addDomain', name: 'empty.example' })
  await store.run({ do: 'addAlias', address: address('info'), targets: [address('ann'), address('bob')] })
  for (const name of ['Work', 'Work/sub']) {
    await store.run({ do: 'createMailbox', accountId: ann, name, specialUse: null, now: NOW })
  }
  for (const content of ['first', 'second', LARGE, 'x'.repeat(SEGMENT - 500), 'last']) {
    await deliver(store, ann, content)
  }
  const work = await mailboxId(store, ann, 'Work')
  const inbox = await mailboxId(store, ann)
  const sent = await mailboxId(store, ann, 'Sent')
  await store.run({ do: 'copy', accountId: ann, from: inbox, to: work, uids: [range(1, 2)], now: NOW })
  await accept(store, LARGE, { local: [{ accountId: ann, mailbox: 'Sent', flags: ['\\Seen'] }] })
  await store.run({ do: 'setUrlKey', accountId: ann, mailboxId: inbox, key: Buffer.alloc(32, 1), anew: false })
  await store.run({ do: 'setRights', accountId: ann, mailboxId: inbox, grantee: bob, mode: 'add', rights: ['l', 'r'] })
  await store.run({
    do: 'setAnnotations',
    accountId: ann,
    mailboxId: work,
    reader: bob,
    changes: [{ entry: '/private/comment', value: Buffer.from('old') }],
  })
  const ids: QueueId[] = []
  for (const destination of ['b.example', 'z.example']) {
    const outcome = await accept(store, `to ${destination}`, { relay: [relayTo(destination)] })
    assert.ok(outcome.at === 'accepted')
    ids.push(outcome.queueIds[0]!)
  }
  const [claimed, waiting] = ids as [QueueId, QueueId]
  const claim = { now: NOW, lease: LEASE, leaseUntil: NOW + 5000, limit: 1, perDestination: 1, except: [] }
  const { entries } = await store.run({ do: 'claimDue', ...claim })
  assert.equal(entries[0]?.queueId, claimed)
  return { ann, bob, inbox, work, sent, claimed, waiting }
}

/** All that a person, a client or another server could tell apart, each body's octets included. */
const TABLES: Readonly<Record<string, string>> = {
  domain: '*',
  account: '*',
  address: '*',
  mailbox: '*',
  subscription: '*',
  once_link: '*',
  message_quota: '*',
  mailbox_right: '*',
  annotation: 'account_id, mailbox_id, reader, entry, hex(value)',
  url_key: 'account_id, mailbox_id, hex(secret)',
  message_thread: '*',
  access_key: '*',
  script: '*',
  remembered: '*',
  sts_policy: '*',
  sent: '*',
  sending_limit: '*',
  alias_end: '*',
  keyword: '*',
  entry: '*',
  expunged: '*',
  message: 'message_id, entries, summary',
  queue: `queue_id, trace_id, destination, envelope, recipients, skip_octets, size_octets, accepted_at, expires_at, attempts,
    next_attempt_at, delay_notice_at, sender_verified, held, lease, due_at`,
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function stateOf(store: Store, dataDir: string): Promise<string> {
  const db = openPlain(databasePath(dataDir), 0)
  const rows: unknown[] = []
  try {
    for (const [table, columns] of Object.entries(TABLES)) {
      const texts = db
        .prepare(`SELECT ${columns} FROM ${table}`)
        .all()
        .map((row) => JSON.stringify(row))
      rows.push(table, texts.toSorted())
    }
    const messages = db.prepare<[number, number, number]>(
      'SELECT DISTINCT account_id, message_key, size_octets FROM entry ORDER BY 1, 2',
    )
    for (const [accountId, key, octets] of messages.all()) {
      const bytes = await store.mail.read(accountId as AccountId, key as never, 0, octets)
      rows.push([accountId, key, hashOf(bytes)])
    }
  } finally {
    db.close()
  }
  for (const { queueId, sizeOctets } of await store.queue.list()) {
    rows.push([queueId, hashOf(await store.queue.read(queueId, 0, sizeOctets))])
  }
  return JSON.stringify(rows)
}

const open = (dataDir: string, files: FaultyFiles, now: () => number = testClock.now): Promise<Store> =>
  openStore({ dataDir, files, clock: { ...testClock, now }, log: silentLog, segmentMaxOctets: SEGMENT })

async function inDirectory<T>(body: (path: string) => Promise<T>): Promise<T> {
  const directory = temporaryDirectory()
  try {
    return await body(directory.path)
  } finally {
    directory.remove()
  }
}

/** The world opens, is what `expected` says, agrees with itself, goes on, and keeps no litter. */
async function check(dataDir: string, disk: FaultyFiles, expected: readonly string[], ids: Ids): Promise<string> {
  const store = await open(dataDir, disk)
  const found = await stateOf(store, dataDir)
  await store.close()
  assert.ok(expected.includes(found), 'neither as before nor as after')
  assert.deepEqual(verifyStore({ dataDir, files: disk }), [])
  const later = await open(dataDir, disk, () => Date.now() + 2 * ORPHAN_BODY_GRACE_MS)
  await deliver(later, ids.bob, 'it goes on')
  await later.close()
  const db = openPlain(databasePath(dataDir), 0)
  const known = db.prepare<[number]>('SELECT count(*) FROM segment').get()?.[0] ?? 0
  db.close()
  const segments = disk.names().filter((name) => name.endsWith('.seg')).length
  assert.equal(segments, known, 'orphans are collected')
  assert.ok(!disk.names().some((name) => name.endsWith('.part')), 'the spool is empty')
  return found
}

const WAL_HEAD_OCTETS = 32
const FRAME_OCTETS = 24 + 4096

/** Each end of a page in the log from `from` on, and the middle of the first and of the last. */
function* prefixes(from: number, to: number): Generator<number> {
  const first = Math.max(from, WAL_HEAD_OCTETS)
  for (let at = first; at < to; at += FRAME_OCTETS) {
    yield at
    if (at === first || at + FRAME_OCTETS >= to) yield at + (FRAME_OCTETS >> 1)
  }
}

/** Power goes while the rows are written. */
async function alongTheLog(act: Act, files: FaultyFiles = faultyFiles()): Promise<number> {
  return inDirectory(async (path) => {
    const dataDir = join(path, 'data')
    mkdirSync(dataDir)
    const store = await open(dataDir, files)
    const ids = await build(store)
    const before = await stateOf(store, dataDir)
    const database = readFileSync(databasePath(dataDir))
    const logPath = `${databasePath(dataDir)}-wal`
    const from = readFileSync(logPath).length
    await act(store, ids)
    const after = await stateOf(store, dataDir)
    assert.notEqual(after, before, 'the command changes something')
    assert.ok(database.equals(readFileSync(databasePath(dataDir))), 'no checkpoint in between')
    const log = readFileSync(logPath)
    let trials = 0
    const tryAt = async (octets: number, remains: Remains, expected: string): Promise<void> => {
      const to = join(path, `trial-${trials++}`)
      mkdirSync(to)
      writeFileSync(databasePath(to), database)
      writeFileSync(`${databasePath(to)}-wal`, log.subarray(0, octets))
      const disk = files.afterCrash(remains).renamed(dataDir, to)
      await check(to, disk, [expected], ids)
    }
    for (const octets of prefixes(from, log.length)) await tryAt(octets, 'nothing', before)
    for (const remains of ['nothing', 'all'] as const) await tryAt(log.length, remains, after)
    await store.close()
    return trials
  })
}

/** Power goes at the nth file operation. @returns whether it came to that */
async function atFileOperation(
  act: Act,
  n: number,
  remains: Remains,
  states: readonly [string, string],
): Promise<boolean> {
  return inDirectory(async (path) => {
    const dataDir = join(path, 'data')
    mkdirSync(dataDir)
    const files = faultyFiles()
    const store = await open(dataDir, files)
    const ids = await build(store)
    files.arm({ at: n, code: 'POWER' })
    const acked = await act(store, ids).then(
      () => true,
      () => false,
    )
    const crashed = files.operations.length > n
    await store.close()
    const found = await check(dataDir, files.afterCrash(remains), states, ids)
    if (acked) assert.equal(found, states[1], 'acknowledged and not there')
    return crashed
  })
}

/** Before and after, when nothing happens. */
async function bothStates(act: Act): Promise<readonly [string, string]> {
  return inDirectory(async (path) => {
    const dataDir = join(path, 'data')
    mkdirSync(dataDir)
    const store = await open(dataDir, faultyFiles())
    const ids = await build(store)
    const before = await stateOf(store, dataDir)
    await act(store, ids)
    const after = await stateOf(store, dataDir)
    await store.close()
    return [before, after] as const
  })
}

suite('a crash between each two steps of every command', () => {
  for (const [name, acts] of Object.entries(ROWS) as [CommandName, readonly Act[]][]) {
    for (const [index, act] of acts.entries()) {
      const title = acts.length === 1 ? name : `${name} ${index + 1}`
      test(`${title}: along the database’s log`, async () => {
        const trials = await alongTheLog(act)
        assert.ok(trials >= 4, `only ${trials} steps`)
      })
      test(`${title}: at each file operation`, async () => {
        const states = await bothStates(act)
        for (const remains of ['nothing', 'half', 'all'] as const) {
          let n = 0
          while (await atFileOperation(act, n, remains, states)) n++
        }
      })
    }
  }

  test('the check itself: without the sync of the bodies, an acknowledged letter is lost', async () => {
    const liar: FaultyFiles = { ...faultyFiles(), dataSync() {} }
    await assert.rejects(alongTheLog(append('one'), liar), /damaged|cut short|gone/)
  })

  test('every command of the contract is in the table', () => {
    const text = readFileSync(new URL('../contract.ts', import.meta.url), 'utf8')
    const [, commands = ''] = /export type Commands = \{\n([^]*?)\n\}\n/.exec(text) ?? []
    const names = [...commands.matchAll(/^ {2}(\w+): \{/gm)].map(([, name]) => name)
    assert.ok(names.length > 20)
    assert.deepEqual(new Set(Object.keys(ROWS)), new Set(names))
  })
})
