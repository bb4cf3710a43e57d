/** Random commands against a mailbox kept in plain arrays: flags, uids, modSeqs and contents are always the same. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { silentLog } from '../../std/log.ts'
import type { AccountId, MailboxId, ModSeq } from '../../model/ids.ts'
import type { UidRange } from '../../model/mailbox.ts'
import type { Store, StoreFlagsMode } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles } from '../testing/faulty-files.ts'
import { account, collect, draft, ALL, mailboxId, NOW, range } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openStore } from './open.ts'
import { verifyStore } from './verify.ts'

const RUNS = 25
const FLAGS = ['\\Seen', '\\Deleted', '\\Flagged', 'a', 'b', 'ab'] as const

type Entry = { uid: number; flags: Set<string>; modSeq: number; content: string }
type Box = { id: MailboxId; entries: Entry[]; uidNext: number; gone: { uid: number; modSeq: number }[] }
type World = { store: Store; accountId: AccountId; boxes: readonly [Box, Box]; modSeq: number }

type Step =
  | { do: 'append'; box: 0 | 1; flags: string[][]; size: number }
  | { do: 'replace'; box: 0 | 1; to: 0 | 1; uid: number; size: number }
  | { do: 'flags'; box: 0 | 1; uids: UidRange[]; mode: StoreFlagsMode; flags: string[]; since: number | null }
  | { do: 'copy' | 'move'; from: 0 | 1; to: 0 | 1; uids: UidRange[] }
  | { do: 'expunge'; box: 0 | 1; uids: UidRange[]; deletedOnly: boolean }
  | { do: 'restart' }

const box = fc.constantFrom<0 | 1>(0, 1)
const flags = fc.uniqueArray(fc.constantFrom(...FLAGS), { maxLength: 4 })
const uid = fc.integer({ min: 1, max: 30 })
const uids = fc.array(
  fc.oneof(
    fc.tuple(uid, uid).map(([a, b]) => range(Math.min(a, b), Math.max(a, b))),
    uid.map((first) => range(first, 4_294_967_295)),
  ),
  { minLength: 1, maxLength: 4 },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    box,
    flags: fc.array(flags, { minLength: 1, maxLength: 4 }),
    size: fc.integer({ min: 0, max: 3000 }),
  }),
  fc.record({ do: fc.constant('replace' as const), box, to: box, uid, size: fc.integer({ min: 0, max: 3000 }) }),
  fc.record({
    do: fc.constant('flags' as const),
    box,
    uids,
    mode: fc.constantFrom<StoreFlagsMode>('add', 'remove', 'replace'),
    flags,
    since: fc.option(fc.integer({ min: 0, max: 30 })),
  }),
  fc.record({ do: fc.constantFrom('copy' as const, 'move' as const), from: box, to: box, uids }),
  fc.record({ do: fc.constant('expunge' as const), box, uids, deletedOnly: fc.boolean() }),
  fc.constant({ do: 'restart' as const }),
)

const named = (entries: readonly Entry[], ranges: readonly UidRange[]): Entry[] =>
  entries.filter((entry) => ranges.some(({ from, to }) => from <= entry.uid && entry.uid <= to))

function changed(old: ReadonlySet<string>, mode: StoreFlagsMode, by: readonly string[]): Set<string> {
  if (mode === 'replace') return new Set(by)
  return mode === 'add' ? old.union(new Set(by)) : old.difference(new Set(by))
}

function tick(world: World, modSeq: number): number {
  assert.ok(modSeq > world.modSeq, 'modSeq only rises')
  return (world.modSeq = modSeq)
}

async function highest({ store, accountId }: World, { id }: Box): Promise<number> {
  return (await store.mail.mailbox(accountId, id))!.highestModSeq
}

async function take(world: World, one: Exclude<Step, { do: 'restart' }>): Promise<void> {
  const { store, accountId, boxes } = world
  switch (one.do) {
    case 'append': {
      const at = boxes[one.box]
      const contents = one.flags.map((_, i) => String.fromCharCode(97 + ((at.uidNext + i) % 26)).repeat(one.size))
      const messages = await Promise.all(
        one.flags.map(async (set, i) => ({ ...(await draft(store, contents[i]!)), flags: set, internalDate: 0 })),
      )
      const outcome = await store.run({ do: 'append', accountId, mailboxId: at.id, messages, now: NOW })
      assert.ok(outcome.at === 'done')
      const modSeq = tick(world, outcome.modSeq)
      one.flags.forEach((set, i) => {
        at.entries.push({ uid: at.uidNext++, flags: new Set(set), modSeq, content: contents[i]! })
      })
      return
    }
    case 'replace': {
      const [from, to] = [boxes[one.box], boxes[one.to]]
      const content = 'r'.repeat(one.size)
      const messages = [{ ...(await draft(store, content)), flags: [], internalDate: 0 }]
      const replaces = { accountId, mailboxId: from.id, uid: range(one.uid).from }
      const outcome = await store.run({ do: 'append', accountId, mailboxId: to.id, messages, replaces, now: NOW })
      const [old] = named(from.entries, [range(one.uid)])
      assert.equal(outcome.at, old === undefined ? 'gone' : 'done')
      if (outcome.at !== 'done' || old === undefined) return
      const modSeq = tick(world, outcome.modSeq)
      to.entries.push({ uid: to.uidNext++, flags: new Set(), modSeq, content })
      remove(from, [old], modSeq)
      return
    }
    case 'flags': {
      const at = boxes[one.box]
      const unchangedSince = one.since as ModSeq | null
      const outcome = await store.run({ ...one, do: 'setFlags', accountId, mailboxId: at.id, unchangedSince })
      assert.ok(outcome.at === 'done')
      const since = one.since ?? Number.MAX_SAFE_INTEGER
      const hit = named(at.entries, one.uids)
      assert.deepEqual(
        outcome.modified,
        hit.filter(({ modSeq }) => modSeq > since).map((entry) => entry.uid),
      )
      const differing = hit.filter((entry) => {
        return (
          entry.modSeq <= since && entry.flags.symmetricDifference(changed(entry.flags, one.mode, one.flags)).size > 0
        )
      })
      assert.deepEqual(
        outcome.changed.map((entry) => entry.uid),
        differing.map((entry) => entry.uid),
      )
      assert.equal(outcome.modSeq === null, differing.length === 0)
      for (const entry of differing) {
        entry.flags = changed(entry.flags, one.mode, one.flags)
        entry.modSeq = outcome.modSeq!
      }
      if (outcome.modSeq !== null) tick(world, outcome.modSeq)
      return
    }
    case 'copy':
    case 'move': {
      const [from, to] = [boxes[one.from], boxes[one.to]]
      const sources = named(from.entries, one.uids)
      const outcome = await store.run({
        do: one.do,
        accountId,
        from: from.id,
        to: to.id,
        uids: one.uids,
        now: NOW,
      })
      assert.ok(outcome.at === 'done')
      assert.deepEqual(
        outcome.sources,
        sources.map((entry) => entry.uid),
      )
      assert.deepEqual(
        outcome.uids,
        sources.map((_, i) => to.uidNext + i),
      )
      if (sources.length === 0) return
      const modSeq = tick(world, await highest(world, to))
      for (const source of sources) to.entries.push({ ...source, uid: to.uidNext++, modSeq })
      if (one.do === 'move') remove(from, sources, modSeq)
      return
    }
    case 'expunge': {
      const at = boxes[one.box]
      const hit = named(at.entries, one.uids).filter((entry) => !one.deletedOnly || entry.flags.has('\\Deleted'))
      const outcome = await store.run({ ...one, accountId, mailboxId: at.id })
      assert.ok(outcome.at === 'done')
      assert.deepEqual(
        outcome.uids,
        hit.map((entry) => entry.uid),
      )
      if (outcome.modSeq !== null) remove(at, hit, tick(world, outcome.modSeq))
      return
    }
  }
}

function remove(from: Box, entries: readonly Entry[], modSeq: number): void {
  from.entries = from.entries.filter((entry) => !entries.includes(entry))
  for (const entry of entries) from.gone.push({ uid: entry.uid, modSeq })
}

async function same(world: World): Promise<void> {
  const { store, accountId } = world
  let used = 0
  for (const at of world.boxes) {
    const mailbox = (await store.mail.mailbox(accountId, at.id))!
    const size = at.entries.reduce((sum, { content }) => sum + content.length, 0)
    used += size
    assert.deepEqual(
      [mailbox.messages, mailbox.unseen, mailbox.deleted, mailbox.sizeOctets, mailbox.uidNext],
      [
        at.entries.length,
        at.entries.filter((entry) => !entry.flags.has('\\Seen')).length,
        at.entries.filter((entry) => entry.flags.has('\\Deleted')).length,
        size,
        at.uidNext,
      ],
    )
    const entries = await collect(store.mail.entries(accountId, at.id, ALL))
    assert.deepEqual(
      entries.map((entry) => ({ uid: entry.uid, modSeq: entry.modSeq, flags: entry.flags.toSorted() })),
      at.entries.map((entry) => ({ uid: entry.uid, modSeq: entry.modSeq, flags: [...entry.flags].toSorted() })),
    )
    for (const [i, entry] of entries.entries()) {
      const bytes = await store.mail.read(accountId, entry.messageKey, 0, entry.sizeOctets)
      assert.equal(Buffer.from(bytes).toString(), at.entries[i]?.content)
    }
    for (const since of [1, world.modSeq - 3, world.modSeq - 1, world.modSeq].map((n) => Math.max(1, n) as ModSeq)) {
      const later = await collect(store.mail.entries(accountId, at.id, ALL, { changedSince: since }))
      const expected = at.entries.filter((entry) => entry.modSeq > since)
      assert.deepEqual(
        later.map((entry) => entry.uid),
        expected.map((entry) => entry.uid),
      )
      const gone = at.gone.filter(({ modSeq }) => modSeq > since).map((entry) => entry.uid)
      assert.deepEqual(
        await store.mail.expungedSince(accountId, at.id, since),
        gone.toSorted((a, b) => a - b),
      )
    }
  }
  assert.equal((await store.directory.account(accountId))?.usedOctets, used)
}

function open(dataDir: string, files: FaultyFiles): Promise<Store> {
  mkdirSync(dataDir, { recursive: true })
  return openStore({ dataDir, files, clock: testClock, log: silentLog, segmentMaxOctets: 10_000 })
}

async function play(steps: readonly Step[]): Promise<void> {
  const directory = temporaryDirectory()
  const files = faultyFiles()
  try {
    const store = await open(directory.path, files)
    const accountId = await account(store)
    const made = async (name: string): Promise<Box> => ({
      id: await mailboxId(store, accountId, name),
      entries: [],
      uidNext: 1,
      gone: [],
    })
    const world: World = { store, accountId, boxes: [await made('INBOX'), await made('Sent')], modSeq: 2 }
    for (const one of steps) {
      if (one.do === 'restart') {
        await world.store.close()
        world.store = await open(directory.path, files)
      } else await take(world, one)
      await same(world)
    }
    assert.deepEqual(verifyStore({ dataDir: directory.path, files }), [])
    const everything = { uids: ALL, deletedOnly: false, accountId, do: 'expunge' } as const
    for (const { id } of world.boxes) await world.store.run({ ...everything, mailboxId: id })
    await world.store.close()
    assert.deepEqual(verifyStore({ dataDir: directory.path, files }), [])
    // One file may be the one that grows; all others were wholly dead.
    assert.ok(files.names().filter((name) => name.endsWith('.seg')).length <= 1, 'dead segments are removed')
  } finally {
    directory.remove()
  }
}

suite('random commands', () => {
  test('a mailbox is what a plain model says it is', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), play), {
      numRuns: RUNS,
      endOnFailure: true,
    })
  })
})
