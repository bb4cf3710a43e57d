/**
 * Runs in a process of its own until the power goes: takes letters without end and says on standard output what the
 * store acknowledged. `node power-child.ts DIR sync|no-sync`.
 */
import { silentLog } from '../../std/log.ts'
import { BODY_IN_MEMORY_MAX_OCTETS } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Store } from '../contract.ts'
import { type Files, realFiles } from '../files.ts'
import { openStore } from '../sqlite/open.ts'
import { testClock } from './clock.ts'
import { account, deliver, mailboxId, range } from './letters.ts'

/** What was acknowledged: a letter of this size, all of one octet; or its \Seen. */
export type Acked = { readonly uid: number; readonly octets: number; readonly fill: number; readonly seen: boolean }

/** A liar: says it has synced. The control that shows that the test can fail. */
const withoutSync: Files = {
  ...realFiles,
  dataSync() {},
  syncDirectory() {},
  async createSpool(path) {
    return { ...(await realFiles.createSpool(path)), sync: () => Promise.resolve() }
  },
}

const say = (acked: Acked): void => void process.stdout.write(`${JSON.stringify(acked)}\n`)

async function one(store: Store, accountId: AccountId, n: number): Promise<void> {
  const octets = n % 7 === 0 ? BODY_IN_MEMORY_MAX_OCTETS + n : 500 + (n % 5000)
  const fill = n % 256
  const uid = await deliver(store, accountId, Buffer.alloc(octets, fill))
  say({ uid, octets, fill, seen: false })
  if (n % 3 !== 0) return
  await store.run({
    do: 'setFlags',
    accountId,
    mailboxId: await mailboxId(store, accountId),
    uids: [range(uid)],
    mode: 'add',
    flags: ['\\Seen'],
    unchangedSince: null,
  })
  say({ uid, octets, fill, seen: true })
}

const [dataDir = '', mode] = process.argv.slice(2)
const files = mode === 'no-sync' ? withoutSync : realFiles
const store = await openStore({ dataDir, files, clock: testClock, log: silentLog })
const accountId = await account(store)
for (let n = 1; ; n += 8) await Promise.all(Array.from({ length: 8 }, (_, i) => one(store, accountId, n + i)))
