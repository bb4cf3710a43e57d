/** R6 on a real file system that fills up: SQLite's own files too. Needs root, for a small tmpfs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '../../std/log.ts'
import { BODY_IN_MEMORY_MAX_OCTETS } from '../../model/limits.ts'
import { type Store, StoreError } from '../contract.ts'
import { testClock } from '../testing/clock.ts'
import { account, ALL, collect, deliver, mailboxId } from '../testing/letters.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { connectStore } from './connect.ts'
import { openStore } from './open.ts'
import { startStoreWriter } from './start.ts'
import { verifyStore } from './verify.ts'

const SIZE_MIB = 12

type Place = { readonly mounted: string; fill(): void; free(): void; remove(): void }

function smallPlace(): Place {
  const { path, remove } = temporaryDirectory()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', path], { stdio: 'pipe' })
  const filler = join(path, 'filler')
  return {
    mounted: path,
    /** To the last octet. */
    fill() {
      for (let piece = 1 << 20; piece >= 1; piece >>= 1) {
        try {
          for (;;) appendFileSync(filler, Buffer.alloc(piece))
        } catch {
          // Full for this size of piece.
        }
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove() {
      execFileSync('umount', ['-l', path], { stdio: 'pipe' })
      remove()
    },
  }
}

function obstacle(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux (a file system is mounted)'
  try {
    smallPlace().remove()
    return false
  } catch (error) {
    return `cannot mount a tmpfs: ${String(error).split('\n')[0]}`
  }
}

async function inSameThread(dataDir: string) {
  const store = await openStore({ dataDir, clock: testClock, log: silentLog })
  return { store, close: () => store.close() }
}

async function inItsOwn(dataDir: string) {
  const writer = await startStoreWriter({ dataDir, log: silentLog })
  const store = await connectStore({ dataDir, port: writer.connect(), clock: testClock, log: silentLog })
  return {
    store,
    async close() {
      await store.close()
      await writer.close()
    },
  }
}

const noSpace = (error: unknown): boolean => error instanceof StoreError && error.kind === 'no-space'

/** Tries until the device is found to have room again: the look at it is at most a second old. */
async function deliveredAgain(store: Store, accountId: Parameters<typeof deliver>[1]): Promise<number> {
  for (;;) {
    try {
      return await deliver(store, accountId, 'room again')
    } catch (error) {
      if (!noSpace(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

suite('a file system that is full', { skip: obstacle() }, () => {
  for (const [name, open] of [['one thread', inSameThread] as const, ['two threads', inItsOwn] as const]) {
    test(`nothing is acknowledged without room, nothing is lost, and it recovers alone (${name})`, async () => {
      const place = smallPlace()
      const dataDir = join(place.mounted, 'data')
      const { store, close } = await open(dataDir)
      try {
        const ann = await account(store)
        const inbox = await mailboxId(store, ann)
        const change = { accountId: ann, mailboxId: inbox, uids: ALL, unchangedSince: null } as const
        let kept = 0
        // Until the part that is kept free is reached.
        await assert.rejects(async () => {
          for (; ; kept++) {
            // Small and large, so that segments and spool both fill up.
            await deliver(store, ann, Buffer.alloc(kept % 5 === 0 ? 2 * BODY_IN_MEMORY_MAX_OCTETS : 50_000, 'x'))
          }
        }, noSpace)
        assert.ok(kept > 20)
        const flagged = await store.run({ do: 'setFlags', ...change, mode: 'add', flags: ['\\Seen'] })
        assert.ok(flagged.at === 'done' && flagged.changed.length === kept)

        place.fill()
        await assert.rejects(async () => {
          // Sooner or later the log must grow.
          for (let i = 0; ; i++) {
            await store.run({ do: 'setFlags', ...change, mode: i % 2 ? 'add' : 'remove', flags: ['\\Flagged'] })
          }
        }, noSpace)
        await assert.rejects(deliver(store, ann, Buffer.alloc(2 * BODY_IN_MEMORY_MAX_OCTETS)), noSpace)
        await assert.rejects(deliver(store, ann, 'x'), noSpace)
        const entries = await collect(store.mail.entries(ann, inbox, ALL))
        assert.equal(entries.length, kept)
        for (const { messageKey, sizeOctets } of entries) await store.mail.read(ann, messageKey, 0, sizeOctets)

        place.free()
        const uid = await deliveredAgain(store, ann)
        assert.equal(uid, kept + 1)
        await store.run({ do: 'expunge', accountId: ann, mailboxId: inbox, uids: ALL, deletedOnly: false })
        await deliveredAgain(store, ann)
        await close()
        assert.deepEqual(verifyStore({ dataDir }), [])
      } finally {
        await close()
        place.remove()
      }
    })
  }
})
