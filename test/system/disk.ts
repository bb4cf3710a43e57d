/** A file system of our own, in a file, that can be cut off as by a power failure. Needs root and loop mounts. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ranWell } from '../interop/clients.ts'
import { haveAll } from '../interop/peers.ts'
import { run, until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'

/** Says that it is ready, waits for a line, cuts. 2: EXT4_GOING_FLAGS_NOLOGFLUSH. */
const SHUTDOWN = `
import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
fcntl.ioctl(disk, 0x8004587D, struct.pack("I", 2))
`

export type Disk = AsyncDisposable & {
  readonly path: string
  mount(): Promise<void>
  /** @returns what cuts, at once */
  armCut(): Promise<() => Promise<void>>
  unmount(): Promise<void>
}

export async function makeDisk(folder: string): Promise<Disk> {
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
export async function mayMount(): Promise<boolean> {
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
