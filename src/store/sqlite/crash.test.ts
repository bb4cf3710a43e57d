/** R5: power goes between any two file operations of keeping a message; the message is then whole or not there. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { BODY_IN_MEMORY_MAX_OCTETS } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { type FaultyFiles, faultyFiles, type Remains } from '../testing/faulty-files.ts'
import { accept, account, ALL, collect, deliver, mailboxId, relayTo } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openStore } from './open.ts'
import { verifyStore } from './verify.ts'

const SEGMENT = 4096
function open(dataDir: string, files: FaultyFiles): Promise<Store> {
  mkdirSync(dataDir, { recursive: true }) // For SQLite's files, which are real.
  return openStore({ dataDir, files, clock: testClock, log: silentLog, segmentMaxOctets: SEGMENT })
}

const letter = (octets: number, fill: string): Buffer => Buffer.alloc(octets, fill)

/** Every message that has a row has its bytes, and they are those of a letter. @returns their first characters */
async function wholeMessages(store: Store, accountId: AccountId): Promise<string> {
  let found = ''
  for (const entry of await collect(store.mail.entries(accountId, await mailboxId(store, accountId), ALL))) {
    const bytes = await store.mail.read(accountId, entry.messageKey, 0, entry.sizeOctets)
    const fill = String.fromCharCode(bytes[0] ?? 0)
    assert.ok(letter(entry.sizeOctets, fill).equals(bytes))
    found += fill
  }
  for (const queued of await store.queue.list()) {
    const bytes = await store.queue.read(queued.queueId, 0, queued.sizeOctets)
    assert.ok(letter(queued.sizeOctets, String.fromCharCode(bytes[0] ?? 0)).equals(bytes))
  }
  return found
}

/** What is tried: letters given in one turn, all of one group. */
type Trial = { readonly name: string; readonly letters: readonly (readonly [fill: string, octets: number])[] }

const LARGE = 2 * BODY_IN_MEMORY_MAX_OCTETS + 77
const TRIALS: readonly Trial[] = [
  { name: 'a small letter', letters: [['s', 700]] },
  { name: 'a large letter', letters: [['L', LARGE]] },
  {
    name: 'a group that goes on in a second segment',
    letters: [
      ['s', 1500],
      ['t', 1500],
      ['u', 1500],
    ],
  },
  {
    name: 'small and large in one group',
    letters: [
      ['s', 900],
      ['L', LARGE],
      ['t', 900],
      ['M', LARGE],
    ],
  },
]

async function give(store: Store, accountId: AccountId, trial: Trial): Promise<string> {
  let acked = ''
  const one = async ([fill, octets]: readonly [string, number]): Promise<void> => {
    const local = [{ accountId, mailbox: 'INBOX' as const, flags: [] }]
    await accept(store, letter(octets, fill), { local, relay: [relayTo('b.example')] })
    acked += fill
  }
  await Promise.allSettled(trial.letters.map(one))
  return acked
}

async function crashAt(n: number, trial: Trial, remains: Remains): Promise<{ crashed: boolean }> {
  const directory = temporaryDirectory()
  const dataDir = join(directory.path, 'data')
  try {
    const files = faultyFiles()
    const before = await prepared(dataDir, files)
    files.arm({ at: n, code: 'POWER' })
    const acked = await give(before.store, before.accountId, trial)
    await before.store.close()
    const crashed = files.operations.length > n
    assert.ok(crashed || acked.length === trial.letters.length)

    const disk = files.afterCrash(remains)
    const store = await open(dataDir, disk)
    const found = await wholeMessages(store, before.accountId)
    for (const fill of `p${acked}`) assert.ok(found.includes(fill), `${fill} was acknowledged and is gone`)
    await deliver(store, before.accountId, letter(50, 'n'))
    assert.ok((await wholeMessages(store, before.accountId)).endsWith('n'))
    await store.close()
    assert.deepEqual(verifyStore({ dataDir, files: disk }), [])
    assert.deepEqual(
      disk.names().filter((name) => name.endsWith('.part')),
      [],
      'the spool is empty again',
    )
    return { crashed }
  } finally {
    directory.remove()
  }
}

async function prepared(dataDir: string, files: FaultyFiles) {
  const store = await open(dataDir, files)
  const accountId = await account(store)
  await deliver(store, accountId, letter(300, 'p'))
  return { store, accountId }
}

suite('a crash between any two file operations', () => {
  for (const trial of TRIALS) {
    for (const remains of ['nothing', 'half', 'all'] as const) {
      test(`${trial.name}, ${remains} of what was not synced remains`, async () => {
        let n = 0
        while ((await crashAt(n, trial, remains)).crashed) n++
        assert.ok(n >= 2, `only ${n} operations`)
      })
    }

    test(`${trial.name}: bytes are on the device, rows are not`, async () => {
      const directory = temporaryDirectory()
      try {
        const dataDir = join(directory.path, 'data')
        const files = faultyFiles()
        const { store, accountId } = await prepared(dataDir, files)
        const copy = join(directory.path, 'copy')
        cpSync(dataDir, copy, { recursive: true }) // The rows as before.
        assert.equal((await give(store, accountId, trial)).length, trial.letters.length)
        await store.close()
        rmSync(dataDir, { recursive: true })
        cpSync(copy, dataDir, { recursive: true })
        const again = await open(dataDir, files.afterCrash('nothing'))
        assert.equal(await wholeMessages(again, accountId), 'p')
        await give(again, accountId, trial)
        assert.equal((await wholeMessages(again, accountId)).length, 1 + trial.letters.length)
        await again.close()
      } finally {
        directory.remove()
      }
    })
  }

  test('the check itself: without the sync of the segment, a letter is lost', async () => {
    const directory = temporaryDirectory()
    try {
      const dataDir = join(directory.path, 'data')
      const files: FaultyFiles = { ...faultyFiles(), dataSync() {} }
      const { store, accountId } = await prepared(dataDir, files)
      await store.close()
      const again = await open(dataDir, files.afterCrash('nothing'))
      await assert.rejects(wholeMessages(again, accountId))
      await again.close()
    } finally {
      directory.remove()
    }
  })
})
