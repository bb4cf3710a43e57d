/**
 * R3: the power goes. The data directory is on an ext4 image of its own; the cut is a copy of that image, taken beside
 * the mounted file system, so whatever was only in the page cache is not in it. Needs root and loop mounts.
 */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, constants, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../../std/log.ts'
import type { AccountId } from '../../model/ids.ts'
import { testClock } from '../testing/clock.ts'
import { ALL, collect, mailboxId } from '../testing/letters.ts'
import type { Acked } from '../testing/power-child.ts'
import { temporaryDirectory } from '../testing/rooms.ts'
import { openStore } from './open.ts'
import { verifyStore } from './verify.ts'

const CUTS = 5
const IMAGE_OCTETS = 192 * 1024 * 1024
const CHILD = fileURLToPath(new URL('../testing/power-child.ts', import.meta.url))

type Machine = { readonly mounted: string; readonly image: string; readonly path: string; remove(): void }

const run = (program: string, ...args: string[]): void => void execFileSync(program, args, { stdio: 'pipe' })
/** No commit of the journal and no write-back by age while the test runs: what is not synced stays in memory. */
const mount = (image: string, at: string): void => run('mount', '-o', 'loop,commit=600,data=ordered', image, at)

function bootMachine(): Machine {
  const { path, remove } = temporaryDirectory()
  const image = join(path, 'disk.img')
  const mounted = join(path, 'mounted')
  mkdirSync(mounted)
  try {
    writeFileSync(image, '')
    truncateSync(image, IMAGE_OCTETS)
    run('mkfs.ext4', '-q', '-F', image)
    mount(image, mounted)
    run('sync', '-f', mounted)
  } catch (error) {
    remove()
    throw error
  }
  return {
    mounted,
    image,
    path,
    remove() {
      run('umount', '-l', mounted)
      remove()
    },
  }
}

/** Why this machine cannot run these tests, or false. */
function obstacle(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux (a file system is mounted)'
  try {
    bootMachine().remove()
    return false
  } catch (error) {
    return `cannot make and mount an ext4 image: ${String(error).split('\n')[0]}`
  }
}

async function killed(child: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** Runs the writer until it has acknowledged `enough`, then kills it. @returns all that it did acknowledge */
async function ackedUntilKilled(dataDir: string, mode: 'sync' | 'no-sync', enough: number): Promise<Acked[]> {
  const child = spawn(process.execPath, [CHILD, dataDir, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acked: Acked[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acked.push(JSON.parse(line) as Acked)
    if (acked.length === enough) await killed(child)
  }
  return acked
}

/** Takes the power away at that point. @returns a copy of the disk */
async function powerCut(machine: Machine, mode: 'sync' | 'no-sync', enough: number) {
  const acked = await ackedUntilKilled(join(machine.mounted, 'data'), mode, enough)
  const copy = join(machine.path, 'after-the-cut.img')
  copyFileSync(machine.image, copy, constants.COPYFILE_FICLONE)
  return { acked, copy }
}

/** @returns what was acknowledged and is not there, or not as it was */
async function lost(dataDir: string, acked: readonly Acked[]): Promise<Acked[]> {
  const store = await openStore({ dataDir, clock: testClock, log: silentLog, quickCheck: true })
  const accountId = 1 as AccountId
  const entries = await collect(store.mail.entries(accountId, await mailboxId(store, accountId), ALL))
  assert.deepEqual(
    entries.map((entry) => entry.uid),
    entries.map((_, i) => i + 1),
    'no gap, no double',
  )
  const byUid = new Map<number, (typeof entries)[number]>(entries.map((entry) => [entry.uid, entry]))
  const missing: Acked[] = []
  for (const one of acked) {
    const entry = byUid.get(one.uid)
    const seen = entry?.flags.includes('\\Seen') === true
    const bytes = entry && (await store.mail.read(accountId, entry.messageKey, 0, one.octets).catch(() => null))
    const whole = bytes !== undefined && bytes !== null && Buffer.alloc(one.octets, one.fill).equals(bytes)
    if (!whole || (one.seen && !seen)) missing.push(one)
  }
  await store.close()
  if (missing.length === 0) assert.deepEqual(verifyStore({ dataDir }), [])
  return missing
}

async function afterTheCut(mode: 'sync' | 'no-sync', enough: number): Promise<{ acked: number; lost: Acked[] }> {
  const machine = bootMachine()
  const again = join(machine.path, 'again')
  try {
    const { acked, copy } = await powerCut(machine, mode, enough)
    mkdirSync(again)
    mount(copy, again)
    try {
      return { acked: acked.length, lost: await lost(join(again, 'data'), acked) }
    } finally {
      run('umount', '-l', again)
    }
  } finally {
    machine.remove()
  }
}

suite('kill -9 (R1)', () => {
  for (const enough of [30, 77, 150]) {
    test(`after ${enough} acknowledgements loses none, doubles none, and the next start is at once`, async () => {
      const directory = temporaryDirectory()
      try {
        const dataDir = join(directory.path, 'data')
        const acked = await ackedUntilKilled(dataDir, 'sync', enough)
        assert.ok(acked.length >= enough)
        assert.deepEqual(await lost(dataDir, acked), [])
      } finally {
        directory.remove()
      }
    })
  }
})

suite('a power cut', { skip: obstacle() }, () => {
  for (let cut = 0; cut < CUTS; cut++) {
    test(`loses nothing that was acknowledged (${cut + 1} of ${CUTS})`, async () => {
      const enough = 40 + cut * 53
      const result = await afterTheCut('sync', enough)
      assert.ok(result.acked >= enough)
      assert.deepEqual(result.lost, [])
    })
  }

  test('the test itself: a store that does not sync loses letters', async () => {
    const result = await afterTheCut('no-sync', 60)
    assert.ok(result.lost.length > 0)
  })
})
