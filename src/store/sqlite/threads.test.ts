import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { BODY_IN_MEMORY_MAX_OCTETS, COMMIT_GROUP_MAX, COMMIT_GROUP_MAX_OCTETS } from '../../model/limits.ts'
import { storeSuite } from '../contract-suite.ts'
import { type Store, StoreError } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { account, ALL, collect, deliver, mailboxId } from '../testing/letters.ts'
import { inTwoThreads, temporaryDirectory } from '../testing/rooms.ts'
import { connectStore } from './connect.ts'
import { startStoreWriter, type StoreWriter } from './start.ts'
import { count as watch, newWatched } from './watched.ts'
import type { Report, Request } from './wire.ts'

storeSuite('sqlite store, writer in its own thread', inTwoThreads, { concurrency: 4 })

async function started(body: (writer: StoreWriter, connect: () => Promise<Store>, dataDir: string) => Promise<void>) {
  const directory = temporaryDirectory()
  const dataDir = join(directory.path, 'data')
  const writer = await startStoreWriter({ dataDir, log: silentLog })
  try {
    await body(
      writer,
      () => connectStore({ dataDir, port: writer.connect(), clock: testClock, log: silentLog }),
      dataDir,
    )
  } finally {
    await writer.close()
    directory.remove()
  }
}

const closed = (error: unknown): boolean => error instanceof StoreError && error.kind === 'closed'

suite('the writer’s thread', () => {
  test('serves many at once; each hears of what the others change', () =>
    started(async (_writer, connect) => {
      const stores = await Promise.all([connect(), connect(), connect()])
      const [one, two, three] = stores
      const ann = await account(one)
      const heard = Promise.withResolvers<void>()
      let count = 0
      three.changes.watchAccount(ann, () => {
        count++
        mailboxId(three, ann)
          .then((id) => three.mail.mailbox(ann, id))
          .then((mailbox) => {
            if (mailbox?.messages === 40) heard.resolve()
          })
          .catch(heard.reject)
      })
      const uids = await Promise.all(Array.from({ length: 40 }, (_, i) => deliver(i % 2 ? one : two, ann, `m${i}`)))
      assert.deepEqual(
        uids.toSorted((a, b) => a - b),
        Array.from({ length: 40 }, (_, i) => i + 1),
      )
      await heard.promise
      assert.ok(count > 0)
      const entries = await collect(three.mail.entries(ann, await mailboxId(three, ann), ALL))
      assert.equal(entries.length, 40)
      await Promise.all(stores.map((store) => store.close()))
    }))

  test('a thread is told of what it watches, and not woken for the rest', () =>
    started(async (writer, connect) => {
      const store = await connect()
      const [ann, bob] = [await account(store, 'ann'), await account(store, 'bob')]
      const port = writer.connect()
      const watched = newWatched()
      port.postMessage({ watched } satisfies Request)
      const reports: Report[] = []
      const heard = { mailbox: Promise.withResolvers<void>(), directory: Promise.withResolvers<void>() }
      port.on('message', (report: Report) => {
        reports.push(report)
        for (const { kind } of report.notices) if (kind === 'mailbox' || kind === 'directory') heard[kind].resolve()
      })
      // Messages of two ports come in no certain order: until one is heard, the writer may not know what is watched.
      watch(watched, 'directory', 1)
      for (let number = 1; reports.length === 0; number++)
        await store.run({ do: 'addDomain', name: `first${number}.example` })
      watch(watched, 'directory', -1)
      heard.directory = Promise.withResolvers()
      watch(watched, bob, 1)
      await deliver(store, ann, 'not for him')
      await deliver(store, bob, 'for him')
      await heard.mailbox.promise
      watch(watched, bob, -1)
      await deliver(store, bob, 'he has gone')
      watch(watched, 'directory', 1)
      await store.run({ do: 'addDomain', name: 'last.example' })
      const told = (): (string | number)[] =>
        reports.flatMap(({ notices }) =>
          notices.map((notice) => ('accountId' in notice ? notice.accountId : notice.kind)),
        )
      for (; told().at(-1) !== 'directory' || !told().includes(bob); heard.directory = Promise.withResolvers())
        await heard.directory.promise
      assert.deepEqual(told().slice(told().indexOf(bob)), [bob, 'directory'])
      assert.ok(!told().includes(ann))
      port.close()
      await store.close()
    }))

  test('more than one commit carries, given at once', () =>
    started(async (_writer, connect) => {
      const store = await connect()
      const names = Array.from({ length: 2 * COMMIT_GROUP_MAX + 1 }, (_, i) => `d${i}.example`)
      const outcomes = await Promise.all(names.map((name) => store.run({ do: 'addDomain', name })))
      assert.ok(outcomes.every(({ at }) => at === 'done'))
      const ann = await account(store)
      const large = Buffer.alloc(BODY_IN_MEMORY_MAX_OCTETS, 'x')
      const count = Math.ceil(COMMIT_GROUP_MAX_OCTETS / large.length) + 1
      const uids = await Promise.all(Array.from({ length: count }, () => deliver(store, ann, large)))
      assert.equal(new Set(uids).size, count)
      await store.close()
    }))

  test('a store that is closed leaves the others alone', () =>
    started(async (_writer, connect) => {
      const [one, two] = [await connect(), await connect()]
      const ann = await account(one)
      const delivered = deliver(one, ann, 'x')
      for (let i = 0; i < 20; i++) await Promise.resolve() // Staged, and given.
      await one.close()
      assert.equal(await delivered, 1)
      assert.equal(await deliver(two, ann, 'y'), 2)
      await two.close()
    }))

  test('when it dies, that is known; what waits and what comes is refused', () =>
    started(async (writer, connect) => {
      const store = await connect()
      const ann = await account(store)
      // A message that no store sends: the thread throws, and is gone.
      writer.connect().postMessage({}, [])
      assert.match((await writer.failed).message, /iterable/)
      await assert.rejects(deliver(store, ann, 'too late'), closed)
      assert.equal((await collect(store.mail.entries(ann, await mailboxId(store, ann), ALL))).length, 0)
      await store.close()
    }))

  test('closing the writer ends the stores that still are connected', () =>
    started(async (writer, connect) => {
      const store = await connect()
      const ann = await account(store)
      await writer.close()
      await assert.rejects(deliver(store, ann, 'too late'), closed)
      await store.close()
    }))

  test('a second writer is told in one line, and the first goes on', () =>
    started(async (_writer, connect, dataDir) => {
      const second = startStoreWriter({ dataDir, log: silentLog })
      await assert.rejects(second, { name: 'InUse', message: /^[^\n]*in use by another gavan[^\n]*$/ })
      const store = await connect()
      await account(store)
      await store.close()
    }))
})
