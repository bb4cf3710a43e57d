/**
 * A file system in memory that knows what is on its device: it can lose power between any two operations and forget
 * what was not synced, or fail one operation. SQLite's own files are beside it, on the real one.
 */
import type { Files, FileStat } from '../files.ts'

type Inode = { content: Buffer; durable: Buffer }
type Fault = { readonly at: number; readonly code: string; readonly only?: Operation }
export type Operation = 'create' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'sync-directory'

/** What a crash leaves of unsynced writes: nothing, everything, or the first half of each file's new octets. */
export type Remains = 'nothing' | 'all' | 'half'

export type FaultyFiles = Files & {
  /** Operations that change something, since the last `arm`. */
  readonly operations: readonly Operation[]
  /** The nth operation from now (0 is the next; of one kind, if named) fails. `POWER` stays: no later one succeeds. */
  arm(fault: Fault | null): void
  /** The disk as the next start finds it. */
  afterCrash(remains: Remains): FaultyFiles
  /** The same disk, with one directory under another name. */
  renamed(from: string, to: string): FaultyFiles
  /** Reads of this file fail with EIO: a bad sector. Null: none do. */
  failReads(path: string | null): void
  setSpace(freeOctets: number): void
  /** Changes octets on the device. */
  damage(path: string, position: number): void
  names(): string[]
}

const HUGE = 2 ** 40

export function faultyFiles(start?: { inodes: Map<string, Buffer> }): FaultyFiles {
  const names = new Map<string, Inode>()
  const durableNames = new Map<string, Inode>()
  for (const [path, content] of start?.inodes ?? []) {
    const inode = { content, durable: content }
    names.set(path, inode)
    durableNames.set(path, inode)
  }
  const descriptors = new Map<number, Inode>()
  let nextDescriptor = 1000
  let operations: Operation[] = []
  let fault: Fault | null = null
  let counted = 0
  let powerless = false
  let freeOctets = HUGE
  let unreadable: string | null = null

  function step(operation: Operation): void {
    if (powerless) throw systemError('POWER')
    operations.push(operation)
    if (fault === null || (fault.only !== undefined && fault.only !== operation)) return
    if (counted++ !== fault.at) return
    if (fault.code === 'POWER') powerless = true
    throw systemError(fault.code)
  }

  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
  const inodeOf = (fd: number): Inode => {
    const inode = descriptors.get(fd)
    if (inode === undefined) throw systemError('EBADF')
    return inode
  }
  const describe = (inode: Inode): number => {
    descriptors.set(nextDescriptor, inode)
    return nextDescriptor++
  }
  function create(path: string): Inode {
    const found = names.get(path)
    if (found !== undefined) return found
    step('create')
    const inode = { content: Buffer.alloc(0), durable: Buffer.alloc(0) }
    names.set(path, inode)
    return inode
  }
  function write(inode: Inode, bytes: Uint8Array, position: number): void {
    const size = Math.max(inode.content.length, position + bytes.length)
    const content = Buffer.alloc(size)
    inode.content.copy(content)
    content.set(bytes, position)
    inode.content = content
  }
  function sync(inode: Inode): void {
    step('sync')
    inode.durable = inode.content
  }
  function read(fd: number, into: Uint8Array, position: number): number {
    if (unreadable !== null && names.get(unreadable) === inodeOf(fd)) throw systemError('EIO')
    const piece = inodeOf(fd).content.subarray(position, position + into.length)
    into.set(piece)
    return piece.length
  }

  return {
    get operations() {
      return operations
    },
    arm(next) {
      fault = next
      counted = 0
      operations = []
    },
    afterCrash(remains) {
      const inodes = new Map<string, Buffer>()
      for (const [path, inode] of remains === 'nothing' ? durableNames : names) {
        inodes.set(path, remainsOf(inode, remains))
      }
      return faultyFiles({ inodes })
    },
    renamed(from, to) {
      const moved = [...names].map(([path, { content }]) => [path.replace(from, to), content] as const)
      return faultyFiles({ inodes: new Map(moved) })
    },
    failReads(path) {
      unreadable = path
    },
    setSpace(octets) {
      freeOctets = octets
    },
    damage(path, position) {
      const inode = names.get(path)
      if (inode === undefined) throw systemError('ENOENT')
      const content = Buffer.from(inode.content)
      content[position] = (content[position] ?? 0) ^ 1
      inode.content = content
    },
    names: () => [...names.keys()],
    makeDirectory() {},
    list: (path) =>
      [...names.keys()].filter((name) => parentOf(name) === path).map((name) => name.slice(path.length + 1)),
    stat(path): FileStat | null {
      const inode = names.get(path)
      return inode === undefined ? null : { sizeOctets: inode.content.length, modifiedAtMs: 0 }
    },
    openRead(path) {
      const inode = names.get(path)
      if (inode === undefined) throw systemError('ENOENT')
      return describe(inode)
    },
    openWrite: (path) => describe(create(path)),
    close: (fd) => void descriptors.delete(fd),
    write(fd, parts, position) {
      step('write')
      write(inodeOf(fd), Buffer.concat(parts), position)
    },
    dataSync: (fd) => sync(inodeOf(fd)),
    truncate(fd, sizeOctets) {
      step('truncate')
      const inode = inodeOf(fd)
      inode.content = inode.content.subarray(0, sizeOctets)
    },
    rename(from, to) {
      const inode = names.get(from)
      if (inode === undefined) throw systemError('ENOENT')
      step('rename')
      names.delete(from)
      names.set(to, inode)
    },
    remove(path) {
      if (!names.has(path)) return
      step('remove')
      names.delete(path)
    },
    syncDirectory(path) {
      step('sync-directory')
      for (const name of durableNames.keys()) if (parentOf(name) === path) durableNames.delete(name)
      for (const [name, inode] of names) if (parentOf(name) === path) durableNames.set(name, inode)
    },
    read,
    readAsync: (fd, into, position) => Promise.resolve(read(fd, into, position)),
    space: () => ({ freeOctets, totalOctets: HUGE }),
    createSpool(path) {
      const inode = create(path)
      return Promise.resolve({
        async write(bytes, position) {
          step('write')
          write(inode, bytes, position)
          return Promise.resolve()
        },
        async sync() {
          sync(inode)
          return Promise.resolve()
        },
        close: () => Promise.resolve(),
      })
    },
  }
}

function remainsOf({ content, durable }: Inode, remains: Remains): Buffer {
  switch (remains) {
    case 'nothing':
      return durable
    case 'all':
      return content
    case 'half': {
      if (content.length <= durable.length) return durable
      return content.subarray(0, durable.length + ((content.length - durable.length) >> 1))
    }
  }
}

const systemError = (code: string): Error => Object.assign(new Error(`injected ${code}`), { code, errno: -1 })
