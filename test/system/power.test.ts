/**
 * R3: a power cut loses nothing that was acknowledged. The data directory is on an ext4 image that is shut down without a flush
 * of its journal (EXT4_IOC_SHUTDOWN), which is what a cut leaves behind; a kill alone would leave the page cache.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { ranWell } from '../interop/clients.ts'
import { PEOPLE, startGavan } from '../interop/gavan.ts'
import { haveAll } from '../interop/peers.ts'
import { freeOffset } from '../interop/ports.ts'
import { run, until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { startLoad } from './load.ts'
import { assertKept, emptyBooks, enter, type UidWatch } from './survival.ts'

const CUTS = Number(process.env['GAVAN_CUTS'] ?? 3)

/** Says that it is ready, waits for a line, cuts. 2: EXT4_GOING_FLAGS_NOLOGFLUSH. */
const SHUTDOWN = `
import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
fcntl.ioctl(disk, 0x8004587D, struct.pack("I", 2))
`

type Disk = AsyncDisposable & {
  readonly path: string
  mount(): Promise<void>
  /** @returns what cuts, at once */
  armCut(): Promise<() => Promise<void>>
  unmount(): Promise<void>
}

async function makeDisk(folder: string): Promise<Disk> {
  const image = join(folder, 'image')
  const path = join(folder, 'disk')
  const script = join(folder, 'shutdown.py')
  mkdirSync(path)
  writeFileSync(script, SHUTDOWN)
  await ranWell('truncate', ['-s', '400M', image])
  await ranWell('mkfs.ext4', ['-q', image])
  let mounted = false
  const unmount = async (): Promise<void> => {
    if (mounted) await until('unmounting', async () => ((await run('umount', [path])).code === 0 ? true : null), 10_000)
    mounted = false
  }
  return {
    path,
    async mount() {
      await ranWell('mount', ['-o', 'loop', image, path])
      mounted = true
    },
    async armCut() {
      const child = spawn('python3', [script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
      const ended = once(child, 'exit')
      await once(child.stdout, 'data')
      return async () => {
        child.stdin.end('\n')
        assert.deepEqual(await ended, [0, null])
      }
    },
    unmount,
    [Symbol.asyncDispose]: unmount,
  }
}

/** Whether this machine lets us mount a file: root in a container often may not. */
async function mayMount(): Promise<boolean> {
  if (!haveAll(['root', 'mkfs.ext4', 'mount', 'python3'])) return false
  using folder = temporaryFolder('mount')
  try {
    await using disk = await makeDisk(folder.path)
    await disk.mount()
    return true
  } catch {
    return false
  }
}

test(
  `a power cut under load, ${CUTS} times`,
  { skip: !(await mayMount()) && 'peer missing: loop mount' },
  async (t) => {
    using folder = temporaryFolder('power')
    await using disk = await makeDisk(folder.path)
    const offset = await freeOffset()
    const books = emptyBooks()
    const watch: UidWatch = new Map()
    for (let cut = 1; cut <= CUTS; cut++) {
      await disk.mount()
      await using gavan = await startGavan({ folder: disk.path, offset })
      await assertKept(gavan, books, watch)
      await using load = startLoad({
        port: gavan.ports.mx,
        connections: 12,
        recipients: PEOPLE.map(({ address }) => address),
        largeOctets: 400_000,
      })
      await until('a letter to be acknowledged', () => (load.acknowledged.length > 0 ? true : null))
      const pauseMs = 100 + Math.floor(Math.random() * 500)
      const cutPower = await disk.armCut()
      await wait(pauseMs)
      // A machine without power says nothing. Ours goes on for a moment, and a sync that was under way when the file system
      // was shut down may return as if it had been done (seen with a program of three lines): trust ends here.
      load.distrust()
      await cutPower()
      process.kill(gavan.ready.pid, 'SIGKILL')
      await gavan.stop()
      await load.stop()
      enter(books, load)
      await disk.unmount()
      t.diagnostic(
        `cut ${cut} after ${pauseMs} ms: ${load.acknowledged.length} acknowledged, ${load.unknown.length} unknown`,
      )
    }
    await disk.mount()
    await using gavan = await startGavan({ folder: disk.path, offset })
    await assertKept(gavan, books, watch)
    assert.ok(books.acknowledged.length > CUTS)
  },
)
